//! `virtual_server_group`: addresses, ranges, networks and marks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::{Endpoint, Family, Fwmark};

use super::{Lowering, text};
use crate::diagnostic::Diagnostic;
use crate::keepalived::config::{Group, GroupEntry};
use crate::keepalived::tree::Statement;
use crate::keepalived::values;

impl Lowering<'_> {
    pub(super) fn group(&mut self, block: Statement<'_>) {
        if !block.is_valid() {
            return;
        }
        let Some(name) = block.argument(0).map(text) else { return };
        let before = self.diagnostics.len();
        if let Some(first) = self.config.groups.iter().find(|g| g.name == name) {
            let diagnostic =
                Diagnostic::error("duplicate-name", block.span(), format!("group `{name}` is defined twice"))
                    .with_related(first.span, "first here");
            self.report(diagnostic);
        }
        let mut entries = Vec::new();
        for line in block.children() {
            match self.entry(line) {
                Ok(entry) => entries.push(entry),
                Err(diagnostic) => self.report(*diagnostic),
            }
        }
        // The group stays, so that its users are not reported as well.
        if entries.is_empty() && self.diagnostics.len() == before {
            let message = format!("group `{name}` has no entries, it is removed");
            self.report(Diagnostic::error("empty-group", block.span(), message));
        }
        let of_family = |wanted: Family| {
            entries.iter().any(|e| match e {
                GroupEntry::Addresses { first, .. } => first.family() == wanted,
                GroupEntry::Mark { family, .. } => *family == Some(wanted),
            })
        };
        let open_mark = entries.iter().find_map(|e| match e {
            GroupEntry::Mark { family: None, span, .. } => Some(*span),
            _ => None,
        });
        if let Some(span) = open_mark.filter(|_| of_family(Family::Inet) && of_family(Family::Inet6)) {
            self.report(
                Diagnostic::error("family-mismatch", span, format!("group `{name}` has IPv4 and IPv6 entries, and the family of this mark is open: the group is removed"))
                    .with_help("write `inet` or `inet6` after the mark"),
            );
            entries.clear();
        }
        self.config.groups.push(Group { span: block.span(), name, entries });
    }

    fn entry(&mut self, line: Statement<'_>) -> Result<GroupEntry, Box<Diagnostic>> {
        let span = line.span();
        let words = line.words();
        let Some(first) = words.first() else {
            return Err(Box::new(Diagnostic::error("unexpected-open-brace", span, "`{` without an entry of a group")));
        };
        if &*first.text == b"fwmark" {
            let value = words.get(1).map(|w| &*w.text).unwrap_or_default();
            let mark = values::number(value, 1, u32::MAX.into()).ok().and_then(|n| u32::try_from(n).ok());
            let Some(mark) = mark.and_then(|m| Fwmark::new(m).ok()) else {
                let place = words.get(1).map_or(span, |w| w.span);
                return Err(Box::new(
                    Diagnostic::error("invalid-number", place, format!("`{}` is no firewall mark", text(value)))
                        .with_label("expected a number from 1 to 4294967295"),
                ));
            };
            let family = match words.get(2).map(|w| &*w.text) {
                Some(b"inet") => Some(Family::Inet),
                Some(b"inet6") => Some(Family::Inet6),
                None => None,
                Some(other) => {
                    let message = format!("`{}` is no family, the mark is ignored", text(other));
                    let diagnostic = Diagnostic::error("invalid-choice", words[2].span, message);
                    return Err(Box::new(diagnostic.with_label("expected `inet` or `inet6`")));
                }
            };
            return Ok(GroupEntry::Mark { mark, family, span });
        }
        let shown = first.lossy();
        let refuse = |code: &'static str, message: String| Err(Box::new(Diagnostic::error(code, first.span, message)));
        let Some(parsed) = range(&shown) else {
            return refuse(
                "invalid-address",
                format!("`{shown}` is no address, range or network of a group, it is skipped"),
            );
        };
        let (addr, more) = match parsed {
            Ok(range) => range,
            Err(why) => return refuse("invalid-range", format!("`{shown}` {why}, it is skipped")),
        };
        let port = match words.get(1) {
            None => 0,
            Some(word) if values::integer(&word.text) == Some(0) => 0,
            Some(word) => match values::port(&word.text) {
                Ok(port) => port,
                Err(refusal) => {
                    return Err(Box::new(
                        Diagnostic::error(
                            refusal.code,
                            word.span,
                            format!("`{}` is no port, the entry is skipped", word.lossy()),
                        )
                        .with_label(format!("expected {}", refusal.expected)),
                    ));
                }
            },
        };
        if let Some(extra) = words.get(2) {
            let place = extra.span.to(words[words.len() - 1].span);
            let shown = extra.lossy();
            self.report(if range(&shown).is_some() {
                let message = format!("`{shown}` stands on the line of another entry and is ignored");
                Diagnostic::error("two-statements", place, message).with_label("a second entry needs a line of its own")
            } else {
                let message = format!("an entry is an address and a port, `{shown}` is ignored");
                Diagnostic::warning("extra-words", place, message)
            });
        }
        if more >= self.limits.group_entry {
            return Err(Box::new(
                Diagnostic::error(
                    "group-too-large",
                    first.span,
                    format!("`{shown}` stands for {} services", u128::from(more) + 1),
                )
                .with_label(format!("at most {} are expanded", self.limits.group_entry))
                .with_help("use a service with a firewall mark for so many addresses"),
            ));
        }
        Ok(GroupEntry::Addresses { first: Endpoint::new(addr, port), more, span })
    }
}

