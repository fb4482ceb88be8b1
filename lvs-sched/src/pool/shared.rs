//! The core of a pool behind its lock, and the words that are published of it.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::fmt;

use super::{
    drain::Watch,
    lock::{AtomicU64, Lock, Ordering, Padded},
    view::{Lane, Marks, Turns},
};
use lvs_model::Thresholds;

use crate::algo::{Changed, DestinationId, Draws, Flow, Generation, Kind, Load, Scheduled, Scheduler, Slot};

/// What connections and threads share. It holds no destination's data, so that the data may hold it.
#[derive(Debug)]
pub(super) struct Shared<S> {
    core: Padded<Lock<Core<S>>>,
    pub(super) words: Words,
}

/// The published words, each alone on its cache line.
#[derive(Debug)]
pub(super) struct Words {
    /// Who is picked next: the version in the upper half, a slot or `NOBODY` in the lower. Written under the lock after every change
    /// while the lane is [`Lane::Next`]; read by every pick. Release and acquire: the slot's entry was written before.
    next: Padded<AtomicU64>,
    /// The version of the pool: a view of another version is void. Written under the lock by edits; read by picks through tables.
    /// Release and acquire: who sees a version sees what was published with it.
    version: Padded<AtomicU64>,
}

const NOBODY: u32 = u32::MAX;

impl Words {
    /// The next pick, if the version is this one.
    #[inline]
    pub(super) fn next(&self, version: u32) -> Result<Option<Slot>, Stale> {
        let word = self.next.load(Ordering::Acquire);
        if (word >> 32) as u32 != version {
            return Err(Stale);
        }
        let slot = word as u32;
        Ok((slot != NOBODY).then_some(Slot::at(slot as usize)))
    }

    #[inline]
    fn publish_next(&self, version: u32, slot: Option<Slot>) {
        let slot = slot.map_or(NOBODY, |slot| slot.index() as u32);
        self.next.store(u64::from(version) << 32 | u64::from(slot), Ordering::Release);
    }

    #[inline]
    pub(super) fn is_current(&self, version: u32) -> bool {
        self.version.load(Ordering::Acquire) as u32 == version
    }
}

/// The view is of another version.
#[derive(Debug)]
pub(super) struct Stale;

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Core<S> {
    pub(super) scheduled: Scheduled<S>,
    pub(super) marks: Marks,
    /// The version of the latest view that was published; picks go through the lock while `version` is ahead of it.
    pub(super) viewed: u32,
    version: u32,
    lane: Lane,
    /// The next pick while the lane is `Next`.
    next: Option<Slot>,
    /// Whether the scheduler has no shortcut to ask for.
    settled: bool,
    usable: usize,
    watches: BTreeMap<DestinationId, Arc<Watch>>,
}

impl<S: Scheduler> Shared<S> {
    pub(super) fn new(scheduled: Scheduled<S>, marks: Marks) -> Self {
        Self {
            core: Padded(Lock::new(Core {
                scheduled,
                marks,
                viewed: 0,
                version: 0,
                lane: Lane::Ask,
                next: None,
                settled: false,
                usable: 0,
                watches: BTreeMap::new(),
            })),
            words: Words { next: Padded(AtomicU64::new(u64::MAX)), version: Padded(AtomicU64::new(0)) },
        }
    }

    /// Counts a connection to the destination that is known to be next, if the version is this one.
    #[inline]
    pub(super) fn bind_next(&self, version: u32, activity: Activity) -> Result<Option<Slot>, Stale> {
        self.with(|core, words| {
            if core.version != version || !matches!(core.lane, Lane::Next) {
                return Err(Stale);
            }
            if let Some(slot) = core.next {
                core.bind_slot(slot, activity, words);
                return Ok(Some(slot));
            }
            Ok(None)
        })
    }

    /// Asks a scheduler that has no shortcut, if the view is the latest one.
    #[inline]
    pub(super) fn ask_always(&self, version: u32, flow: &Flow, draws: &mut dyn Draws) -> Result<Option<Slot>, Stale> {
        self.with(|core, _| {
            if core.settled && core.viewed == version { Ok(core.scheduled.pick_slot(flow, draws)) } else { Err(Stale) }
        })
    }

    /// Runs a section under the lock. No code of the caller's may run in it, except the scheduler.
    #[inline]
    pub(super) fn with<R>(&self, section: impl FnOnce(&mut Core<S>, &Words) -> R) -> R {
        section(&mut self.core.lock(), &self.words)
    }
}

impl<S: Scheduler> Core<S> {
    /// Picks by asking the scheduler, if it has not said already.
    #[inline]
    pub(super) fn pick(&mut self, flow: &Flow, draws: &mut dyn Draws) -> Option<Slot> {
        if let Lane::Next = self.lane { self.next } else { self.scheduled.pick_slot(flow, draws) }
    }

