//! The rules of `ipvsadm`: what `ipvsadm -S` prints and `ipvsadm -R` reads, and what `ipvsadm -L` shows.
//!
//! [`read`] turns rules into a [`Table`](lvs_model::Table) and says what is wrong with them; [`canonical`] turns a table
//! into rules. [`Rules`] keeps a file byte for byte, to edit it. [`Reader`] and [`Printer`] know the variants: strict as
//! `ipvsadm -R`, lenient for shell scripts, names of hosts and services, the tool's own losses.
//!
//! ```
//! use lvs_config::ipvsadm;
//!
//! let rules = "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 3\n";
//! let reading = ipvsadm::read(rules);
//! assert!(reading.diagnostics.is_empty());
//! assert_eq!(ipvsadm::canonical(&reading.table), "\
//! -A -t 10.0.0.1:80 -s wrr
//! -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 3
//! -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
//! ");
//! ```

mod address;
mod bond;
mod build;
mod build_daemon;
mod build_list;
mod build_server;
mod build_service;
mod command;
mod document;
mod draft;
mod edit;
mod effect;
mod fast;
mod lint;
mod names;
mod number;
mod option;
mod order;
mod print;
mod problem;
mod reader;
mod resolver;
mod scan;
mod shell;
mod sites;
mod suggest;
mod view;
mod walk;
mod word;

pub use command::{Columns, Command, CommandError, Counters, Listing, Naming};
pub use document::{Line, LineCommand, Mode, Rules, Token, TokenKind};
pub use edit::{EditError, Editor};
pub use names::NameTable;
pub use order::Order;
pub use print::{Printer, canonical};
pub use reader::{Commands, Reader, Reading, read};
pub use resolver::{NoNames, Resolver};
pub use view::{
    Connection, ConnectionView, ServiceStatistics, View, ViewError, daemons, read_list, read_statistics, timeouts,
};
