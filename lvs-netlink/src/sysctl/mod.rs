//! The switches of IPVS under `/proc/sys/net/ipv4/vs`, each with its type.
//!
//! ```no_run
//! use lvs_netlink::sysctl::{Switch, Sysctl, Sysctls};
//!
//! let sysctls = Sysctls::current();
//! if sysctls.read(Sysctl::EXPIRE_NODEST_CONN)? == Switch::Off {
//!     sysctls.write(Sysctl::EXPIRE_NODEST_CONN, Switch::On)?;
//! }
//! # Ok::<(), lvs_netlink::sysctl::SysctlError>(())
//! ```

mod files;
mod known;
mod value;

pub use files::{SysctlError, Sysctls};
pub use known::{SYSCTL_NAMES, Sysctl};
pub use value::{ConnectionReuse, Defense, Switch, SyncThreshold, SysctlValue};
