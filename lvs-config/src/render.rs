//! Diagnostics as plain text, with the offending line and carets under it.
//!
//! ```
//! use lvs_config::{Diagnostic, FileId, Renderer, Sources, Span};
//!
//! let sources = Sources::of("keepalived.conf", "vrrp_instance VI_1 {\n\tproiority 100\n}\n");
//! let diagnostic = Diagnostic::error("unknown-keyword", Span::new(FileId::MAIN, 22, 31), "unknown keyword `proiority`")
//!     .with_label("did you mean `priority`?");
//! assert_eq!(Renderer::new(&sources).render(&diagnostic), "\
//! error[unknown-keyword]: unknown keyword `proiority`
//!  --> keepalived.conf:2:2
//!   |
//! 2 |     proiority 100
//!   |     ^^^^^^^^^ did you mean `priority`?
//! ");
//! ```

use std::fmt::Write as _;

use crate::diagnostic::Diagnostic;
use crate::span::{Source, Sources, Span, count_characters};

/// A line that is longer than this is cut around the place that matters.
const WINDOW: usize = 140;

/// This writes diagnostics as plain text without colours.
///
/// Tabs become blanks up to the next multiple of four columns, wide characters count twice, and what cannot be seen
/// (control bytes, no-break blanks, bytes that are not UTF-8) is written as its code, so that the carets always stand
/// under the right letters.
#[derive(Debug, Clone, Copy)]
pub struct Renderer<'a> {
    sources: &'a Sources,
    tab: usize,
}

impl<'a> Renderer<'a> {
    /// This makes a renderer that looks texts up in `sources`.
    #[must_use]
    pub const fn new(sources: &'a Sources) -> Self {
        Self { sources, tab: 4 }
    }

    /// This sets the distance of tab stops, 1 to 16; the default is 4.
    #[must_use]
    pub fn with_tab_width(mut self, tab: usize) -> Self {
        self.tab = tab.clamp(1, 16);
        self
    }

    /// This is one diagnostic as text; the last line ends with a newline.
    #[must_use]
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let mut out = String::new();
        self.write(&mut out, diagnostic, &mut Columns::default());
        out
    }

    /// This is a list of diagnostics as text, with an empty line between two.
    #[must_use]
    pub fn render_all<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) -> String {
        let mut out = String::new();
        let mut columns = Columns::default();
        for diagnostic in diagnostics {
            if !out.is_empty() {
                out.push('\n');
            }
            self.write(&mut out, diagnostic, &mut columns);
        }
        out
    }

    fn write(&self, out: &mut String, d: &Diagnostic, columns: &mut Columns) {
        out.push_str(&d.severity.to_string());
        out.push('[');
        out.push_str(d.code.as_str());
        out.push_str("]: ");
        out.push_str(&visible(&d.message));
        out.push('\n');
        let mut places = vec![(d.span, d.label.as_deref().unwrap_or(""), '^')];
        places.extend(d.related.iter().map(|r| (r.span, r.message.as_str(), '-')));
        let lines = places.iter().filter_map(|(span, ..)| Some(self.sources.file(span.file)?.line_of(span.start)));
        let gutter = lines.max().unwrap_or(1).to_string().len();
        // A second place on the line above or in the same file needs no second header.
        let mut shown_file = None;
        let mut shown_line = 0;
        for (i, (span, label, mark)) in places.iter().enumerate() {
            let Some(source) = self.sources.file(span.file) else { continue };
            let line = source.line_of(span.start);
            if shown_file != Some(span.file) {
                let arrow = if i == 0 { "-->" } else { ":::" };
                let column = columns.column(source, *span, line);
                put(out, format_args!("{:gutter$}{arrow} {}:{line}:{column}\n", "", visible(source.name())));
                put(out, format_args!("{:gutter$} |\n", ""));
                shown_line = 0;
            } else if line != shown_line && line != shown_line + 1 {
                put(out, format_args!("{:gutter$} ...\n", ""));
            }
            shown_file = Some(span.file);
            let Excerpt { text, column, width } = self.excerpt(source, *span, line);
            if line != shown_line {
                put(out, format_args!("{line:gutter$} | {text}\n"));
                trim_end(out);
            }
            shown_line = line;
            let carets: String = std::iter::repeat_n(*mark, width.max(1)).collect();
            put(out, format_args!("{:gutter$} | {:column$}{carets} {}\n", "", "", visible(label)));
            trim_end(out);
        }
        let with_excerpt = shown_file.is_some();
        if with_excerpt && (!d.help.is_empty() || d.fix.is_some()) {
            put(out, format_args!("{:gutter$} |\n", ""));
        }
        for help in &d.help {
            put(out, format_args!("{:gutter$} = help: {}\n", "", visible(help)));
        }
        if let Some(fix) = &d.fix {
            put(out, format_args!("{:gutter$} = fix: {}\n", "", visible(&fix.title)));
        }
    }

    /// The line of the span as it is shown, and where in it the span lies, in columns of the screen.
    fn excerpt(&self, source: &Source, span: Span, line: usize) -> Excerpt {
        let range = source.line_range(line).unwrap_or(0..0);
        let bytes = &source.bytes()[range.clone()];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let from = span.start.saturating_sub(range.start).min(bytes.len());
        let to = span.end.saturating_sub(range.start).clamp(from, bytes.len());
        // Only what can be shown is looked at: a line may have many megabytes.
        let (first, last) = window(bytes, from);
        let mut text = String::new();
        let mut columns = 0;
        if first > 0 {
            text.push('…');
            columns = 1;
        }
        let (mut start, mut end) = (None, None);
        let mut offset = first;
        for chunk in bytes[first..last].utf8_chunks() {
            let valid = chunk.valid().chars().map(|c| (Some(c), c.len_utf8(), 0));
            let invalid = chunk.invalid().iter().map(|&b| (None, 1, b));
            for (character, length, byte) in valid.chain(invalid) {
                if offset >= from && start.is_none() {
                    start = Some(columns);
                }
                if offset >= to && end.is_none() {
                    end = Some(columns);
                }
                columns += match character {
                    Some('\t') => {
                        let blanks = self.tab - columns % self.tab;
                        text.extend(std::iter::repeat_n(' ', blanks));
                        blanks
                    }
                    Some(c) => show(&mut text, c),
                    None => {
                        put(&mut text, format_args!("<{byte:02X}>"));
                        4
                    }
                };
                offset += length;
            }
        }
        if last < bytes.len() {
            text.push('…');
        }
        let column = start.unwrap_or(columns);
        Excerpt { text, column, width: end.unwrap_or(columns).saturating_sub(column) }
    }
}

