//! What waits to be written: as much as fits, so that a reader who stops reading costs lines of the log and nothing else.

use std::collections::VecDeque;

/// One thing to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// Text for standard output.
    Output(String),
    /// Text for standard error.
    Errors(String),
    /// An event of the log.
    Line(Vec<u8>),
    /// The table as it is now.
    Table(String),
    /// The table as it stays.
    LastTable(String),
}

impl Entry {
    fn size(&self) -> usize {
        match self {
            Self::Output(text) | Self::Errors(text) | Self::Table(text) | Self::LastTable(text) => text.len(),
            Self::Line(line) => line.len(),
        }
    }
}

/// Entries in the order in which they came. When too much waits, lines of the log are left out until the half is written;
/// then it is said where they would have been how many there were.
#[derive(Debug)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    /// The sizes of the entries together.
    size: usize,
    limit: usize,
    left_out: u64,
}

impl Queue {
    /// An empty queue that takes no more lines and tables once so many bytes wait.
    pub(super) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), size: 0, limit, left_out: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let full = self.left_out > 0 || self.size >= self.limit;
        match &entry {
            Entry::Line(_) if full => {
                self.left_out += 1;
                return;
            }
            // The next one tells all that this one does.
            Entry::Table(_) if full => return,
            // Nobody needs a table that is out of date before it is shown.
            Entry::Table(_) => {
                if let Some(old @ Entry::Table(_)) = self.entries.back() {
                    self.size -= old.size();
                    self.entries.pop_back();
                }
            }
            // Of these there are a few in the whole run.
            Entry::Line(_) | Entry::Output(_) | Entry::Errors(_) | Entry::LastTable(_) => {}
        }
        self.size += entry.size();
        self.entries.push_back(entry);
    }

    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.size -= entry.size();
        if self.left_out > 0 && self.size <= self.limit / 2 {
            let lines = if self.left_out == 1 { "1 line".to_owned() } else { format!("{} lines", self.left_out) };
            self.left_out = 0;
            self.push(Entry::Errors(format!(
                "({lines} of the log left out here, which came faster than they were read)\n"
            )));
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Entry {
        Entry::Line(format!("{number:100}").into_bytes())
    }

    fn rest(mut queue: Queue) -> Vec<Entry> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn lines_that_find_no_room_are_counted_where_they_are_missing() {
        // Room for four lines.
        let mut queue = Queue::new(400);
        (0..7).for_each(|number| queue.push(line(number)));
        assert_eq!(queue.pop(), Some(line(0)));
        // There is room again, but each line after the gap would begin another one.
        queue.push(line(7));
        assert_eq!(queue.pop(), Some(line(1)));
        queue.push(line(8));
        let gap = "(4 lines of the log left out here, which came faster than they were read)\n";
        assert_eq!(rest(queue), [line(2), line(3), Entry::Errors(gap.to_owned()), line(8)]);
    }

    #[test]
    fn of_tables_in_a_row_only_the_newest_waits() {
        let mut queue = Queue::new(1_000);
        let table = |text: &str| Entry::Table(text.to_owned());
        for entry in [table("one"), table("two"), line(1), table("three"), table("four")] {
            queue.push(entry);
        }
        assert_eq!(queue.size, 3 + 100 + 4);
        assert_eq!(rest(queue), [table("two"), line(1), table("four")]);
    }

    #[test]
    fn what_is_said_once_is_kept_however_much_waits() {
        let mut queue = Queue::new(1);
        let once = [Entry::Output("usage".into()), Entry::Errors("error".into()), Entry::LastTable("the end".into())];
        queue.push(line(1));
        queue.push(Entry::Table("in between".into()));
        once.iter().for_each(|entry| queue.push(entry.clone()));
        assert_eq!(rest(queue), [&[line(1)][..], &once].concat());
    }
}
