//! The texts under `/proc/net` that tell about IPVS: services, connections, and statistics.
//!
//! They need no capability, and reading all services with their destinations is three to ten times cheaper than through netlink. What they leave out
//! (thresholds, tunnels, scheduler flags, persistence engines, the family of a mark, statistics of services) only netlink tells.
//!
//! ```
//! use lvs_netlink::proc::{Connection, ServiceList};
//!
//! let list: ServiceList = "\
//! IP Virtual Server version 1.2.1 (size=4096)
//! Prot LocalAddress:Port Scheduler Flags
//!   -> RemoteAddress:Port Forward Weight ActiveConn InActConn
//! TCP  0A090001:0050 wlc\u{20}\u{20}
//!   -> 0A080001:1F90      Masq    100    1          0\u{20}\u{20}\u{20}\u{20}\u{20}\u{20}\u{20}\u{20}\u{20}
//! ".parse()?;
//! assert_eq!(list.services[0].destinations[0].endpoint.to_string(), "10.8.0.1:8080");
//!
//! let line = "TCP 0A000103 0413 0A090001 0050 0A080001 1F90 SYN_RECV         57";
//! assert_eq!(Connection::parse(line)?.expires.as_secs(), 57);
//! # Ok::<(), lvs_netlink::proc::ParseError>(())
//! ```

mod connections;
mod field;
mod files;
mod services;
mod statistics;

pub use connections::{Connection, Connections, Origin};
pub use field::ParseError;
pub use files::{ConnectionTable, Proc, ProcError};
pub use services::{ListedDestination, ListedForwarding, ListedKey, ListedPersistence, ListedService, ServiceList};
pub use statistics::{CpuStatistics, TotalStatistics};
