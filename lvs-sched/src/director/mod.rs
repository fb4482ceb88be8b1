//! IPVS itself in user space, without I/O: packets go in, verdicts come out, time is an argument.
//!
//! Services are looked up, connections tracked, clients kept where they were, and timeouts counted as the kernel does it.
//! It replays recorded kernel scenarios packet for packet, and is what a simulator or a user-space balancer runs on.
//!
//! ```
//! use std::time::Duration;
//! use lvs_model::{Destination, SchedulerName, Service};
//! use lvs_sched::director::{Director, Packet, Segment, TcpFlags};
//!
//! let web = "tcp 198.51.100.1:80".parse()?;
//! let mut director = Director::default();
//! director.add_service(Service::new(web, SchedulerName::Wlc))?;
//! director.add_destination(&web, Destination::new("10.0.0.1:8080".parse()?))?;
//! director.add_destination(&web, Destination::new("10.0.0.2:8080".parse()?))?;
//!
//! let syn = Packet::new("192.0.2.7:40000".parse()?, "198.51.100.1:80".parse()?, Segment::Tcp(TcpFlags::SYN));
//! let verdict = director.inbound(&syn, Duration::ZERO);
//! assert_eq!(verdict.destination(), Some("10.0.0.2:8080".parse()?));
//! assert_eq!(director.connections().next().unwrap().state.name(), "SYN_RECV");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When is a connection active, and when does it end?
//!
//! A connection counts for its destination from its first packet until its time is over; there is no other end. It counts as
//! *active* in some states and as *inactive* in the others:
//!
//! | protocol | active | inactive | ends |
//! |---|---|---|---|
//! | TCP | from the client's SYN (`SYN_RECV`), while opening and `ESTABLISHED` | from the first FIN or RST that is believed | 15 min after the last packet while `ESTABLISHED`, 1 min in `SYN_RECV` and `CLOSE_WAIT`, 2 min in `FIN_WAIT` and `TIME_WAIT`, 10 s in `CLOSE` |
//! | UDP | never | always | 5 min after the last packet in either direction |
//! | SCTP | while `ESTABLISHED` only | while opening and closing | 15 min after the last packet while `ESTABLISHED`, about a minute in other states, 4 s after the first INIT |
//! | one packet (`ipvsadm -o`, UDP) | never | during the packet | with the verdict |
//!
//! So `lc` and `wlc`, which count inactive connections a little, see UDP; `sed`, `nq` and `ovf`, which count active ones only, do
//! not. A removed destination keeps its connections and they end in the same way; added again, it has its counters back.
//! [`TcpState`] and [`SctpState`] list all states; [`Sysctls::timeouts`] changes three of the times.
//!
//! # Memory
//!
//! A connection or a persistence template takes **80 bytes**, its timer included, and 4 to 8 bytes of the index, IPv4 and IPv6
//! alike: a million connections are 84 to 88 MB ([`Director::memory`]). Records come in chunks of 1024; nothing is copied when the table grows,
//! except the index, which doubles. The table never shrinks, and nothing bounds it but the caller, as in the kernel.
//!
//! # What it leaves out
//!
//! Rewriting and encapsulating packets, ICMP errors about connections, the FTP helper, persistence engines (`sip`), the sync protocol,
//! `drop_entry` and `drop_packet` are not here: the first needs bytes, the others are defences of a kernel.

mod clock;
mod config;
mod connections;
mod counters;
mod entry;
mod error;
mod expiry;
mod lookup;
mod packet;
mod persistence;
mod sctp;
mod servers;
mod slab;
mod state;
mod sysctls;
mod table;
mod tcp;
mod traffic;
mod transition;
mod verdict;
mod wheel;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use hashbrown::HashMap;
use lvs_model::{Endpoint, Service, ServiceKey};

use self::clock::Tick;
use self::counters::Counters;
use self::servers::Servers;
use self::table::Table;
use crate::algo::{AnyScheduler, Draws, Random, Scheduled, Settings};

