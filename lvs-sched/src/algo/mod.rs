//! The fourteen schedulers of IPVS, one file each, and the trait with which you write your own.
//!
//! Everything here is a pure function of its arguments: no clock, no randomness, no lock, no I/O. [`Scheduled`] is a list of
//! destinations with a scheduler bound to it, for one owner (`&mut`); `Pool` puts the same thing behind a short lock for many threads.
//!
//! ```
//! use lvs_model::{Destination, Family, Weight};
//! use lvs_sched::algo::{Flow, Random, Scheduled, Settings, Wrr};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut service = Scheduled::new(Wrr::default(), Family::Inet, Settings::default());
//! for (endpoint, weight) in [("10.0.0.1:80", 4), ("10.0.0.2:80", 3), ("10.0.0.3:80", 2)] {
//!     service.add(&Destination::new(endpoint.parse()?).with_weight(Weight::new(weight)?));
//! }
//! let mut random = Random::seeded(1);
//! // What Linux picks: the destination added last is first in the list.
//! for expected in ["10.0.0.3:80", "10.0.0.2:80", "10.0.0.1:80", "10.0.0.1:80", "10.0.0.2:80"] {
//!     let picked = service.pick(&Flow::default(), &mut random).and_then(|id| service.list().endpoint_of(id));
//!     assert_eq!(picked, Some(expected.parse()?));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Which one?
//!
//! | name | picks | speed | remembers |
//! |---|---|---|---|
//! | [`Rr`] | the next one in turn | O(1) | a cursor |
//! | [`Wrr`] | in turn, as often as its weight says | O(1), O(log n) after an edit | a cursor and a level |
//! | [`Lc`] | the fewest connections | O(1), O(log n) per change | nothing |
//! | [`Wlc`] | the fewest connections for its weight; a good default | likewise | nothing |
//! | [`Sed`] | the shortest expected delay: active connections and one more, for its weight | likewise | nothing |
//! | [`Nq`] | an idle one, else as sed | likewise | nothing |
//! | [`Fo`] | the highest weight; others are spare | likewise | nothing |
//! | [`Ovf`] | the highest weight until it has more active connections than weight | likewise | nothing |
//! | [`Sh`], [`Mh`] | by the client's address; mh moves few clients when destinations come and go | O(1), table per edit | nothing |
//! | [`Dh`] | by the virtual address | O(1), table per edit | nothing |
//! | [`Lblc`], [`Lblcr`] | the same one (or set) per virtual address while it is not busy (caches) | O(1) | addresses |
//! | [`Twos`] | the better of two drawn by weight | O(1) | nothing |

mod address_cache;
mod any;
mod bitmap;
mod buckets;
mod cycle;
mod flow;
mod hash;
mod least;
mod list;
mod load;
mod locality;
mod ranked;
mod scheduled;
mod settings;
mod shortcut;
mod summary;
mod tournament;

mod dh;
mod fo;
mod lblc;
mod lblcr;
mod lc;
mod mh;
mod nq;
mod ovf;
mod rr;
mod sed;
mod sh;
mod twos;
mod wlc;
mod wrr;

pub use self::{
    any::{AnyScheduler, UnknownScheduler},
    flow::{Draws, Flow, Random},
    list::{DestinationId, Destinations, Renumbering, Slot},
    load::{Generation, Load},
    scheduled::Scheduled,
    settings::{MaglevSize, Settings},
    shortcut::Shortcut,
};
pub use self::{
    dh::Dh, fo::Fo, lblc::Lblc, lblcr::Lblcr, lc::Lc, mh::Mh, nq::Nq, ovf::Ovf, rr::Rr, sed::Sed, sh::Sh, twos::Twos,
    wlc::Wlc, wrr::Wrr,
};
#[cfg(feature = "std")]
pub(crate) use self::{
    dh::Table as DhTable,
    list::Changed,
    mh::Table as MhTable,
    sh::Table as ShTable,
    shortcut::Kind,
    twos::{Chances, better},
};

use core::{fmt, time::Duration};

/// This is a scheduling algorithm: it picks a destination for each new connection.
///
/// The hooks are those of the kernel. [`bind`](Self::bind) comes first, with a list that may hold destinations already. After it the
/// scheduler hears about every change, *after* the list has changed. It never has to remember weights or counters: the
/// [list](Destinations) has them.
///
/// # Writing one
///
/// A scheduler that is not in the kernel, in a dozen lines: the destination with the lowest share of its connection limit.
///
/// ```
/// use lvs_sched::algo::{Destinations, Draws, Flow, Scheduler, Slot};
///
/// #[derive(Debug)]
/// struct Emptiest;
///
/// impl Scheduler for Emptiest {
///     fn pick(&mut self, list: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
///         let share = |&slot: &Slot| {
///             let limit = list.thresholds(slot).upper().max(1);
///             u64::from(list.load(slot).active()) * 1_000_000 / u64::from(limit)
///         };
///         list.iter().filter(|&slot| list.is_usable(slot)).min_by_key(share)
///     }
/// }
/// ```
///
/// It runs wherever a built-in one does: `Scheduled::new(Emptiest, ..)`, `Pool::with_scheduler(Emptiest)`, or as
/// [`AnyScheduler::custom`]. One that keeps a number per destination holds a `Vec` indexed by [`Slot::index`], grows it in
/// [`added`](Self::added) and packs it in [`renumbered`](Self::renumbered); the example program `smooth_wrr` does so.
///
/// A [`Pool`](crate::Pool) calls all of this under a spinning lock, which all of its threads share: be quick, do not block, do not touch the pool or
/// drop one of its connections (that waits for itself, for ever), and do not panic (the pool is not to be used any more then).
pub trait Scheduler: fmt::Debug {
    /// Starts afresh on a list. Whatever was known of another list is void.
    fn bind(&mut self, list: &Destinations) {
        let _ = list;
    }

