//! This stores the records of the connection table in chunks, so that growing never copies and
//! never doubles the memory.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::entry::{Entry, NIL, VACANT};

const CHUNK: usize = 1024;

#[derive(Debug)]
pub(super) struct Slab {
    chunks: Vec<Box<[Entry]>>,
    free: u32,
    len: usize,
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: NIL, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes taken from the allocator.
    pub(super) fn memory(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Entry>() + self.chunks.capacity() * size_of::<Box<[Entry]>>()
    }

    pub(super) fn at(&self, id: u32) -> &Entry {
        &self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut Entry {
        &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        if self.free == NIL {
            self.grow();
        }
        let id = self.free;
        self.free = self.at(id).hash_next;
        *self.at_mut(id) = entry;
        self.len += 1;
        id
    }

    pub(super) fn remove(&mut self, id: u32) -> Entry {
        let free = self.free;
        let slot = self.at_mut(id);
        let entry = *slot;
        *slot = Entry { hash_next: free, ..Entry::FREE };
        self.free = id;
        self.len -= 1;
        entry
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0u32..).zip(self.chunks.iter().flatten()).filter(|(_, entry)| !entry.has(VACANT))
    }

    /// Adds a chunk, all of it on the free list in ascending order.
    fn grow(&mut self) {
        let first = (self.chunks.len() * CHUNK) as u32;
        let chunk = (first..first + CHUNK as u32)
            .map(|id| Entry { hash_next: if id + 1 == first + CHUNK as u32 { NIL } else { id + 1 }, ..Entry::FREE });
        self.chunks.push(chunk.collect());
        self.free = first;
    }
}
