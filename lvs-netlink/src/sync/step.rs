//! One step of a plan.

use lvs_model::Change;
use std::fmt;

/// This is one command of a plan, with why it is there and what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Step {
    /// What is changed.
    pub change: Change,
    /// Why.
    pub purpose: Purpose,
    /// What the kernel pays for it.
    pub cost: Cost,
}

impl Step {
    pub(super) fn new(change: Change, purpose: Purpose) -> Self {
        Self { change, purpose, cost: Cost::Usual }
    }

    pub(super) fn costing(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }
}

impl fmt::Display for Step {
    /// As an ipvsadm rule; the alternate form (`{:#}`) says behind a `#` what is special about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.change)?;
        if !f.alternate() {
            return Ok(());
        }
        match (self.purpose, self.cost) {
            (Purpose::Quiesce, _) => write!(f, "  # drains"),
            (Purpose::Schedule, _) => write!(f, "  # starts the scheduler once all destinations are there"),
            (_, Cost::GracePeriod) => {
                write!(f, "  # exchanges the scheduler: holds up every IPVS command for 12 to 20 ms")
            }
            (_, Cost::Rebuild) => write!(f, "  # makes the scheduler rebuild its table"),
            _ => Ok(()),
        }
    }
}

/// This is why a step is in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Purpose {
    /// Something wanted is missing.
    Add,
    /// A new service was begun without a scheduler, so that its table is built once and not with every destination; this gives it the real one.
    Schedule,
    /// Something is there but otherwise than wanted. A weight that a drain had set to 0 is restored like this, too.
    Edit,
    /// A destination is not wanted any more and begins to drain.
    Quiesce,
    /// Something is not wanted, or has drained.
    Remove,
}

/// This is what a step costs in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Cost {
    /// A few microseconds.
    Usual,
    /// The scheduler goes through all destinations of the service (`wrr`) or builds its table anew (`mh`): up to a millisecond with a thousand destinations.
    Rebuild,
    /// A running scheduler is exchanged, for which the kernel waits 12 to 20 ms while all other IPVS commands of the host wait, too.
    GracePeriod,
}
