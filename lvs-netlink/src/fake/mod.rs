//! An IPVS kernel in memory, for tests without root and for programs that want to try before they do.
//!
//! It speaks the bytes of the real one, checks what the real one checks, and answers with the same error numbers: every row of the
//! requests that were recorded on two real kernels is replayed against it. It forwards no packets, so counters stand still unless a test sets them.
//! It can also be told to lose acknowledgements, overrun, hang, refuse, be reloaded, or to have a rival that changes things meanwhile.

mod answer;
mod attributes;
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

pub use fault::Fault;
pub use kernel::{Kernel, KernelBuilder, Refusal, Rival, Socket};
pub use state::Generation;
