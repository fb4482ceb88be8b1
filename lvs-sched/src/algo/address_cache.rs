//! What lblc and lblcr remember by virtual address, and how they forget: a table with open addressing.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use super::{
    Generation,
    hash::{fold, multiplicative},
};

/// So many entries may stay however old they are, until the next full check.
const ENOUGH: usize = 16 * 1024;
/// So many entries a kernel that counts in total has at most.
const FULL: usize = 24 * 1024;
/// A timer fires once a minute, and every so many times checks all entries.
const TICK: Duration = Duration::from_secs(60);
const FULL_CHECK: u32 = 30;
/// After so many ticks without a pick everything is unused, and gone if there was too much of it.
const SETTLED: u64 = 240;
/// An entry that was not used for so long may go when there are too many.
const UNUSED: Duration = Duration::from_secs(6 * 60);
const BUCKET_BITS: u32 = 10;
const BUCKETS: u32 = 1 << BUCKET_BITS;

#[derive(Debug, Clone)]
pub(super) struct Entry<V> {
    addr: IpAddr,
    pub(super) last_use: Duration,
    pub(super) value: V,
}

impl<V> Entry<V> {
    /// The kernel's bucket, which only decides who is forgotten first.
    fn bucket(&self) -> u32 {
        multiplicative(fold(self.addr), BUCKET_BITS)
    }
}

/// Values by virtual address.
///
/// It holds about 24,576 entries at most under [`Generation::TotalConns`]. Under [`Generation::Classic`] it grows with the number of
/// virtual addresses used within six minutes, as in the kernel.
#[derive(Debug, Clone)]
pub(super) struct AddressCache<V> {
    table: Vec<Option<Entry<V>>>,
    bits: u32,
    len: usize,
    // What the kernel counts: Classic ones forget to count down when an entry gives way to another.
    counted: usize,
    next_tick: Option<Duration>,
    ticks: u32,
    rover: u32,
}

impl<V> Default for AddressCache<V> {
    fn default() -> Self {
        Self { table: Vec::new(), bits: 0, len: 0, counted: 0, next_tick: None, ticks: 1, rover: 0 }
    }
}