/// The place whose column was asked for last: the next one is often a few bytes behind it, in a line of megabytes.
#[derive(Default)]
struct Columns {
    span: Span,
    line: usize,
    column: usize,
}

impl Columns {
    /// The column of the start of a span, in characters from 1.
    fn column(&mut self, source: &Source, span: Span, line: usize) -> usize {
        let bytes = source.bytes();
        let at = span.start.min(bytes.len());
        let known = self.span.start;
        // Characters can be counted from where one starts.
        let is_start = bytes.get(known).is_none_or(|byte| byte & 0xC0 != 0x80);
        let is_behind = (self.span.file, self.line) == (span.file, line) && known <= at && is_start;
        self.column = match is_behind {
            true => self.column + count_characters(&bytes[known..at]),
            false => source.position(at).column,
        };
        (self.span, self.line) = (Span::new(span.file, at, at), line);
        self.column
    }
}

struct Excerpt {
    text: String,
    column: usize,
    width: usize,
}

/// The part of a line that is shown: all of a short one, else some bytes around `from`, not cutting a character.
fn window(bytes: &[u8], from: usize) -> (usize, usize) {
    if bytes.len() <= WINDOW {
        return (0, bytes.len());
    }
    let continues = |i: usize| bytes.get(i).is_some_and(|b| b & 0xC0 == 0x80);
    let mut first = if from < WINDOW / 2 { 0 } else { from - WINDOW / 3 };
    let mut last = (first + WINDOW).min(bytes.len());
    for _ in 0..3 {
        if first > 0 && continues(first) {
            first -= 1;
        }
        if continues(last) {
            last += 1;
        }
    }
    (first, last)
}

/// Appends a character in a form that can be seen and gives its width on the screen.
fn show(out: &mut String, c: char) -> usize {
    if is_invisible(c) {
        let before = out.len();
        put(out, format_args!("<U+{:04X}>", u32::from(c)));
        return out.len() - before;
    }
    out.push(c);
    width(c)
}

/// A message with everything invisible written as its code; messages quote what stands in the file.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        show(&mut out, c);
    }
    out
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// The columns that a visible character takes in a terminal: combining marks none, East Asian wide ones two.
fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36F}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5BD}'
        | '\u{610}'..='\u{61A}'
        | '\u{64B}'..='\u{65F}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{302A}'..='\u{302D}'
        | '\u{3099}'..='\u{309A}'
        | '\u{FE20}'..='\u{FE2F}' => 0,
        '\u{1100}'..='\u{115F}'
        | '\u{231A}'..='\u{231B}'
        | '\u{2E80}'..='\u{303E}'
        | '\u{3041}'..='\u{A4CF}'
        | '\u{A960}'..='\u{A97F}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}'
        | '\u{1F300}'..='\u{1F64F}'
        | '\u{1F680}'..='\u{1F6FF}'
        | '\u{1F900}'..='\u{1F9FF}'
        | '\u{20000}'..='\u{3FFFD}' => 2,
        _ => 1,
    }
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(arguments);
}

