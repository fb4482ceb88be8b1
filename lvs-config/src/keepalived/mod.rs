//! The configuration of keepalived.
