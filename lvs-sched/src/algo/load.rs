//! How loaded a destination is: its connection counters and its overload flag.
//!
//! ```
//! use lvs_model::Thresholds;
//! use lvs_sched::algo::{Generation, Load};
//!
//! # fn main() -> Result<(), lvs_model::InvalidThresholds> {
//! let (mut load, two) = (Load::default(), Thresholds::new(2, 1)?);
//! load.bind(Generation::Classic, two);
//! assert_eq!((load.active(), load.inactive(Generation::Classic)), (0, 1));
//! load.activate(Generation::Classic);
//! assert_eq!((load.active(), load.inactive(Generation::Classic)), (1, 0));
//! load.bind(Generation::Classic, two);
//! assert!(load.is_overloaded());
//! # Ok(())
//! # }
//! ```

use lvs_model::{ConnectionCounts, Thresholds};

/// This says which kernels are imitated where kernels differ.
///
/// | | [`Classic`](Self::Classic) | [`TotalConns`](Self::TotalConns) |
/// |---|---|---|
/// | kernels | all up to 6.1.182 | 6.1.183 and later 6.1, 6.12.117 |
/// | counted per destination | active, inactive | active, total |
/// | overhead in lc, wlc, lblc, lblcr, twos | 256 × active + inactive | 257 × active + inactive |
/// | overload flag | follows each bind and each unbind | follows the crossing of a threshold, and edits at once |
///
/// Picks differ only where at least 256 inactive connections stand against one active, or after thresholds were edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a third generation would change picks, which users must notice")]
pub enum Generation {
    /// The rules of twenty years of kernels.
    #[default]
    Classic,
    /// The rules since connections are counted in total (stable kernels of autumn 2026).
    TotalConns,
}

/// This is the load of one destination, and the rules by which connections and templates change it.
///
/// A connection is counted from [`bind`](Self::bind) to [`unbind`](Self::unbind) and starts inactive. Nothing here overflows: counters
/// stop at their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Load {
    active: u32,
    // Classic: inactive connections; TotalConns: active and inactive ones together.
    rest: u32,
    // Templates, with the overload flag in the top bit: a destination's hot record stays 16 bytes.
    templates: u32,
}

const OVERLOADED: u32 = 1 << 31;

impl Load {
    /// Makes a load out of its counters, for instance to go on after a restart. The overload flag is off.
    #[must_use]
    pub const fn new(generation: Generation, counts: ConnectionCounts) -> Self {
        let rest = match generation {
            Generation::Classic => counts.inactive,
            Generation::TotalConns => counts.active.saturating_add(counts.inactive),
        };
        Self { active: counts.active, rest, templates: counts.persistent & !OVERLOADED }
    }

    /// How many connections are active (`ActiveConn` of `ipvsadm -L`).
    #[must_use]
    pub const fn active(&self) -> u32 {
        self.active
    }

    /// How many connections are counted, but not active (`InActConn` of `ipvsadm -L`).
    #[must_use]
    pub const fn inactive(&self, generation: Generation) -> u32 {
        match generation {
            Generation::Classic => self.rest,
            Generation::TotalConns => self.rest.saturating_sub(self.active),
        }
    }

    /// How many persistence templates point here (`PersistConn` of `ipvsadm -L --persistent-conn`).
    #[must_use]
    pub const fn persistent(&self) -> u32 {
        self.templates & !OVERLOADED
    }

    /// How many connections there are, active or not, without templates.
    #[must_use]
    pub const fn connections(&self, generation: Generation) -> u32 {
        match generation {
            Generation::Classic => self.active.saturating_add(self.rest),
            Generation::TotalConns => self.rest,
        }
    }

    /// The three counters together.
    #[must_use]
    pub const fn counts(&self, generation: Generation) -> ConnectionCounts {
        ConnectionCounts { active: self.active, inactive: self.inactive(generation), persistent: self.persistent() }
    }

    /// Says whether neither a connection nor a template is left.
    #[must_use]
    pub const fn is_idle(&self, generation: Generation) -> bool {
        self.connections(generation) == 0 && self.persistent() == 0
    }

    /// Says whether the destination takes no new connections because of its [`Thresholds`].
    #[must_use]
    pub const fn is_overloaded(&self) -> bool {
        self.templates & OVERLOADED != 0
    }

    /// The cost of a destination for lc, wlc, lblc, lblcr and twos, as a 32-bit number that wraps as the kernel's does.
    #[must_use]
    pub const fn overhead(&self) -> i32 {
        (self.active << 8).wrapping_add(self.rest).cast_signed()
    }