/// The first address and how many follow; `None` when it is no address at all.
fn range(text: &str) -> Option<Result<(IpAddr, u64), &'static str>> {
    if let Some((network, length)) = text.split_once('/') {
        let address = values::address(network.as_bytes())?;
        let length: u32 = length.parse().ok()?;
        let (bits, value) = match address {
            IpAddr::V4(a) => (32, u128::from(a.to_bits())),
            IpAddr::V6(a) => (128, a.to_bits()),
        };
        if length > bits {
            return Some(Err("has a prefix that is longer than the address"));
        }
        let host_bits = bits - length;
        let more = 1u128.checked_shl(host_bits).map_or(u128::MAX, |n| n - 1);
        if value & more != 0 {
            return Some(Err("has bits set behind its prefix"));
        }
        return Some(Ok((address, u64::try_from(more).unwrap_or(u64::MAX))));
    }
    let Some((from, to)) = text.split_once('-') else {
        return values::address(text.as_bytes()).map(|a| Ok((a, 0)));
    };
    let from = values::address(from.as_bytes())?;
    let end = match (values::address(to.as_bytes()), from) {
        (Some(end), _) => end,
        // The last part alone: decimal for IPv4, hexadecimal for IPv6.
        (None, IpAddr::V4(a)) => {
            let last: u8 = to.parse().ok()?;
            let [x, y, z, _] = a.octets();
            IpAddr::V4(Ipv4Addr::new(x, y, z, last))
        }
        (None, IpAddr::V6(a)) => {
            let last = u16::from_str_radix(to, 16).ok()?;
            let mut segments = a.segments();
            segments[7] = last;
            IpAddr::V6(Ipv6Addr::from(segments))
        }
    };
    let difference = match (from, end) {
        (IpAddr::V4(a), IpAddr::V4(b)) => b.to_bits().checked_sub(a.to_bits()).map(u128::from),
        (IpAddr::V6(a), IpAddr::V6(b)) => b.to_bits().checked_sub(a.to_bits()),
        _ => return Some(Err("has ends of different families")),
    };
    Some(match difference {
        None | Some(0) => Err("ends before it starts"),
        Some(more) => Ok((from, u64::try_from(more).unwrap_or(u64::MAX))),
    })
}

/// The address that comes `n` after another one.
pub(in crate::keepalived) fn nth(first: IpAddr, n: u64) -> IpAddr {
    match first {
        IpAddr::V4(a) => {
            IpAddr::V4(Ipv4Addr::from_bits(a.to_bits().wrapping_add(u32::try_from(n).unwrap_or(u32::MAX))))
        }
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits().wrapping_add(n.into()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_counted_by_arithmetic() {
        let ok = |t: &str| range(t).unwrap().unwrap();
        assert_eq!(ok("10.0.0.1"), ("10.0.0.1".parse().unwrap(), 0));
        assert_eq!(ok("10.0.0.1-9").1, 8);
        assert_eq!(ok("10.0.0.250-10.0.1.4").1, 10);
        assert_eq!(ok("10.0.0.0/30").1, 3);
        assert_eq!(ok("2001:db8::1-1f").1, 30);
        assert_eq!(ok("::/0").1, u64::MAX);
        assert!(range("10.0.0.9-1").unwrap().is_err());
        assert!(range("10.0.0.1/30").unwrap().is_err());
        assert!(range("10.0.0.1-2001::").unwrap().is_err());
        assert!(range("name").is_none());
        assert!(range("10.0.0.1-999").is_none());
        assert_eq!(nth("10.0.0.255".parse().unwrap(), 1), "10.0.1.0".parse::<IpAddr>().unwrap());
    }
}