    /// Counts a connection to a destination that is in the list.
    #[inline]
    pub(super) fn bind_slot(&mut self, slot: Slot, activity: Activity, words: &Words) {
        let limited = self.scheduled.change_slot(slot, |load, generation, thresholds| match activity {
            Activity::Active => load.bind_active(generation, thresholds),
            Activity::Inactive => load.bind(generation, thresholds),
        });
        self.note(slot, limited, words);
    }

    /// Changes the load of a destination wherever it is.
    #[inline]
    fn change(&mut self, id: DestinationId, words: &Words, change: impl FnOnce(&mut Load, Generation, Thresholds)) {
        match self.scheduled.change_id(id, change) {
            Some(Changed::Listed { slot, limited }) => self.note(slot, limited, words),
            Some(Changed::Departed) => {
                self.forget_idle(id);
            }
            None => {}
        }
    }

    /// Forgets a removed destination that has no connection left: nobody can ask for it any more.
    pub(super) fn forget_idle(&mut self, id: DestinationId) -> bool {
        let list = self.scheduled.list();
        let idle = list.load_of(id).is_some_and(|load| load.is_idle(list.generation()));
        idle && self.scheduled.forget(id).is_some()
    }

    /// Marks whether a destination is usable; says whether that is news.
    #[inline]
    pub(super) fn mark(&mut self, slot: Slot) -> bool {
        let usable = self.scheduled.list().is_usable(slot);
        let flipped = self.marks.note_usable(slot, usable);
        if flipped {
            self.usable = if usable { self.usable + 1 } else { self.usable - 1 };
        }
        flipped
    }

    /// Tells the scheduler of a changed load, and publishes what it means for picks.
    #[inline]
    fn note(&mut self, slot: Slot, limited: bool, words: &Words) {
        if let Lane::Next = self.lane {
            self.next = self.scheduled.settle(slot);
            words.publish_next(self.version, self.next);
            if limited {
                self.mark(slot);
            }
            return;
        }
        self.scheduled.load_changed(slot);
        let flipped = limited && self.mark(slot);
        match &self.lane {
            Lane::Turns(_) if flipped && self.usable == 0 => self.invalidate(words),
            Lane::Draw(_) if flipped => self.invalidate(words),
            Lane::Draw(_) => self.marks.note_overhead(slot, self.scheduled.list().load(slot).overhead()),
            _ => {}
        }
    }

    pub(super) fn publish_next(&mut self, words: &Words) {
        if let Lane::Next = self.lane {
            self.next = self.scheduled.next_pick();
            words.publish_next(self.version, self.next);
        }
    }

    /// Makes all views void: picks ask the scheduler until a new view is published.
    pub(super) fn invalidate(&mut self, words: &Words) {
        self.settled = false;
        match core::mem::replace(&mut self.lane, Lane::Ask) {
            Lane::Ask => return,
            Lane::Turns(turns) => self.scheduled.taken(turns.close()),
            Lane::Next | Lane::Dh(_) | Lane::Sh(_) | Lane::Mh(_) | Lane::Draw(_) => {}
        }
        self.advance(words);
    }

    fn advance(&mut self, words: &Words) {
        self.version = self.version.wrapping_add(1);
        words.publish_next(self.version, None);
        words.version.store(self.version.into(), Ordering::Release);
    }

    /// Prepares for edits. What is published of the next pick stays good until the edits are done.
    pub(super) fn begin_edit(&mut self, words: &Words) {
        if !matches!(self.lane, Lane::Next) {
            self.invalidate(words);
        }
    }

    /// Says whether picks have to ask the scheduler.
    #[inline]
    pub(super) fn must_ask(&self) -> bool {
        matches!(self.lane, Lane::Ask)
    }

    /// Says whether picks take turns, so that the scheduler does not know where they are.
    #[inline]
    pub(super) fn has_turns(&self) -> bool {
        matches!(self.lane, Lane::Turns(_))
    }

    pub(super) fn retry(&self, flow: &Flow, draws: &mut dyn Draws, excluded: &[DestinationId]) -> Option<Slot> {
        let list = self.scheduled.list();
        let excluded: Vec<Slot> = excluded.iter().filter_map(|&id| list.slot(id)).collect();
        self.scheduled.scheduler().retry(list, flow, draws, &excluded)
    }

    /// Makes all views void for the sake of a new layout; the version of the view to publish with it.
    pub(super) fn move_to(&mut self, marks: Marks, words: &Words) -> u32 {
        self.invalidate(words);
        self.advance(words);
        self.recount(marks);
        self.viewed = self.version;
        self.version
    }

