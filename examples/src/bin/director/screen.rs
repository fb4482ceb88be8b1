//! The live table and the log on one screen.
//!
//! On a terminal the table stays below the log lines and is painted over; elsewhere each table that differs from the
//! last one is printed after it, so that a file shows what happened. A thread of its own writes: a reader who stops
//! reading (`| less`, Ctrl-S) stops that thread and nothing else.

mod paint;
mod queue;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use self::paint::Painter;
use self::queue::{Entry, Queue};

/// So many bytes may wait, some ten thousand lines: more than a large configuration says at once.
const WAITING: usize = 2 * 1024 * 1024;

/// Where the table and the log lines go.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    terminal: bool,
    shared: Arc<Shared>,
}

/// What the screen and its thread share. Nobody writes to a file while holding the lock.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write. The thread waits for it.
    filled: Condvar,
    /// All is written. Who ends the program waits for it.
    written: Condvar,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    /// Whether the thread is writing what it took last.
    writing: bool,
}

impl Screen {
    /// Standard output and standard error.
    ///
    /// # Errors
    /// When the thread that writes cannot be started.
    pub(crate) fn new() -> io::Result<Self> {
        let (output, errors) = (io::stdout(), io::stderr());
        let terminal = output.is_terminal() && errors.is_terminal();
        Self::onto(output, errors, terminal, WAITING)
    }

    fn onto(
        output: impl Write + Send + 'static,
        errors: impl Write + Send + 'static,
        terminal: bool,
        waiting: usize,
    ) -> io::Result<Self> {
        let state = Mutex::new(State { queue: Queue::new(waiting), writing: false });
        let shared = Arc::new(Shared { state, filled: Condvar::new(), written: Condvar::new() });
        let (mut painter, from) = (Painter::new(output, errors, terminal), Arc::clone(&shared));
        let write = move || {
            loop {
                painter.write(from.next());
            }
        };
        std::thread::Builder::new().name("screen".to_owned()).spawn(write)?;
        Ok(Self { terminal, shared })
    }

    /// Whether the lines may be coloured.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes text to standard output.
    pub(crate) fn say(&self, text: String) {
        self.push(Entry::Output(text));
    }

    /// Writes text to standard error, as it is.
    pub(crate) fn complain(&self, text: String) {
        self.push(Entry::Errors(text));
    }

    /// Shows the table unless it is the one that was shown last.
    pub(crate) fn show(&self, table: String) {
        self.push(Entry::Table(table));
    }

    /// Leaves the last table where it is.
    pub(crate) fn finish(&self, table: String) {
        self.push(Entry::LastTable(table));
    }

    /// Waits until all is written, but not longer than so.
    pub(crate) fn wait(&self, patience: Duration) {
        let unwritten = |state: &mut State| state.writing || !state.queue.is_empty();
        drop(self.shared.written.wait_timeout_while(self.shared.lock(), patience, unwritten));
    }

    fn push(&self, entry: Entry) {
        self.shared.lock().queue.push(entry);
        self.shared.filled.notify_one();
    }
}

impl Shared {
    /// The next thing to write; what was taken before it is written.
    fn next(&self) -> Entry {
        let mut state = self.lock();
        loop {
            if let Some(entry) = state.queue.pop() {
                state.writing = true;
                return entry;
            }
            state.writing = false;
            self.written.notify_all();
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine { screen: self.clone(), line: Vec::new() }
    }
}

/// One event of the log, written as a whole when it is complete.
#[derive(Debug)]
pub(crate) struct LogLine {
    screen: Screen,
    line: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        self.screen.push(Entry::Line(std::mem::take(&mut self.line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn a_reader_who_stops_holds_nobody_and_hears_later_what_is_missing() -> io::Result<()> {
        const LINES: u64 = 5_000;
        let (reader, writer) = io::pipe()?;
        let screen = Screen::onto(io::sink(), writer, false, 1_000)?;
        for number in 0..LINES {
            writeln!(screen.make_writer(), "{number:99}")?;
        }
        screen.wait(Duration::from_millis(1));
        let (mut whole, mut left_out) = (0, 0);
        for line in BufReader::new(reader).lines() {
            match line?.strip_prefix('(').and_then(|line| line.split(' ').next()?.parse::<u64>().ok()) {
                Some(lines) => left_out += lines,
                None => whole += 1,
            }
            if whole + left_out >= LINES {
                break;
            }
        }
        assert_eq!(whole + left_out, LINES);
        assert!(left_out > 0, "a pipe has no room for all of them");
        Ok(())
    }

    #[test]
    fn the_end_waits_until_all_is_written() -> io::Result<()> {
        let (mut reader, writer) = io::pipe()?;
        let screen = Screen::onto(writer, io::sink(), false, 1_000)?;
        screen.say("introduction\n".to_owned());
        screen.finish("table\n".to_owned());
        screen.wait(Duration::MAX);
        let mut text = [0; 20];
        assert_eq!(io::Read::read(&mut reader, &mut text)?, 20);
        assert_eq!(&text, b"introduction\ntable\n\n");
        Ok(())
    }
}