pub use self::clock::TICK;
pub use self::connections::{ConnectionEntry, Controlled};
pub use self::error::ConfigError;
pub use self::packet::{Packet, SctpChunks, Segment, TcpFlags};
pub use self::sctp::SctpState;
pub use self::state::{State, TemplateState};
pub use self::sysctls::{
    CacheBypass, ExpireNodest, QuiescentTemplates, ReuseMode, SecureTcp, Sloppy, Sysctls, UnprivilegedPorts,
};
pub use self::tcp::TcpState;
pub use self::verdict::{Forward, Verdict};

/// This is an IPVS namespace: services, destinations, connections, and their rules.
///
/// It is for one owner (`&mut`); put one on each thread, or behind a lock. `D` draws the random numbers of the
/// [`Twos`](crate::algo::Twos) scheduler. See the [module](self) for an example.
pub struct Director<D = Random> {
    kernel: Settings,
    sysctls: Sysctls,
    draws: D,
    now: Duration,
    tick: Tick,
    table: Table,
    servers: Servers,
    services: Vec<Option<Virtual>>,
    free_services: Vec<u32>,
    index: HashMap<ServiceKey, u32>,
    /// How many services there are of IPv4 and of IPv6: without any, packets of the family are left alone.
    families: [usize; 2],
    /// When each service's scheduler hears about the time again.
    minutes: BTreeSet<(Tick, u32)>,
    /// When the connections of removed destinations are flushed.
    flush: Option<Tick>,
    total: Counters,
}

/// A service with its scheduler.
struct Virtual {
    service: Service,
    scheduled: Scheduled<AnyScheduler>,
    /// The destinations' numbers in [`Servers`] by [`DestinationId::index`](crate::algo::DestinationId::index).
    servers: Vec<u32>,
    by_endpoint: HashMap<Endpoint, u32>,
    counters: Counters,
    minute: Tick,
}

impl Director {
    /// This makes an empty namespace of a kernel as `settings` describe it, without services, with all
    /// switches as a fresh kernel has them.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::with_draws(settings, Random::seeded(0))
    }
}

impl Default for Director {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl<D: Draws> Director<D> {
    /// This makes an empty namespace whose `twos` schedulers draw from `draws`.
    #[must_use]
    pub fn with_draws(settings: Settings, draws: D) -> Self {
        Self {
            kernel: settings,
            sysctls: Sysctls::default(),
            draws,
            now: Duration::ZERO,
            tick: Tick::default(),
            table: Table::new(),
            servers: Servers::default(),
            services: Vec::new(),
            free_services: Vec::new(),
            index: HashMap::new(),
            families: [0; 2],
            minutes: BTreeSet::new(),
            flush: None,
            total: Counters::default(),
        }
    }

    /// This is the kernel that is imitated.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.kernel
    }

    /// This is the switches in force.
    #[must_use]
    pub const fn sysctls(&self) -> &Sysctls {
        &self.sysctls
    }

    /// This gives access to the switches, which may be changed between any two packets.
    pub const fn sysctls_mut(&mut self) -> &mut Sysctls {
        &mut self.sysctls
    }

    /// This changes `lblc_expiration` and `lblcr_expiration` for all services, 24 hours by default.
    pub fn set_cache_expiration(&mut self, expiration: Duration) {
        self.kernel = self.kernel.with_cache_expiration(expiration);
        for service in self.services.iter_mut().flatten() {
            service.scheduled.set_cache_expiration(expiration);
        }
    }

    /// This gives access to the source of random numbers.
    pub const fn draws_mut(&mut self) -> &mut D {
        &mut self.draws
    }

    /// This is the time of the latest call that told it.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// This is how many bytes connections, templates and destinations take from the allocator, without the schedulers' own tables.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.table.memory() + self.servers.memory()
    }
}

impl<D> fmt::Debug for Director<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Director")
            .field("services", &self.index.keys())
            .field("connections", &self.table.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
