//! `include` and its five variants.

use std::path::{Path, PathBuf};

use super::text::Text;
use super::{Expander, trim};
use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::keepalived::token::include_length;
use crate::keepalived::word::Word;
use crate::span::{Source, Span};

/// When a missing file is an error; `include_check` changes it for the lines that follow in the same file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Check {
    plain: bool,
    wildcard: bool,
    braces: bool,
    readable: bool,
}

impl Check {
    const ALL: Self = Self { plain: true, wildcard: true, braces: true, readable: true };

    /// What a variant of the keyword asks for, besides what holds already.
    fn of(keyword: &[u8], default: Self) -> Self {
        match keyword {
            b"includer" => Self { readable: true, ..default },
            b"includem" => Self { plain: true, ..default },
            b"includew" => Self { plain: true, wildcard: true, ..default },
            b"includeb" => Self { braces: true, ..default },
            b"includea" => Self::ALL,
            _ => default,
        }
    }

    /// What the words after `include_check` make of it.
    pub(super) fn changed(self, words: &[Word]) -> Self {
        if words.is_empty() {
            return Self::ALL;
        }
        let relative = words[0].text.starts_with(b"+") || words[0].text.starts_with(b"-");
        let mut out = if relative { self } else { Self::default() };
        for word in words {
            let (name, on) = match word.text.split_first() {
                Some((b'-', rest)) => (rest, false),
                Some((b'+', rest)) => (rest, true),
                _ => (&*word.text, true),
            };
            match name {
                b"readable" => out.readable = on,
                b"match" => out.plain = on,
                b"wildcard_match" => (out.plain, out.wildcard) = (on, on),
                b"brace_match" => out.braces = on,
                _ => {}
            }
        }
        out
    }
}

impl Expander<'_> {
    pub(super) fn include(&mut self, text: &Text) {
        let length = include_length(&text.bytes).unwrap_or(0);
        let check = Check::of(&text.bytes[..length], self.check);
        let (from, to) = trim(&text.bytes[length..]);
        let (from, to) = (length + from, length + to);
        let (span, _) = text.place(from..to);
        let pattern = &text.bytes[from..to];
        let path = self.directory().join(path_of(pattern));
        let found = self.loader.list(&path);
        if found.is_empty() {
            self.missing(pattern, span, check);
            return;
        }
        for file in found {
            if self.stopped {
                return;
            }
            self.read(&file, span, check);
        }
    }

    fn missing(&mut self, pattern: &[u8], span: Span, check: Check) {
        let shown = String::from_utf8_lossy(pattern).into_owned();
        let wild = pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'['));
        let braces = pattern.contains(&b'{');
        let wanted = if wild { check.wildcard } else { check.plain || (braces && check.braces) };
        let severity = if wanted { Severity::Error } else { Severity::Warning };
        let mut diagnostic = Diagnostic::new(severity, "include-missing", span, format!("no file matches `{shown}`"));
        if let Some(inner) = pattern.strip_prefix(b"\"").and_then(|p| p.strip_suffix(b"\"")) {
            diagnostic = diagnostic.with_help("quotes are taken as a part of the name here").with_fix(Fix::replace(
                "remove the quotes",
                span,
                inner,
            ));
        } else if !wanted {
            diagnostic = diagnostic.with_help("keepalived goes on without it; `includew` makes it an error");
        }
        self.out.diagnostics.push(diagnostic);
    }

    fn read(&mut self, path: &Path, span: Span, check: Check) {
        let limits = self.options.limits();
        let shown = path.display();
        if self.stack.iter().any(|p| p == path) {
            let diagnostic = Diagnostic::error("include-cycle", span, format!("file `{shown}` includes itself"))
                .with_help("keepalived reads it again and again until it runs out of file descriptors");
            self.out.diagnostics.push(diagnostic);
            return;
        }
        if self.stack.len() >= limits.include_depth {
            let message = format!("files include each other more than {} deep", limits.include_depth);
            self.out.diagnostics.push(Diagnostic::error("include-too-deep", span, message));
            return;
        }
        if self.out.sources.len() >= limits.files {
            self.stopped = true;
            let message = format!("more than {} files are included, the rest is not read", limits.files);
            self.out.diagnostics.push(Diagnostic::error("include-too-many", span, message));
            return;
        }
        match self.loader.read(path) {
            Ok(bytes) => {
                // What `include_check` sets inside of the file ends with it.
                let saved = self.check;
                self.file(Source::new(path.to_string_lossy(), bytes), path.to_owned());
                self.check = saved;
            }
            Err(error) => {
                let severity = if check.readable { Severity::Error } else { Severity::Warning };
                let message = format!("file `{shown}` is not read: {error}");
                self.out.diagnostics.push(Diagnostic::new(severity, "include-unreadable", span, message));
            }
        }
    }
}

/// A file name as the bytes say it, where the system allows any.
fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}
