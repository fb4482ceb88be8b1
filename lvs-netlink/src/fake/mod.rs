//! An IPVS kernel in memory, for tests without root and for programs that want to try before they do.
//!
//! It speaks the bytes of the real one, checks what the real one checks, and answers with the same error numbers: every row of the
//! requests that were recorded on two real kernels is replayed against it, and thousands of damaged ones are compared with a running kernel.
//! It forwards no packets, so counters stand still unless a test sets them.
//! It can also be told to lose acknowledgements, overrun, hang, refuse, be reloaded, or to have a rival that changes things meanwhile.
//!
//! ```
//! use lvs_model::{SchedulerName, Service, ServiceKey};
//! use lvs_netlink::fake::{Fault, Kernel};
//! use lvs_netlink::{Client, ErrorKind};
//!
//! let kernel = Kernel::builder().without_scheduler(SchedulerName::Mh).build();
//! let mut client = Client::with_connector(kernel.clone())?;
//! let web: ServiceKey = "tcp 10.0.0.1:80".parse()?;
//!
//! let refused = client.add_service(&Service::new(web, SchedulerName::Mh)).unwrap_err();
//! assert!(matches!(refused.kind(), ErrorKind::SchedulerOrEngineMissing));
//!
//! kernel.inject(Fault::LoseAcknowledgements(1));
//! let unanswered = client.add_service(&Service::new(web, SchedulerName::Rr)).unwrap_err();
//! assert!(matches!(unanswered.kind(), ErrorKind::TimedOut(_)));
//! assert_eq!(kernel.table().len(), 1, "it was done all the same");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod attributes;
mod builder;
mod commands;
mod convert;
mod errno;
mod fault;
mod kernel;
mod message;
mod port;
mod request;
mod state;
mod world;

pub use builder::KernelBuilder;
pub use fault::Fault;
pub use kernel::{Kernel, Refusal, Rival, Socket};
pub use state::Generation;
