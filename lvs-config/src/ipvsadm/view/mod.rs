//! What `ipvsadm -L` shows, printed byte for byte and read back.

mod connections;
mod daemon;
mod number;
mod read;
mod services;

pub use connections::{Connection, ConnectionView};
pub use daemon::{daemons, timeouts};
pub use read::{ServiceStatistics, ViewError, read_list, read_statistics};
pub use services::View;
