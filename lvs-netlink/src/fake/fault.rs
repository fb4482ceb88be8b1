//! What can be made to go wrong.

/// This is a trouble that the in-memory kernel is told to make, as seen on real ones.
///
/// ```
/// use lvs_netlink::fake::{Fault, Kernel};
///
/// let kernel = Kernel::new();
/// kernel.inject(Fault::LoseAcknowledgements(1));          // the next one
/// kernel.inject_after(100, Fault::Stuck);                 // when a hundred commands more have been executed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The next commands, this many, are executed, but neither acknowledgement nor error comes back.
    LoseAcknowledgements(u32),
    /// The next commands with this number (1 to 17, as in `IPVS_CMD_*`) are not executed but refused with `errno`.
    Refuse {
        /// The number of the command.
        command: u8,
        /// The error's number, positive as in `errno(3)`.
        errno: i32,
        /// How many are refused.
        times: u32,
    },
    /// The parts of the next dump say that it was interrupted (`NLM_F_DUMP_INTR`). The kernels of today never say so; later ones may.
    InterruptDump,
    /// The receive queue overruns: what would be queued next is lost, and the next receive fails once with `ENOBUFS`.
    Overrun,
    /// The sockets that are open now never answer again, and what is sent on them is not executed.
    Stuck,
    /// Nothing is executed any more, and every send fails with `ENOTCONN`, until [`Kernel::clear_faults`](super::Kernel::clear_faults):
    /// as if the program had been killed before it could send.
    Unreachable,
    /// The module is reloaded: every service is gone and the family has another number.
    Reload,
}

/// The faults that wait for their time, and those that are at work.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: Vec<(u64, Fault)>,
    lost: u32,
    refusals: Vec<(u8, i32, u32)>,
    interrupt: bool,
    overrun: bool,
    unreachable: bool,
}

impl Faults {
    pub(super) fn wait(&mut self, commands: u64, fault: Fault) {
        self.waiting.push((commands, fault));
    }

    /// Begins those whose time has come; the ones that concern sockets or the module are handed back.
    pub(super) fn begin(&mut self) -> Vec<Fault> {
        let due = |&mut (left, _): &mut (u64, Fault)| left == 0;
        let begun: Vec<Fault> = self.waiting.extract_if(.., due).map(|(_, fault)| fault).collect();
        for (left, _) in &mut self.waiting {
            *left -= 1;
        }
        begun.into_iter().filter(|fault| !self.take(*fault)).collect()
    }

    fn take(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::LoseAcknowledgements(count) => self.lost += count,
            Fault::Refuse { command, errno, times } => self.refusals.push((command, errno, times)),
            Fault::InterruptDump => self.interrupt = true,
            Fault::Overrun => self.overrun = true,
            Fault::Unreachable => self.unreachable = true,
            Fault::Stuck | Fault::Reload => return false,
        }
        true
    }

    pub(super) fn refusal(&mut self, command: u8) -> Option<i32> {
        let (_, errno, times) = self.refusals.iter_mut().find(|(which, _, times)| *which == command && *times > 0)?;
        *times -= 1;
        Some(*errno)
    }

    /// Whether the answer to this command gets lost.
    pub(super) fn lose(&mut self) -> bool {
        let lost = self.lost > 0;
        self.lost = self.lost.saturating_sub(1);
        lost
    }

    pub(super) fn interrupt(&mut self) -> bool {
        std::mem::take(&mut self.interrupt)
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    pub(super) fn overrun(&mut self) -> bool {
        std::mem::take(&mut self.overrun)
    }
}
