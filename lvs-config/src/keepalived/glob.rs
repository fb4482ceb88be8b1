//! File name patterns: `*`, `?`, `[a-z]`, `[!a]` and alternatives `{a,b}`.

/// The most alternatives that braces may give; `{a,b}` twenty times would be a million.
const MOST_ALTERNATIVES: usize = 1024;

/// A pattern with its alternatives.
#[derive(Debug)]
pub(super) struct Pattern {
    alternatives: Vec<String>,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        Self { alternatives: braces(pattern) }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.alternatives.iter().any(|p| matches(p.as_bytes(), name.as_bytes()))
    }
}

/// Whether the text has no signs, so that it can only be the name of one file.
pub(super) fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', '{'])
}

/// Resolves `{a,b}`, also nested and repeated.
pub(super) fn braces(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(text) = open.pop() {
        if done.len() + open.len() > MOST_ALTERNATIVES {
            break;
        }
        match innermost(&text) {
            Some((from, to)) => {
                let choices: Vec<&str> = text[from + 1..to].split(',').collect();
                for choice in choices.iter().rev() {
                    open.push(format!("{}{choice}{}", &text[..from], &text[to + 1..]));
                }
            }
            None => done.push(text),
        }
    }
    done
}

/// The first pair of braces with none inside.
fn innermost(text: &str) -> Option<(usize, usize)> {
    let to = text.find('}')?;
    let from = text[..to].rfind('{')?;
    Some((from, to))
}

/// Whether a name fits a pattern; `*` and `?` do not cross a `/`. The last star is the only one that is ever tried
/// again, so the time is at most the product of both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(b'?') if name[n] != b'/' => Some(p + 1),
            Some(b'[') => class(&pattern[p..], name[n]).map(|length| p + length),
            Some(b'\\') if pattern.get(p + 1) == Some(&name[n]) => Some(p + 2),
            Some(&c) if c == name[n] => Some(p + 1),
            _ => None,
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((at, from))) if name[from] != b'/' => {
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// The length of a class such as `[a-z]` when it contains the byte.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let from = if negated { 2 } else { 1 };
    let length = pattern.get(from + 1..)?.iter().position(|&b| b == b']')? + 1;
    let members = &pattern[from..from + length];
    let mut found = false;
    let mut i = 0;
    while i < members.len() {
        if i + 2 < members.len() && members[i + 1] == b'-' {
            found |= (members[i]..=members[i + 2]).contains(&byte);
            i += 3;
        } else {
            found |= members[i] == byte;
            i += 1;
        }
    }
    (found != negated && byte != b'/').then_some(from + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name)
    }

    #[test]
    fn signs_mean_what_they_mean_in_a_shell() {
        assert!(fits("/a/*.conf", "/a/x.conf"));
        assert!(!fits("/a/*.conf", "/a/b/x.conf"));
        assert!(fits("?[a-c][!x]", "zby"));
        assert!(!fits("?[a-c][!x]", "zbx"));
        assert!(fits("{a,b{1,2}}.c", "b2.c"));
        assert!(!fits("{a,b{1,2}}.c", "b.c"));
        assert!(fits("*a*b*", "xxaxxbxx"));
        assert!(!fits("[", "["));
        assert!(!fits("a[]", "a"));
    }

    #[test]
    fn alternatives_are_bounded() {
        assert!(braces(&"{a,b}".repeat(30)).len() <= MOST_ALTERNATIVES + 1);
        assert_eq!(braces("x{b,a}y"), ["xby", "xay"]);
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        assert!(!fits(&"*a".repeat(200), &"a".repeat(100)));
    }
}
