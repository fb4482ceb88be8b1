//! Words after expansion: the text that keepalived sees, and where it came from.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// This is one word of the configuration after definitions, sequences and includes are resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Word {
    /// This is the text without quotes; it need not be UTF-8.
    pub text: Box<[u8]>,
    /// This is the place where it stands, or, for expanded text, the place where the definition is used.
    pub span: Span,
    /// This says that the word stood in double quotes.
    pub quoted: bool,
    /// This is how the word came about; `None` when it stands in the file as it is.
    pub origin: Option<Arc<Origin>>,
}

impl Word {
    /// This is the text; bytes that are not UTF-8 are shown as U+FFFD.
    #[must_use]
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// This is the text when it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.text).ok()
    }

    /// This iterates over what produced the word, the nearest first.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        std::iter::successors(self.origin.as_deref(), |o| o.from.as_deref())
    }
}

/// The most steps of an origin that are shown.
const MOST_STEPS: usize = 4;

/// Adds where an expanded word comes from to what is said about it.
pub(super) fn explain(mut diagnostic: Diagnostic, words: &[Word]) -> Diagnostic {
    let place = diagnostic.span;
    let inside = |w: &&Word| w.span.file == place.file && w.span.start <= place.start && place.end <= w.span.end;
    let Some(word) = words.iter().filter(inside).find(|w| w.origin.is_some()) else { return diagnostic };
    for origin in word.origins().take(MOST_STEPS) {
        diagnostic =
            diagnostic.with_related(origin.span, format!("it comes from the definition of `${}`", origin.name));
    }
    diagnostic
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        *self.text == *other.as_bytes()
    }
}

/// This is one step of the way that a word came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Origin {
    /// This is the name of the definition, without `$`.
    pub name: String,
    /// This is the place of the text in the definition; for `~SEQ` and `~LST` the macro.
    pub span: Span,
    /// This is the step before, when the definition was used inside another one.
    pub from: Option<Arc<Origin>>,
}