    /// Counts one new connection; it starts inactive.
    pub fn bind(&mut self, generation: Generation, thresholds: Thresholds) {
        self.rest = self.rest.saturating_add(1);
        match generation {
            Generation::Classic => self.classic_bound(thresholds),
            Generation::TotalConns if self.rest == thresholds.upper() => self.update(thresholds, Mode::Bound),
            Generation::TotalConns => {}
        }
    }

    /// Counts one new connection that is active from the start: [`bind`](Self::bind) and [`activate`](Self::activate) in one.
    #[inline]
    pub fn bind_active(&mut self, generation: Generation, thresholds: Thresholds) {
        self.active = self.active.saturating_add(1);
        match generation {
            // The sum is the same whether it was inactive for a moment or not.
            Generation::Classic => self.classic_bound(thresholds),
            Generation::TotalConns => self.bind(generation, thresholds),
        }
    }

    /// Forgets one connection that is active.
    #[inline]
    pub fn unbind_active(&mut self, generation: Generation, thresholds: Thresholds) {
        self.active = self.active.saturating_sub(1);
        match generation {
            Generation::Classic => self.classic_unbound(thresholds),
            Generation::TotalConns => self.unbind(generation, thresholds),
        }
    }

    /// Forgets one connection that is inactive.
    pub fn unbind(&mut self, generation: Generation, thresholds: Thresholds) {
        let before = self.rest;
        self.rest = before.saturating_sub(1);
        match generation {
            Generation::Classic => self.classic_unbound(thresholds),
            Generation::TotalConns if before == lower_mark(thresholds) => self.update(thresholds, Mode::Unbound),
            Generation::TotalConns => {}
        }
    }

    /// Turns one inactive connection into an active one.
    pub fn activate(&mut self, generation: Generation) {
        self.active = self.active.saturating_add(1);
        if generation == Generation::Classic {
            self.rest = self.rest.saturating_sub(1);
        }
    }

    /// Turns one active connection into an inactive one.
    pub fn deactivate(&mut self, generation: Generation) {
        self.active = self.active.saturating_sub(1);
        if generation == Generation::Classic {
            self.rest = self.rest.saturating_add(1);
        }
    }

    /// Counts one new persistence template.
    pub fn bind_template(&mut self, generation: Generation, thresholds: Thresholds) {
        if self.persistent() < !OVERLOADED {
            self.templates += 1;
        }
        if generation == Generation::Classic {
            self.classic_bound(thresholds);
        }
    }

    /// Forgets one persistence template.
    pub fn unbind_template(&mut self, generation: Generation, thresholds: Thresholds) {
        if self.persistent() > 0 {
            self.templates -= 1;
        }
        if generation == Generation::Classic {
            self.classic_unbound(thresholds);
        }
    }

    /// Takes over thresholds that were configured by an edit or by adding the destination (again).
    pub fn configure(&mut self, generation: Generation, from: Thresholds, to: Thresholds) {
        match generation {
            // Lowering the upper threshold acts at the next bind only.
            Generation::Classic if to.upper() == 0 || to.upper() > from.upper() => self.set_overloaded(false),
            Generation::Classic => {}
            Generation::TotalConns if from != to => self.update(to, Mode::Edited),
            Generation::TotalConns => {}
        }
    }

    #[inline]
    fn classic_bound(&mut self, thresholds: Thresholds) {
        if thresholds.upper() != 0 && self.connections(Generation::Classic) >= thresholds.upper() {
            self.set_overloaded(true);
        }
    }

    #[inline]
    fn classic_unbound(&mut self, thresholds: Thresholds) {
        let (upper, lower) = (thresholds.upper(), thresholds.lower());
        // Without a limit the flag is off already: taking the limit away has cleared it.
        if upper == 0 {
            return;
        }
        let connections = self.connections(Generation::Classic);
        let relieved = if lower != 0 { connections < lower } else { 4 * u64::from(connections) < 3 * u64::from(upper) };
        if relieved {
            self.set_overloaded(false);
        }
    }

    fn update(&mut self, thresholds: Thresholds, mode: Mode) {
        let (upper, lower) = (thresholds.upper(), lower_mark(thresholds));
        let (set_from, clear_below) = match mode {
            Mode::Bound => (lower, lower),
            Mode::Edited => (upper, lower),
            Mode::Unbound => (upper, upper),
        };
        if upper == 0 || self.rest < clear_below.min(set_from) {
            self.set_overloaded(false);
        } else if self.rest >= set_from {
            self.set_overloaded(true);
        }
    }

    fn set_overloaded(&mut self, overloaded: bool) {
        self.templates = if overloaded { self.templates | OVERLOADED } else { self.templates & !OVERLOADED };
    }
}

enum Mode {
    Bound,
    Edited,
    Unbound,
}

fn lower_mark(thresholds: Thresholds) -> u32 {
    match thresholds.lower() {
        0 => thresholds.upper() - thresholds.upper() / 4,
        lower => lower,
    }
}