impl<V> AddressCache<V> {
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.table.iter().flatten().map(|entry| &entry.value)
    }

    /// The place of an address, or the free place where it would go. The table must not be empty.
    #[inline]
    fn place(&self, addr: IpAddr) -> usize {
        let mask = self.table.len() - 1;
        let mut at = multiplicative(fold(addr), self.bits) as usize;
        while self.table[at].as_ref().is_some_and(|entry| entry.addr != addr) {
            at = (at + 1) & mask;
        }
        at
    }

    /// The entry of an address, used now.
    #[inline]
    pub(super) fn touch(&mut self, addr: IpAddr, now: Duration) -> Option<&mut Entry<V>> {
        if self.table.is_empty() {
            return None;
        }
        let at = self.place(addr);
        let entry = self.table[at].as_mut()?;
        entry.last_use = now;
        Some(entry)
    }

    /// The entry of an address, left as it is.
    pub(super) fn peek(&self, addr: IpAddr) -> Option<&V> {
        let at = (!self.table.is_empty()).then(|| self.place(addr))?;
        self.table[at].as_ref().map(|entry| &entry.value)
    }

    /// Remembers a value for an address, in place of the one that it has.
    pub(super) fn insert(&mut self, addr: IpAddr, value: V, now: Duration, generation: Generation) {
        let entry = Entry { addr, last_use: now, value };
        if !self.table.is_empty() {
            let at = self.place(addr);
            if self.table[at].is_some() {
                self.table[at] = Some(entry);
                self.counted += usize::from(generation == Generation::Classic);
                return;
            }
        }
        if generation == Generation::TotalConns && self.len >= FULL {
            return;
        }
        if self.len * 2 >= self.table.len() {
            self.grow();
        }
        let at = self.place(addr);
        self.table[at] = Some(entry);
        self.len += 1;
        self.counted += 1;
    }

    fn grow(&mut self) {
        self.bits = (self.bits + 1).max(4);
        let old = core::mem::take(&mut self.table);
        self.table.resize_with(1 << self.bits, || None);
        for entry in old.into_iter().flatten() {
            let at = self.place(entry.addr);
            self.table[at] = Some(entry);
        }
    }

    /// Runs the timer up to now.
    #[inline]
    pub(super) fn elapsed(&mut self, now: Duration, expiration: Duration) {
        match self.next_tick {
            Some(next) if now < next => {}
            Some(next) => self.catch_up(now, next, expiration),
            None => self.next_tick = Some(now.saturating_add(TICK)),
        }
    }

    #[cold]
    fn catch_up(&mut self, now: Duration, next: Duration, expiration: Duration) {
        let late = now.saturating_sub(next);
        let ticks = late.as_secs() / TICK.as_secs() + 1;
        // After some rounds only time passes: nothing is left that is unused, and each full check does what the last one does.
        let round = u64::from(FULL_CHECK);
        let settled = SETTLED.min(ticks);
        let skipped = (ticks - settled).saturating_sub(2 * round) / round * round;
        for tick in (0..settled).chain(settled + skipped..ticks) {
            self.tick(next + Duration::from_secs(tick * TICK.as_secs()), expiration);
        }
        let passed = Duration::from_secs(ticks.saturating_mul(TICK.as_secs()));
        self.next_tick = Some(next.saturating_add(passed));
    }

    fn tick(&mut self, now: Duration, expiration: Duration) {
        if self.ticks.is_multiple_of(FULL_CHECK) {
            self.ticks = 1;
            self.retain(|entry| now < entry.last_use.saturating_add(expiration));
        } else if self.counted <= ENOUGH {
            self.ticks += 1;
        } else {
            self.forget_unused(now);
        }
    }

    /// Goes through the kernel's buckets from the rover on until enough unused entries are gone.
    fn forget_unused(&mut self, now: Duration) {
        let goal = ((self.counted - ENOUGH) * 4 / 3).min(ENOUGH / 2);
        let unused = |entry: &Entry<V>| now >= entry.last_use.saturating_add(UNUSED);
        let mut in_bucket = alloc::vec![0usize; BUCKETS as usize];
        for entry in self.table.iter().flatten().filter(|entry| unused(entry)) {
            in_bucket[entry.bucket() as usize] += 1;
        }
        let (mut gone, mut visited) = (0, alloc::vec![false; BUCKETS as usize]);
        for offset in 1..=BUCKETS {
            let bucket = (self.rover + offset) % BUCKETS;
            gone += in_bucket[bucket as usize];
            visited[bucket as usize] = true;
            if gone >= goal || offset == BUCKETS {
                self.rover = bucket;
                break;
            }
        }
        self.retain(|entry| !(unused(entry) && visited[entry.bucket() as usize]));
    }

    fn retain(&mut self, keep: impl Fn(&Entry<V>) -> bool) {
        let kept: Vec<Entry<V>> = core::mem::take(&mut self.table).into_iter().flatten().filter(keep).collect();
        self.counted = self.counted.saturating_sub(self.len - kept.len());
        (self.len, self.bits) = (kept.len(), (kept.len() * 2).next_power_of_two().ilog2().max(4));
        self.table.resize_with(1 << self.bits, || None);
        for entry in kept {
            let at = self.place(entry.addr);
            self.table[at] = Some(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(addresses: u32, generation: Generation) -> AddressCache<u32> {
        let mut cache = AddressCache::default();
        cache.elapsed(Duration::ZERO, Duration::MAX);
        for number in 0..addresses {
            let now = Duration::from_millis(u64::from(number) * 10);
            cache.insert(IpAddr::from(number.to_be_bytes()), number, now, generation);
        }
        cache
    }

    #[test]
    fn a_jump_of_time_does_what_steps_do() {
        for generation in [Generation::Classic, Generation::TotalConns] {
            for (addresses, expiration) in [(100, 7_000), (100, 2_000_000), (20_000, 100_000), (40_000, 2_000_000)] {
                let expiration = Duration::from_secs(expiration);
                for seconds in [500, 14_399, 20_000, 250_000] {
                    let (mut jump, mut steps) = (filled(addresses, generation), filled(addresses, generation));
                    let end = Duration::from_secs(seconds);
                    jump.elapsed(end, expiration);
                    (0..=seconds / 50).for_each(|step| steps.elapsed(Duration::from_secs(step * 50), expiration));
                    steps.elapsed(end, expiration);
                    let sorted = |cache: &AddressCache<u32>| {
                        let mut values: Vec<u32> = cache.values().copied().collect();
                        values.sort_unstable();
                        (values, cache.ticks, cache.next_tick)
                    };
                    assert_eq!(sorted(&jump), sorted(&steps), "{addresses} addresses, {expiration:?}, {seconds} s");
                }
            }
        }
    }

    #[test]
    fn a_long_expiration_and_a_long_jump_take_no_time() {
        let mut cache = filled(1_000, Generation::Classic);
        cache.elapsed(Duration::from_secs(1_760_000_000), Duration::MAX);
        cache.elapsed(Duration::from_secs(1 << 40), Duration::MAX);
        cache.elapsed(Duration::MAX, Duration::MAX);
        assert!(cache.peek(IpAddr::from([0, 0, 0, 1])).is_some());
    }
}
