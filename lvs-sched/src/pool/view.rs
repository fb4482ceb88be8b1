//! What threads read of a pool without its lock.

use alloc::sync::Arc;
use std::sync::OnceLock;

use super::{
    connection::Entry,
    lock::{AtomicI32, AtomicU8, AtomicU64, Ordering, Padded},
};
use crate::algo::{Chances, DhTable, Draws, MhTable, ShTable, Slot, better};

/// The destinations by slot. A slot is written once: removing and packing make a new layout when enough has gathered.
#[derive(Debug)]
pub(super) struct Layout<T> {
    entries: Arc<[OnceLock<Arc<Entry<T>>>]>,
    pub(super) marks: Marks,
}

impl<T> Clone for Layout<T> {
    fn clone(&self) -> Self {
        Self { entries: Arc::clone(&self.entries), marks: self.marks.clone() }
    }
}

impl<T> Layout<T> {
    pub(super) fn with_room(slots: usize) -> Self {
        let entries = (0..slots).map(|_| OnceLock::new()).collect();
        Self { entries, marks: Marks::new(slots) }
    }

    pub(super) fn room(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn put(&self, slot: Slot, entry: Arc<Entry<T>>) {
        // Slots are given out once, under the lock; a second entry would be a mistake of the pool and is not taken.
        let _ = self.entries[slot.index()].set(entry);
    }

    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> Option<&Arc<Entry<T>>> {
        self.entries.get(slot.index())?.get()
    }
}

/// What is published of each destination's load: written under the lock, read by picks through tables.
///
/// Relaxed is enough: a pick may see a mark as it was a moment ago, as a pick that came a moment earlier would have.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    usable: Arc<[AtomicU8]>,
    overheads: Arc<[AtomicI32]>,
}

impl Marks {
    fn new(slots: usize) -> Self {
        Self {
            usable: (0..slots).map(|_| AtomicU8::new(0)).collect(),
            overheads: (0..slots).map(|_| AtomicI32::new(0)).collect(),
        }
    }

    #[inline]
    pub(super) fn is_usable(&self, slot: Slot) -> bool {
        self.usable.get(slot.index()).is_some_and(|usable| usable.load(Ordering::Relaxed) != 0)
    }

    /// Notes whether a destination is usable; says whether that is news.
    #[inline]
    pub(super) fn note_usable(&self, slot: Slot, usable: bool) -> bool {
        let mark = &self.usable[slot.index()];
        // A line that nobody writes is read for free by all.
        let news = mark.load(Ordering::Relaxed) != u8::from(usable);
        if news {
            mark.store(u8::from(usable), Ordering::Relaxed);
        }
        news
    }

    #[inline]
    pub(super) fn note_overhead(&self, slot: Slot, overhead: i32) {
        self.overheads[slot.index()].store(overhead, Ordering::Relaxed);
    }

    fn overhead(&self, slot: Slot) -> i32 {
        self.overheads[slot.index()].load(Ordering::Relaxed)
    }
}

/// How picks are made under one version of a pool.
#[derive(Debug)]
pub(super) struct View<T> {
    pub(super) version: u32,
    pub(super) layout: Layout<T>,
    pub(super) lane: Lane,
}

/// The way that a pick goes.
#[derive(Debug, Clone)]
pub(super) enum Lane {
    /// Through the lock.
    Ask,
    /// To the destination that is published after every change.
    Next,
    /// Round a table, by taking tickets.
    Turns(Arc<Turns>),
    /// By hashing into a table.
    Dh(DhTable),
    Sh(ShTable),
    Mh(MhTable),
    /// By drawing two.
    Draw(Arc<Chances>),
}

/// A table of turns and the counter of tickets.
#[derive(Debug)]
pub(super) struct Turns {
    table: Arc<[Slot]>,
    /// Written by every pick. Relaxed is enough: the table is as old as the counter, and closing needs no more than its place in the
    /// counter's own order.
    ticket: Padded<AtomicU64>,
}

const CLOSED: u64 = 1 << 63;
/// Going round costs an extra step, so a short table is repeated.
const LONG_ENOUGH: usize = 256;

impl Turns {
    pub(super) fn new(turns: Arc<[Slot]>) -> Self {
        let rounds = LONG_ENOUGH.div_ceil(turns.len().max(1));
        let table = if rounds > 1 { turns.repeat(rounds).into() } else { turns };
        Self { table, ticket: Padded(AtomicU64::new(0)) }
    }

    /// The next turn of a usable destination; `None` if the table is closed, or has nobody who is usable.
    pub(super) fn take_usable(&self, marks: &Marks) -> Option<Slot> {
        (0..self.table.len()).map_while(|_| self.take()).find(|&slot| marks.is_usable(slot))
    }

    /// The next turn, whether it is usable or not.
    #[inline]
    pub(super) fn take(&self) -> Option<Slot> {
        let ticket = self.ticket.fetch_add(1, Ordering::Relaxed);
        match self.table.get(ticket as usize) {
            Some(&slot) => Some(slot),
            None => self.take_beyond(ticket),
        }
    }

    #[cold]
    fn take_beyond(&self, ticket: u64) -> Option<Slot> {
        if ticket & CLOSED != 0 || self.table.is_empty() {
            return None;
        }
        // Any thread may take whole rounds off the counter at any time: places stay the same.
        let (now, round) = (self.ticket.load(Ordering::Relaxed), self.table.len() as u64);
        if now & CLOSED == 0 && now >= round {
            let _ = self.ticket.compare_exchange(now, now % round, Ordering::Relaxed, Ordering::Relaxed);
        }
        Some(self.table[(ticket % round) as usize])
    }

    /// Ends the taking of tickets and says how many were taken, less whole rounds of the table.
    pub(super) fn close(&self) -> u64 {
        self.ticket.fetch_or(CLOSED, Ordering::Relaxed) & !CLOSED
    }
}

/// Draws two destinations and takes the better one by what is published of their loads.
pub(super) fn draw(chances: &Chances, marks: &Marks, draws: &mut impl Draws) -> Option<Slot> {
    let (first, second) = chances.draw(draws)?;
    Some(better(first, second, |overhead| marks.overhead(overhead)))
}
