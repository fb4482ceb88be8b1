//! The table and the log lines on a terminal, or one after the other in a file.

use std::io::Write;

use super::queue::Entry;

/// A table with more lines is printed and not painted over: it might not fit on the terminal.
const PAINTED_LINES: usize = 22;

/// Standard output and standard error, and what of the table stands there. What cannot be written (a closed pipe, a full
/// disk) must not stop the balancing, so results of writes are dropped.
#[derive(Debug)]
pub(super) struct Painter<Output, Errors> {
    output: Output,
    errors: Errors,
    terminal: bool,
    table: String,
    painted: usize,
}

impl<Output: Write, Errors: Write> Painter<Output, Errors> {
    pub(super) fn new(output: Output, errors: Errors, terminal: bool) -> Self {
        Self { output, errors, terminal, table: String::new(), painted: 0 }
    }

    pub(super) fn write(&mut self, entry: Entry) {
        match entry {
            Entry::Output(text) => self.beside_the_table(|painter| {
                let _ = painter.output.write_all(text.as_bytes());
            }),
            Entry::Errors(text) => self.error(text.as_bytes()),
            Entry::Line(line) => self.error(&line),
            Entry::Table(table) => self.show(table),
            Entry::LastTable(table) => {
                self.show(table);
                self.painted = 0;
                self.table.clear();
            }
        }
        let _ = self.output.flush();
    }

    /// Shows the table unless it is the one that was shown last.
    fn show(&mut self, table: String) {
        if self.table != table {
            self.erase();
            self.table = table;
            self.paint();
        }
    }

    fn error(&mut self, text: &[u8]) {
        self.beside_the_table(|painter| {
            let _ = painter.errors.write_all(text);
        });
    }

    fn beside_the_table(&mut self, write: impl FnOnce(&mut Self)) {
        let repaint = self.painted > 0;
        self.erase();
        write(self);
        if repaint {
            self.paint();
        }
    }

    fn erase(&mut self) {
        if self.painted > 0 {
            // From the first column on: what was typed, such as ^C, stands behind the table.
            let _ = write!(self.output, "\r\x1b[{}A\x1b[J", self.painted);
            // What is written to standard error next must come after it.
            let _ = self.output.flush();
        }
        self.painted = 0;
    }

    fn paint(&mut self) {
        let lines = self.table.lines().count();
        if self.terminal && lines <= PAINTED_LINES {
            // Without wrapping, a line of the table is a line of the screen, however narrow it is.
            let _ = write!(self.output, "\x1b[?7l{}\x1b[?7h", self.table);
            self.painted = lines;
        } else {
            let _ = writeln!(self.output, "{}", self.table);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terminal: bool) -> (String, String) {
        let mut painter = Painter::new(Vec::new(), Vec::new(), terminal);
        let entries = [
            Entry::Table("one\n".into()),
            Entry::Table("one\n".into()),
            Entry::Line(b"event\n".into()),
            Entry::LastTable("two\n".into()),
            Entry::Line(b"end\n".into()),
        ];
        entries.into_iter().for_each(|entry| painter.write(entry));
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (text(painter.output), text(painter.errors))
    }

    #[test]
    fn a_file_has_each_table_that_differs() {
        assert_eq!(written(false), ("one\n\ntwo\n\n".to_owned(), "event\nend\n".to_owned()));
    }

    #[test]
    fn on_a_terminal_the_table_stays_below_the_log() {
        let (erase, one, two) = ("\r\x1b[1A\x1b[J", "\x1b[?7lone\n\x1b[?7h", "\x1b[?7ltwo\n\x1b[?7h");
        assert_eq!(written(true), (format!("{one}{erase}{one}{erase}{two}"), "event\nend\n".to_owned()));
    }
}
