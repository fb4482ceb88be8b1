//! The live table and the log on one screen.
//!
//! On a terminal the table stays below the log lines and is painted over; elsewhere each table that differs from the
//! last one is printed after it, so that a file shows what happened.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A table with more lines is printed and not painted over: it might not fit on the terminal.
const PAINTED_LINES: usize = 22;

/// Where the table and the log lines go.
#[derive(Debug, Clone)]
pub(crate) struct Screen(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    terminal: bool,
    table: String,
    painted: usize,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        Self(Arc::new(Mutex::new(Inner { terminal, table: String::new(), painted: 0 })))
    }

    /// Whether the lines may be coloured.
    pub(crate) fn is_terminal(&self) -> bool {
        self.lock().terminal
    }

    /// Writes text to standard output.
    pub(crate) fn say(&self, text: &str) {
        let _inner = self.lock();
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    /// Writes text to standard error, as it is.
    pub(crate) fn complain(&self, text: &str) {
        self.lock().log(text.as_bytes());
    }

    /// Shows the table unless it is the one that was shown last.
    pub(crate) fn show(&self, table: &str) {
        let mut inner = self.lock();
        if inner.table != table {
            inner.erase();
            table.clone_into(&mut inner.table);
            inner.paint();
        }
    }

    /// Leaves the last table where it is.
    pub(crate) fn finish(&self, table: &str) {
        self.show(table);
        let mut inner = self.lock();
        inner.painted = 0;
        inner.table.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// A screen that cannot be written to (a closed pipe) must not stop the balancing, so results of writes are dropped.
impl Inner {
    fn erase(&mut self) {
        if self.painted > 0 {
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "\x1b[{}A\x1b[J", self.painted);
            // What is written to standard error next must come after it.
            let _ = out.flush();
        }
        self.painted = 0;
    }

    fn paint(&mut self) {
        let mut out = std::io::stdout().lock();
        let lines = self.table.lines().count();
        if self.terminal && lines <= PAINTED_LINES {
            // Without wrapping, a line of the table is a line of the screen, however narrow it is.
            let _ = write!(out, "\x1b[?7l{}\x1b[?7h", self.table);
            self.painted = lines;
        } else {
            let _ = writeln!(out, "{}", self.table);
        }
        let _ = out.flush();
    }

    fn log(&mut self, line: &[u8]) {
        let repaint = self.painted > 0;
        self.erase();
        let _ = std::io::stderr().write_all(line);
        if repaint {
            self.paint();
        }
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
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        self.screen.lock().log(&self.line);
    }
}