    /// A destination was added: it is the first of the list now.
    fn added(&mut self, list: &Destinations, slot: Slot) {
        let _ = (list, slot);
    }

    /// The destination in this place was removed from the list.
    fn removed(&mut self, list: &Destinations, slot: Slot) {
        let _ = (list, slot);
    }

    /// A destination was edited: its weight or its thresholds may have changed, or nothing.
    fn edited(&mut self, list: &Destinations, slot: Slot) {
        let _ = (list, slot);
    }

    /// A connection of the destination began, ended, became active or inactive: counters changed, perhaps the overload flag too.
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        let _ = (list, slot);
    }

    /// The list was packed: destinations have new slots in unchanged order. Tables by slot need [`Renumbering::apply`].
    ///
    /// By default the scheduler is bound again, which is right for one that keeps nothing.
    fn renumbered(&mut self, list: &Destinations, renumbering: &Renumbering) {
        let _ = renumbering;
        self.bind(list);
    }

    /// Time has come to `now`, on the clock of [`Flow::now`]: old things may be forgotten (lblc, lblcr).
    fn elapsed(&mut self, list: &Destinations, now: Duration) {
        let _ = (list, now);
    }

    /// Says whether the scheduler remembers this destination, so that it has to stay in the kernel's trash.
    fn remembers(&self, id: DestinationId) -> bool {
        let _ = id;
        false
    }

    /// Picks a destination for a new connection; `None` if none can take it.
    ///
    /// The pick is not counted yet. A picked destination should be [usable](Destinations::is_usable).
    fn pick(&mut self, list: &Destinations, flow: &Flow, draws: &mut dyn Draws) -> Option<Slot>;

    /// Picks again for a connection that `excluded` destinations could not take, without moving any cursor.
    ///
    /// By default this is the weighted least connection among the others, found by walking the list.
    fn retry(&self, list: &Destinations, flow: &Flow, draws: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let _ = (flow, draws);
        let others = list.iter().filter(|slot| !excluded.contains(slot));
        least::weighted(list, others, |slot| list.load(slot).overhead())
    }

    /// What a pool may publish so that threads pick without asking the scheduler each time.
    ///
    /// It is asked for after picks while there is none. Nothing but speed depends on the answer.
    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        let _ = list;
        Shortcut::ASK
    }

    /// The next pick, for one that says [`Shortcut::KNOWN`]. It is asked after every change, so it has to be quick.
    fn next_pick(&self, list: &Destinations) -> Option<Slot> {
        let _ = list;
        None
    }

    /// [`load_changed`](Self::load_changed) and [`next_pick`](Self::next_pick) in one call: what counting a connection does.
    #[inline]
    fn settle(&mut self, list: &Destinations, slot: Slot) -> Option<Slot> {
        self.load_changed(list, slot);
        self.next_pick(list)
    }

    /// So many entries were taken from the table that was given with [`Shortcut::turns`]; more than its length means that it was gone
    /// round. The shortcut is no more.
    fn taken(&mut self, list: &Destinations, entries: u64) {
        let _ = (list, entries);
    }
}

impl<S: Scheduler + ?Sized> Scheduler for alloc::boxed::Box<S> {
    fn bind(&mut self, list: &Destinations) {
        (**self).bind(list);
    }
    fn added(&mut self, list: &Destinations, slot: Slot) {
        (**self).added(list, slot);
    }
    fn removed(&mut self, list: &Destinations, slot: Slot) {
        (**self).removed(list, slot);
    }
    fn edited(&mut self, list: &Destinations, slot: Slot) {
        (**self).edited(list, slot);
    }
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        (**self).load_changed(list, slot);
    }
    fn renumbered(&mut self, list: &Destinations, renumbering: &Renumbering) {
        (**self).renumbered(list, renumbering);
    }
    fn elapsed(&mut self, list: &Destinations, now: Duration) {
        (**self).elapsed(list, now);
    }
    fn remembers(&self, id: DestinationId) -> bool {
        (**self).remembers(id)
    }
    fn pick(&mut self, list: &Destinations, flow: &Flow, draws: &mut dyn Draws) -> Option<Slot> {
        (**self).pick(list, flow, draws)
    }
    fn retry(&self, list: &Destinations, flow: &Flow, draws: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        (**self).retry(list, flow, draws, excluded)
    }
    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        (**self).shortcut(list)
    }
    fn next_pick(&self, list: &Destinations) -> Option<Slot> {
        (**self).next_pick(list)
    }
    fn settle(&mut self, list: &Destinations, slot: Slot) -> Option<Slot> {
        (**self).settle(list, slot)
    }
    fn taken(&mut self, list: &Destinations, entries: u64) {
        (**self).taken(list, entries);
    }
}
