//! Types for Linux Virtual Server (IPVS): services, real servers, forwarding modes, tables and their differences.
