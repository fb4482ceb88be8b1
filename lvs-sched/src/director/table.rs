//! This is the connection table: records found by their identity, by the client's half of it, and by
//! the end of their time.
//!
//! A record takes 80 bytes and four to eight in the index, whatever its kind; the timer is inside.

use alloc::vec;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use lvs_model::Endpoint;

use super::clock::Tick;
use super::entry::{Entry, Key, NIL};
use super::slab::Slab;
use super::wheel::Wheel;

#[derive(Debug)]
pub(super) struct Table {
    slab: Slab,
    wheel: Wheel,
    /// Heads of the chains; a power of two, at least as many as there are records.
    buckets: Vec<u32>,
    hasher: DefaultHashBuilder,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { slab: Slab::new(), wheel: Wheel::new(), buckets: vec![NIL; 16], hasher: DefaultHashBuilder::default() }
    }

    pub(super) const fn len(&self) -> usize {
        self.slab.len()
    }

    /// Bytes taken from the allocator, and the wheel.
    pub(super) fn memory(&self) -> usize {
        self.slab.memory() + self.buckets.capacity() * size_of::<u32>() + size_of::<Self>()
    }

    pub(super) fn at(&self, id: u32) -> &Entry {
        self.slab.at(id)
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut Entry {
        self.slab.at_mut(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        self.slab.iter()
    }

    /// Adds a record without a timer. Of several with one identity the newest is found.
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        if self.slab.len() == self.buckets.len() {
            self.grow();
        }
        let id = self.slab.insert(entry);
        self.link(id);
        id
    }

    /// Takes a record out of everything.
    pub(super) fn remove(&mut self, id: u32) -> Entry {
        self.wheel.disarm(&mut self.slab, id);
        self.unlink(id);
        self.slab.remove(id)
    }

    /// Changes the ports of a record, by which it is found from now on.
    pub(super) fn rename(&mut self, id: u32, client_port: u16, service_port: u16) {
        self.unlink(id);
        let entry = self.slab.at_mut(id);
        entry.client_port = client_port;
        entry.service_port = service_port;
        self.link(id);
    }

    pub(super) fn find(&self, key: &Key) -> Option<u32> {
        self.chain(self.bucket(key)).find(|&id| self.at(id).is(key))
    }

    /// All connections of one client address and port, newest first.
    pub(super) fn of_client(&self, protocol: u8, client: Endpoint) -> impl Iterator<Item = u32> {
        let key = Key::connection(protocol, client, client);
        self.chain(self.bucket(&key)).filter(move |&id| Key::of(self.at(id)).client_part() == key.client_part())
    }

    pub(super) fn arm(&mut self, id: u32, deadline: Tick) {
        self.wheel.arm(&mut self.slab, id, deadline);
    }

    /// The next record whose time ended at or before `now`, in order of time. It has no timer any more.
    pub(super) fn expire(&mut self, now: Tick) -> Option<u32> {
        self.wheel.expire(&mut self.slab, now)
    }

    /// The earliest tick at which a record may end.
    pub(super) fn next_event(&self) -> Option<Tick> {
        self.wheel.next_event()
    }

    /// Connections are found in both directions, so only the client's half is hashed; templates have
    /// no client port and need all of it.
    fn bucket(&self, key: &Key) -> usize {
        let hash = if key.is_template() {
            let all = (key.client_part(), key.service, key.service_port);
            self.hasher.hash_one(all)
        } else {
            self.hasher.hash_one(key.client_part())
        };
        hash as usize & (self.buckets.len() - 1)
    }

    fn chain(&self, bucket: usize) -> impl Iterator<Item = u32> {
        let link = |id: u32| (id != NIL).then_some(id);
        core::iter::successors(link(self.buckets[bucket]), move |&id| link(self.at(id).hash_next))
    }

    fn link(&mut self, id: u32) {
        let bucket = self.bucket(&Key::of(self.at(id)));
        self.slab.at_mut(id).hash_next = self.buckets[bucket];
        self.buckets[bucket] = id;
    }

    fn unlink(&mut self, id: u32) {
        let bucket = self.bucket(&Key::of(self.at(id)));
        let next = self.at(id).hash_next;
        let before = self.chain(bucket).find(|&other| self.at(other).hash_next == id);
        match before {
            Some(before) => self.slab.at_mut(before).hash_next = next,
            None => self.buckets[bucket] = next,
        }
    }

    /// Doubles the buckets. Old chains are walked from their oldest record, so that of two with one
    /// identity the newer stays in front.
    fn grow(&mut self) {
        let doubled = vec![NIL; self.buckets.len() * 2];
        let old = core::mem::replace(&mut self.buckets, doubled);
        let mut chain = Vec::new();
        for head in old {
            let mut id = head;
            while id != NIL {
                chain.push(id);
                id = self.at(id).hash_next;
            }
            while let Some(id) = chain.pop() {
                self.link(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_eighty_bytes() {
        assert_eq!(size_of::<Entry>(), 80);
    }

    #[test]
    fn the_newest_of_two_equal_records_is_found_also_after_growth() {
        let client: Endpoint = "192.0.2.1:4000".parse().unwrap();
        let service: Endpoint = "198.51.100.1:80".parse().unwrap();
        let key = Key::connection(6, client, service);
        let mut table = Table::new();
        let old = table.insert(Entry::new(&key));
        let new = table.insert(Entry::new(&key));
        for port in 0..5000 {
            let other = Key::connection(6, Endpoint::new(service.addr, port), service);
            table.insert(Entry::new(&other));
        }
        assert_eq!(table.find(&key), Some(new));
        assert_eq!(table.of_client(6, client).collect::<Vec<_>>(), [new, old]);
        table.remove(new);
        assert_eq!(table.find(&key), Some(old));
        table.remove(old);
        assert_eq!(table.find(&key), None);
    }
}
