//! A scheduler that is chosen by name at run time.

use alloc::boxed::Box;
use core::{fmt, time::Duration};

use lvs_model::SchedulerName;

use super::{
    DestinationId, Destinations, Dh, Draws, Flow, Fo, Lblc, Lblcr, Lc, Mh, Nq, Ovf, Renumbering, Rr, Scheduler, Sed,
    Sh, Shortcut, Slot, Twos, Wlc, Wrr,
};

/// This is any of the kernel's schedulers, or one of yours, chosen at run time.
///
/// ```
/// use lvs_sched::algo::{AnyScheduler, UnknownScheduler};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let scheduler = AnyScheduler::named("wlc".parse()?)?;
/// assert_eq!(scheduler.name().to_string(), "wlc");
/// assert_eq!(AnyScheduler::named("smooth".parse()?).unwrap_err(), UnknownScheduler::new("smooth".parse()?));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AnyScheduler(Any);

/// The kernel knows no scheduler of this name, and none of yours has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "no scheduler is called `{name}`; use one of the kernel's fourteen, or `AnyScheduler::custom` for one of your own"
)]
#[non_exhaustive]
pub struct UnknownScheduler {
    /// The name that was asked for.
    pub name: SchedulerName,
}

impl UnknownScheduler {
    /// Says that a name is unknown.
    #[must_use]
    pub const fn new(name: SchedulerName) -> Self {
        Self { name }
    }
}

impl AnyScheduler {
    /// Makes a custom scheduler selectable beside the built-in ones: it is reported under `name`.
    #[must_use]
    pub fn custom(name: SchedulerName, scheduler: impl Scheduler + Send + Sync + 'static) -> Self {
        Self(Any::Custom(name, Box::new(scheduler)))
    }
}

macro_rules! schedulers {
    ($($name:ident)*) => {
        // Built-in ones are called directly, not through a table of functions: their picks are shorter than such a call.
        enum Any {
            $($name($name),)*
            None,
            Custom(SchedulerName, Box<dyn Scheduler + Send + Sync>),
        }

        impl AnyScheduler {
            /// Makes the kernel's scheduler of this name. [`SchedulerName::None`] makes one that never picks anybody.
            ///
            /// # Errors
            ///
            /// The name is none of the fourteen.
            pub fn named(name: SchedulerName) -> Result<Self, UnknownScheduler> {
                match name {
                    $(SchedulerName::$name => Ok(Self(Any::$name($name::default()))),)*
                    SchedulerName::None => Ok(Self(Any::None)),
                    _ => Err(UnknownScheduler { name }),
                }
            }

            /// The name under which it was made.
            #[must_use]
            pub const fn name(&self) -> SchedulerName {
                match self.0 {
                    $(Any::$name(_) => SchedulerName::$name,)*
                    Any::None => SchedulerName::None,
                    Any::Custom(name, _) => name,
                }
            }
        }

        $(
            impl From<$name> for AnyScheduler {
                fn from(scheduler: $name) -> Self {
                    Self(Any::$name(scheduler))
                }
            }
        )*

        impl fmt::Debug for Any {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(scheduler) => scheduler.fmt(f),)*
                    Self::None => f.write_str("None"),
                    Self::Custom(_, scheduler) => scheduler.fmt(f),
                }
            }
        }

        macro_rules! each {
            ($any:expr, $scheduler:ident => $call:expr, $none:expr) => {
                match $any {
                    $(Any::$name($scheduler) => $call,)*
                    Any::None => $none,
                    Any::Custom(_, $scheduler) => $call,
                }
            };
        }
    };
}

schedulers! { Rr Wrr Lc Wlc Lblc Lblcr Dh Sh Sed Nq Fo Ovf Mh Twos }

impl Scheduler for AnyScheduler {
    fn bind(&mut self, list: &Destinations) {
        each!(&mut self.0, scheduler => scheduler.bind(list), {});
    }

    fn added(&mut self, list: &Destinations, slot: Slot) {
        each!(&mut self.0, scheduler => scheduler.added(list, slot), {});
    }

    fn removed(&mut self, list: &Destinations, slot: Slot) {
        each!(&mut self.0, scheduler => scheduler.removed(list, slot), {});
    }

    fn edited(&mut self, list: &Destinations, slot: Slot) {
        each!(&mut self.0, scheduler => scheduler.edited(list, slot), {});
    }

    #[inline]
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        each!(&mut self.0, scheduler => scheduler.load_changed(list, slot), {});
    }

    fn renumbered(&mut self, list: &Destinations, renumbering: &Renumbering) {
        each!(&mut self.0, scheduler => scheduler.renumbered(list, renumbering), {});
    }

    fn elapsed(&mut self, list: &Destinations, now: Duration) {
        each!(&mut self.0, scheduler => scheduler.elapsed(list, now), {});
    }

    fn remembers(&self, id: DestinationId) -> bool {
        each!(&self.0, scheduler => scheduler.remembers(id), false)
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, draws: &mut dyn Draws) -> Option<Slot> {
        each!(&mut self.0, scheduler => scheduler.pick(list, flow, draws), None)
    }

    fn retry(&self, list: &Destinations, flow: &Flow, draws: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        each!(&self.0, scheduler => scheduler.retry(list, flow, draws, excluded), None)
    }

    #[inline]
    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        each!(&mut self.0, scheduler => scheduler.shortcut(list), Shortcut::KNOWN)
    }
    #[inline]
    fn next_pick(&self, list: &Destinations) -> Option<Slot> {
        each!(&self.0, scheduler => scheduler.next_pick(list), None)
    }

    #[inline]
    fn settle(&mut self, list: &Destinations, slot: Slot) -> Option<Slot> {
        each!(&mut self.0, scheduler => scheduler.settle(list, slot), None)
    }

    fn taken(&mut self, list: &Destinations, entries: u64) {
        each!(&mut self.0, scheduler => scheduler.taken(list, entries), {});
    }
}
