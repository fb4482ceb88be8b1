//! Kernels of other makes.

use super::kernel::Kernel;
use super::state::{Build, Generation};
use super::world::World;
use lvs_model::SchedulerName;

/// This makes an in-memory kernel with other properties than the usual ones.
///
/// ```
/// use lvs_netlink::fake::{Generation, Kernel};
///
/// let kernel = Kernel::builder().generation(Generation::TotalConns).ticks_per_second(250).build();
/// assert!(kernel.table().is_empty());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct KernelBuilder {
    build: Build,
    privileged: bool,
    loaded: bool,
}

impl Default for KernelBuilder {
    fn default() -> Self {
        let build = Build {
            generation: Generation::Classic,
            ticks_per_second: 100,
            schedulers: SchedulerName::KNOWN.iter().map(|name| name.as_str().into()).collect(),
            engines: vec![b"sip".to_vec()],
            interfaces: vec![(b"lo".to_vec(), 65_536)],
            loopback_up: true,
            connection_table_size: 4096,
            pads_wide_values: false,
        };
        Self { build, privileged: true, loaded: true }
    }
}

impl KernelBuilder {
    /// Which rules for thresholds hold. The usual one is [`Generation::Classic`].
    pub fn generation(mut self, generation: Generation) -> Self {
        self.build.generation = generation;
        self
    }

    /// The clock rate (`CONFIG_HZ`), which bounds timeouts; 100 unless set, at least 1.
    pub fn ticks_per_second(mut self, rate: u32) -> Self {
        self.build.ticks_per_second = rate.max(1);
        self
    }

    /// Another network interface on which a sync daemon can run, with its MTU in bytes.
    pub fn interface(mut self, name: &str, mtu: u32) -> Self {
        self.build.interfaces.push((name.into(), mtu));
        self
    }

    /// A kernel whose module for this scheduler is not installed.
    pub fn without_scheduler(mut self, name: SchedulerName) -> Self {
        self.build.schedulers.retain(|known| known != name.as_str().as_bytes());
        self
    }

    /// A network namespace whose `lo` is down, in which every IPv4 destination is refused with `EINVAL`.
    pub fn loopback_down(mut self) -> Self {
        self.build.loopback_up = false;
        self
    }

    /// A caller without `CAP_NET_ADMIN` in the initial user namespace: every command is refused with `EPERM`.
    pub fn unprivileged(mut self) -> Self {
        self.privileged = false;
        self
    }

    /// A kernel without the module `ip_vs`: the family is not known.
    pub fn without_module(mut self) -> Self {
        self.loaded = false;
        self
    }

    /// An architecture that aligns 64-bit values with empty attributes, as User Mode Linux does.
    pub fn padded(mut self) -> Self {
        self.build.pads_wide_values = true;
        self
    }

    /// The size of the connection table that [`Info`](lvs_model::Info) tells; 4096 unless set.
    pub fn connection_table_size(mut self, size: u32) -> Self {
        self.build.connection_table_size = size;
        self
    }

    /// This makes the kernel.
    #[must_use]
    pub fn build(self) -> Kernel {
        let mut world = World::new(self.build);
        world.privileged = self.privileged;
        world.loaded = self.loaded;
        Kernel::of(world)
    }
}