/// Drops blanks before the final newline, so that expected texts need none.
fn trim_end(out: &mut String) {
    let length = out.trim_end().len();
    out.truncate(length);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::FileId;

    fn rendered(text: &[u8], start: usize, end: usize) -> String {
        let sources = Sources::of("f", text);
        Renderer::new(&sources).render(&Diagnostic::error("c", Span::new(FileId::MAIN, start, end), "m"))
    }

    #[test]
    fn wide_and_combining_characters_move_the_carets() {
        let text = "ab ｛e\u{301}x y".as_bytes();
        let at = text.iter().position(|&b| b == b'x').unwrap();
        assert_eq!(rendered(text, at, at + 1), "error[c]: m\n --> f:1:7\n  |\n1 | ab ｛e\u{301}x y\n  |       ^\n");
        assert_eq!(rendered(text, 3, 6), "error[c]: m\n --> f:1:4\n  |\n1 | ab ｛e\u{301}x y\n  |    ^^\n");
    }

    #[test]
    fn invisible_and_broken_bytes_are_shown_as_codes() {
        let text = b"\xc2\xa0a\xff\0\r\n";
        assert_eq!(rendered(text, 2, 3), "error[c]: m\n --> f:1:2\n  |\n1 | <U+00A0>a<FF><U+0000>\n  |         ^\n");
        assert_eq!(rendered(text, 0, 2), "error[c]: m\n --> f:1:1\n  |\n1 | <U+00A0>a<FF><U+0000>\n  | ^^^^^^^^\n");
    }

    #[test]
    fn tabs_advance_to_the_next_stop() {
        assert_eq!(rendered(b"a\tb\n", 2, 3), "error[c]: m\n --> f:1:3\n  |\n1 | a   b\n  |     ^\n");
        let sources = Sources::of("f", b"a\tb\n");
        let d = Diagnostic::error("c", Span::new(FileId::MAIN, 2, 3), "m");
        let wide = Renderer::new(&sources).with_tab_width(8).render(&d);
        assert!(wide.contains("1 | a       b\n  |         ^\n"), "{wide}");
    }

    #[test]
    fn an_endless_line_is_cut_around_the_place() {
        let mut text = vec![b'x'; 1 << 20];
        text[500_000] = b'Y';
        let out = rendered(&text, 500_000, 500_001);
        assert!(out.len() < 600, "{}", out.len());
        let lines: Vec<&str> = out.lines().collect();
        let caret = lines[4].find('^').unwrap();
        assert_eq!(lines[3].chars().nth(caret), Some('Y'));
    }

    #[test]
    fn columns_of_a_list_are_those_of_its_members() {
        let text = "a \u{e9}\u{301} b\n\u{ff5b} c\u{20ac}\n".as_bytes();
        let sources = Sources::of("f", [text, b"\xff\xc3 d"].concat());
        let length = text.len() + 4;
        let list: Vec<_> = (0..=length)
            .chain((0..length).rev())
            .chain([length + 9])
            .map(|at| Diagnostic::error("c", Span::new(FileId::MAIN, at, at), "m"))
            .collect();
        let renderer = Renderer::new(&sources);
        let alone: Vec<_> = list.iter().map(|d| renderer.render(d)).collect();
        assert_eq!(renderer.render_all(&list), alone.join("\n"));
    }

    // Minutes, when columns are counted from the start of the line each time.
    #[test]
    fn many_places_on_one_line_take_no_longer_than_their_number() {
        let text = "ipvsadm -A -f 1;".repeat(100_000);
        let sources = Sources::of("f", &text);
        let span = |i: usize| Span::new(FileId::MAIN, i * 16, i * 16 + 15);
        let list: Vec<_> =
            (1..100_000).map(|i| Diagnostic::error("c", span(i), "m").with_related(span(0), "the first one")).collect();
        assert!(Renderer::new(&sources).render_all(&list).contains(" --> f:1:1599985\n"));
    }

    #[test]
    fn a_place_at_the_end_of_the_file_or_over_several_lines_has_a_caret() {
        assert_eq!(rendered(b"a {\n", 4, 4), "error[c]: m\n --> f:2:1\n  |\n2 |\n  | ^\n");
        assert_eq!(rendered(b"a {\nb\n", 2, 5), "error[c]: m\n --> f:1:3\n  |\n1 | a {\n  |   ^\n");
    }

    #[test]
    fn second_places_follow_in_order_with_gaps_marked() {
        let sources = Sources::of("f", "a\nb\nc\nd\n");
        let span = |i: usize| Span::new(FileId::MAIN, i * 2, i * 2 + 1);
        let d = Diagnostic::error("c", span(0), "m")
            .with_label("here")
            .with_related(span(1), "next")
            .with_related(span(3), "later")
            .with_help("do it");
        let expected = "error[c]: m\n --> f:1:1\n  |\n1 | a\n  | ^ here\n2 | b\n  | - next\n ...\n4 | d\n  | - later\n  |\n  = help: do it\n";
        assert_eq!(Renderer::new(&sources).render(&d), expected.replace("\n ...", "\n  ..."));
    }
}