    /// The lane to publish if picks could be made without the lock, but there is no view for it yet.
    #[inline]
    pub(super) fn open_lane(&mut self, words: &Words) -> Option<(u32, Lane)> {
        if self.must_ask() && !self.settled { self.try_lane(words) } else { None }
    }

    fn try_lane(&mut self, words: &Words) -> Option<(u32, Lane)> {
        self.lane = match self.scheduled.shortcut().0 {
            Kind::Ask => {
                self.settled = true;
                return None;
            }
            Kind::Later => return None,
            Kind::Known => Lane::Next,
            Kind::Turns(_) if self.usable == 0 => return None,
            Kind::Turns(turns) => Lane::Turns(Arc::new(Turns::new(turns))),
            Kind::Dh(table) => Lane::Dh(table),
            Kind::Sh(table) => Lane::Sh(table),
            Kind::Mh(table) => Lane::Mh(table),
            Kind::Draw(chances) => Lane::Draw(chances),
        };
        if matches!(self.lane, Lane::Draw(_)) {
            let list = self.scheduled.list();
            list.iter().for_each(|slot| self.marks.note_overhead(slot, list.load(slot).overhead()));
        }
        self.viewed = self.version;
        self.publish_next(words);
        Some((self.version, self.lane.clone()))
    }

    /// Notes anew who is usable, after edits.
    fn recount(&mut self, marks: Marks) {
        self.marks = marks;
        let list = self.scheduled.list();
        self.usable = list.iter().filter(|&slot| list.is_usable(slot)).count();
        for slot in (0..list.slots()).map(Slot::at) {
            self.marks.note_usable(slot, list.is_usable(slot));
        }
    }
}

/// How a connection is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    Active,
    Inactive,
}

/// What a connection needs of its pool, whatever the scheduler.
pub(super) trait Accounts: fmt::Debug + Send + Sync {
    fn bind(&self, id: DestinationId, activity: Activity) -> bool;
    fn release(&self, id: DestinationId, activity: Activity);
    fn change(&self, id: DestinationId, activity: Activity);
    fn bind_template(&self, id: DestinationId) -> bool;
    fn release_template(&self, id: DestinationId);
    fn watch(&self, id: DestinationId) -> Arc<Watch>;
}

impl<S: Scheduler + Send> Accounts for Shared<S> {
    fn bind(&self, id: DestinationId, activity: Activity) -> bool {
        self.with(|core, words| {
            let listed = core.scheduled.list().slot(id);
            if let Some(slot) = listed {
                core.bind_slot(slot, activity, words);
            }
            listed.is_some()
        })
    }

    #[inline]
    fn release(&self, id: DestinationId, activity: Activity) {
        let ended = self.with(|core, words| {
            core.change(id, words, |load, generation, thresholds| match activity {
                Activity::Active => load.unbind_active(generation, thresholds),
                Activity::Inactive => load.unbind(generation, thresholds),
            });
            if core.watches.is_empty() { None } else { core.ended_watch(id) }
        });
        // Waking may run a caller's code, so it waits for the lock to be free.
        if let Some(watch) = ended {
            watch.end();
        }
    }

    fn change(&self, id: DestinationId, activity: Activity) {
        self.with(|core, words| {
            core.change(id, words, |load, generation, _| match activity {
                Activity::Active => load.activate(generation),
                Activity::Inactive => load.deactivate(generation),
            });
        });
    }

    fn bind_template(&self, id: DestinationId) -> bool {
        self.with(|core, words| {
            let listed = core.scheduled.list().slot(id).is_some();
            if listed {
                core.change(id, words, Load::bind_template);
            }
            listed
        })
    }

    fn release_template(&self, id: DestinationId) {
        self.with(|core, words| core.change(id, words, Load::unbind_template));
    }

    fn watch(&self, id: DestinationId) -> Arc<Watch> {
        self.with(|core, _| core.watch(id))
    }
}

impl<S: Scheduler> Core<S> {
    fn is_empty(&self, id: DestinationId) -> bool {
        let list = self.scheduled.list();
        list.load_of(id).is_none_or(|load| load.connections(list.generation()) == 0)
    }

    /// Watches for the last connection of a destination.
    pub(super) fn watch(&mut self, id: DestinationId) -> Arc<Watch> {
        if self.is_empty(id) {
            return Arc::new(Watch::ended());
        }
        Arc::clone(self.watches.entry(id).or_default())
    }

    #[cold]
    fn ended_watch(&mut self, id: DestinationId) -> Option<Arc<Watch>> {
        if self.is_empty(id) { self.watches.remove(&id) } else { None }
    }
}
