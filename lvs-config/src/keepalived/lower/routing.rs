//! Static and virtual addresses, routes and rules of policy routing, word by word as keepalived reads them.

use super::Lowering;
use super::lines::{Reader, Takes, Wrong, split_prefix};
use crate::diagnostic::{Diagnostic, Fix};
use crate::keepalived::tree::Statement;
use crate::keepalived::values;
use crate::keepalived::word::Word;
use lvs_model::Family;

type Table = &'static [(&'static str, Takes)];

const ADDRESS: Table = &[
    ("dev", Takes::Any),
    ("scope", Takes::Scope),
    ("label", Takes::Any),
    ("brd", Takes::Broadcast),
    ("broadcast", Takes::Broadcast),
    ("peer", Takes::Address),
    ("preferred_lft", Takes::Any),
    ("home", Takes::Nothing),
    ("-nodad", Takes::Nothing),
    ("mngtmpaddr", Takes::Nothing),
    ("noprefixroute", Takes::Nothing),
    ("autojoin", Takes::Nothing),
    ("no_track", Takes::Nothing),
];

const U32: i64 = 4_294_967_295;

const ROUTE: Table = &[
    ("to", Takes::Nothing),
    ("src", Takes::Address),
    ("via", Takes::Gateway),
    ("gw", Takes::Gateway),
    ("or", Takes::Gateway),
    ("from", Takes::Prefix),
    ("dev", Takes::Any),
    ("oif", Takes::Any),
    ("table", Takes::Any),
    ("metric", Takes::Number(0, U32)),
    ("priority", Takes::Number(0, U32)),
    ("preference", Takes::Number(0, U32)),
    ("pref", Takes::Choice(&["low", "medium", "high"])),
    ("expires", Takes::Number(0, U32)),
    ("scope", Takes::Scope),
    ("tos", Takes::Byte),
    ("dsfield", Takes::Byte),
    ("protocol", Takes::Any),
    ("mtu", Takes::Locked),
    ("advmss", Takes::Locked),
    ("reordering", Takes::Locked),
    ("cwnd", Takes::Locked),
    ("ssthresh", Takes::Locked),
    ("rtt", Takes::Time),
    ("rttvar", Takes::Time),
    ("rto_min", Takes::Time),
    ("hoplimit", Takes::Number(0, 255)),
    ("window", Takes::Number(0, U32)),
    ("initcwnd", Takes::Number(0, U32)),
    ("initrwnd", Takes::Number(0, U32)),
    ("features", Takes::Choice(&["ecn"])),
    ("quickack", Takes::Number(0, 1)),
    ("fastopen_no_cookie", Takes::Number(0, 1)),
    ("congctl", Takes::LockedName),
    ("realms", Takes::Any),
    ("onlink", Takes::Nothing),
    ("no_track", Takes::Nothing),
    ("ttl-propagate", Takes::Choice(&["enabled", "disabled"])),
    ("encap", Takes::Encapsulation),
    ("unicast", Takes::Nothing),
    ("local", Takes::Nothing),
    ("broadcast", Takes::Nothing),
    ("anycast", Takes::Nothing),
    ("multicast", Takes::Nothing),
    ("blackhole", Takes::Nothing),
    ("unreachable", Takes::Nothing),
    ("prohibit", Takes::Nothing),
    ("throw", Takes::Nothing),
    ("nat", Takes::Nothing),
    ("xresolve", Takes::Nothing),
];

const NEXT_HOP: Table = &[
    ("nexthop", Takes::Nothing),
    ("via", Takes::Gateway),
    ("dev", Takes::Any),
    ("oif", Takes::Any),
    ("weight", Takes::Number(1, 256)),
    ("onlink", Takes::Nothing),
    ("realms", Takes::Any),
    ("encap", Takes::Encapsulation),
];

const RULE: Table = &[
    ("from", Takes::Prefix),
    ("to", Takes::Prefix),
    ("not", Takes::Nothing),
    ("iif", Takes::Any),
    ("dev", Takes::Any),
    ("oif", Takes::Any),
    ("fwmark", Takes::Mark),
    ("tos", Takes::Byte),
    ("dsfield", Takes::Byte),
    ("realms", Takes::Any),
    ("table", Takes::Any),
    ("lookup", Takes::Any),
    ("blackhole", Takes::Nothing),
    ("unreachable", Takes::Nothing),
    ("prohibit", Takes::Nothing),
    ("nop", Takes::Nothing),
    ("goto", Takes::Number(0, U32)),
    ("l3mdev", Takes::Nothing),
    ("type", Takes::Nothing),
    ("preference", Takes::Number(0, U32)),
    ("priority", Takes::Number(0, U32)),
    ("order", Takes::Number(0, U32)),
    ("suppress_prefixlength", Takes::Number(0, 2_147_483_647)),
    ("suppress_ifgroup", Takes::Any),
    ("tunnel-id", Takes::Number(0, i64::MAX)),
    ("uidrange", Takes::Range),
    ("ipproto", Takes::Any),
    ("sport", Takes::Range),
    ("dport", Takes::Range),
    ("protocol", Takes::Number(0, 255)),
    ("no_track", Takes::Nothing),
    ("inet", Takes::Nothing),
    ("inet6", Takes::Nothing),
];

fn find(table: Table, word: &Word) -> Option<Takes> {
    table.iter().find(|(name, _)| *word == **name).map(|(_, takes)| *takes)
}

fn names(table: Table) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}

/// `track_group` is for what stands outside of instances.
fn is_static(block: Statement<'_>) -> bool {
    block.name().starts_with("static_")
}

impl Lowering<'_> {
    /// One address a line, with a prefix and options.
    pub(super) fn addresses(&mut self, block: Statement<'_>) {
        for line in block.children() {
            let Some(word) = line.words().first() else { continue };
            let Some(address) = values::address(split_prefix(&word.text).0) else {
                self.bad_address(word, "it is skipped");
                continue;
            };
            if let Err(wrong) = address_line(line.words(), is_static(block)) {
                self.wrong_line(&wrong, &names(ADDRESS));
            } else if address.is_ipv6() {
                // `scope global` is what they have anyway.
                let found = line.words().windows(2).find(|pair| match &*pair[0].text {
                    b"label" | b"brd" | b"broadcast" => true,
                    b"scope" => pair[1] != *"global",
                    _ => false,
                });
                if let Some([word, _]) = found {
                    let code = if &*word.text == b"label" { "label-with-ipv6" } else { "option-with-ipv6" };
                    let message = format!("IPv6 addresses have no {}, it is ignored", word.lossy());
                    self.report(Diagnostic::error(code, word.span, message));
                }
            }
        }
    }

    pub(super) fn bad_address(&mut self, word: &Word, consequence: &str) {
        let shown = word.lossy();
        let mut diagnostic =
            Diagnostic::error("invalid-address", word.span, format!("`{shown}` is no address, {consequence}"));
        if shown.contains(['<', '>', '$'])
            || shown.contains("x.x")
            || shown.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'/' | b'-'))
        {
            diagnostic = diagnostic.with_label("this looks like a placeholder that was not replaced");
        } else if shown.starts_with('[') {
            diagnostic = diagnostic.with_label("no brackets here");
        }
        self.report(diagnostic);
    }

    pub(super) fn routes(&mut self, block: Statement<'_>) {
        for line in block.children() {
            for word in line.words() {
                let instead = match &*word.text {
                    b"gw" => "via",
                    b"or" => "nexthop",
                    _ => continue,
                };
                let message = format!("`{}` of a route is deprecated", word.lossy());
                let diagnostic = Diagnostic::info("deprecated", word.span, message);
                self.report(if word.origin.is_none() && instead == "via" {
                    diagnostic.with_fix(Fix::replace(format!("write `{instead}`"), word.span, instead))
                } else {
                    diagnostic.with_help(format!("instead: {instead}"))
                });
            }
            if let Err(wrong) = route(line.words(), is_static(block)) {
                self.wrong_line(&wrong, &names(ROUTE));
            }
        }
    }

    /// Rules of policy routing.
    pub(super) fn ip_rules(&mut self, block: Statement<'_>) {
        for line in block.children() {
            match rule(line.words(), is_static(block)) {
                Ok(true) => {}
                Ok(false) => self.report(Diagnostic::warning(
                    "rule-without-preference",
                    line.span(),
                    "rule has no `preference`, keepalived invents one",
                )),
                Err(wrong) => self.wrong_line(&wrong, &names(RULE)),
            }
        }
    }
}

fn unknown<'a>(word: &'a Word, what: &str) -> Wrong<'a> {
    Wrong::new(word, "unknown-option", format!("`{}` is no option of {what}", word.lossy()))
}

fn address_line(words: &[Word], is_static: bool) -> Result<(), Wrong<'_>> {
    let mut reader = Reader::new(words);
    let Some(first) = reader.next() else { return Ok(()) };
    reader.prefix(first)?;
    let mut device = None;
    while let Some(word) = reader.next() {
        let here = match (&*word.text, is_static) {
            (b"track_group", true) => Some(Takes::Any),
            (b"use_vmac", false) => Some(Takes::Nothing),
            _ => find(ADDRESS, word),
        };
        let Some(takes) = here else { return Err(unknown(word, "an address, it is ignored")) };
        let value = reader.peek();
        reader.argument(word, takes)?;
        match (&*word.text, value) {
            (b"dev", _) if device.replace(word).is_some() => {
                return Err(Wrong::new(word, "already-set", "`dev` stands here already, the address is dropped"));
            }
            (b"label", Some(label)) if label.text.len() > 15 => {
                return Err(Wrong::new(label, "name-too-long", "a label has at most 15 bytes, the address is dropped"));
            }
            (b"preferred_lft", Some(time))
                if &*time.text != b"forever" && values::number(&time.text, 0, U32.into()).is_err() =>
            {
                return Err(Wrong::new(time, "invalid-number", "`preferred_lft` takes seconds or `forever`"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn route(words: &[Word], is_static: bool) -> Result<(), Wrong<'_>> {
    let mut reader = Reader::new(words);
    let (mut has_target, mut hops) = (false, false);
    while let Some(word) = reader.next() {
        if hops || &*word.text == b"nexthop" {
            hops = true;
            let Some(takes) = find(NEXT_HOP, word) else {
                return Err(unknown(word, "a `nexthop`, which must stand last"));
            };
            reader.argument(word, takes)?;
            continue;
        }
        if &*word.text == b"as" {
            return Err(Wrong::new(word, "unknown-option", "`as` is for MPLS only, the route is ignored"));
        }
        if is_static && &*word.text == b"track_group" {
            reader.argument(word, Takes::Any)?;
        } else if let Some(takes) = find(ROUTE, word) {
            reader.argument(word, takes)?;
            let only_v6 = matches!(&*word.text, b"expires" | b"pref" | b"from");
            if only_v6 && reader.family == Some(Family::Inet) {
                let message = format!("`{}` is only for routes of IPv6", word.lossy());
                return Err(Wrong::new(word, "family-mismatch", message));
            }
        } else if matches!(&*word.text, b"default" | b"any" | b"all") {
            has_target = true;
        } else if values::address(split_prefix(&word.text).0).is_some() {
            reader.prefix(word)?;
            has_target = true;
        } else {
            return Err(unknown(word, "a route, the route is ignored"));
        }
    }
    match words.first() {
        Some(first) if !has_target => Err(Wrong::new(first, "missing-argument", "the route has no destination")),
        _ => tracked(words),
    }
}

/// keepalived watches only its own routes, and takes the protocol away from those that it is to watch.
fn tracked(words: &[Word]) -> Result<(), Wrong<'_>> {
    let is = |name: &str| words.iter().any(|w| *w == *name);
    let protocol = words.windows(2).find(|pair| &*pair[0].text == b"protocol");
    let Some([_, value]) = protocol else { return Ok(()) };
    if is("no_track") || !(is("dev") || is("oif")) || matches!(&*value.text, b"keepalived" | b"18") {
        return Ok(());
    }
    let message = "a route with another protocol than `keepalived` cannot be tracked, the protocol is reset";
    Err(Wrong::new(value, "route-protocol", message))
}

/// Whether the rule has a preference.
fn rule(words: &[Word], is_static: bool) -> Result<bool, Wrong<'_>> {
    let mut reader = Reader::new(words);
    let mut action: Option<&Word> = None;
    let (mut target, mut preference) = (None, None);
    while let Some(word) = reader.next() {
        let takes = if is_static && &*word.text == b"track_group" { Some(Takes::Any) } else { find(RULE, word) };
        let Some(takes) = takes else { return Err(unknown(word, "a rule, the rule is ignored")) };
        let value = reader.peek();
        reader.argument(word, takes)?;
        let number = value.and_then(|v| values::integer(&v.text));
        match &*word.text {
            b"table" | b"lookup" | b"blackhole" | b"unreachable" | b"prohibit" | b"nop" | b"goto" | b"l3mdev" => {
                if &*word.text == b"goto" {
                    target = number;
                }
                if action.replace(word).is_some() {
                    return Err(Wrong::new(word, "already-set", "the rule has two actions, it is ignored"));
                }
            }
            b"preference" | b"priority" | b"order" => preference = number,
            b"inet6" if reader.family == Some(Family::Inet) => {
                return Err(Wrong::new(word, "family-mismatch", "`inet6` stands in a rule of IPv4"));
            }
            b"inet" | b"inet6" if value.is_some() => {
                let message =
                    format!("releases up to 2.2.7 misread what follows `{}`: it must stand last", word.lossy());
                return Err(Wrong::new(word, "order", message));
            }
            _ => {}
        }
    }
    match (action, target, words.first()) {
        (None, _, Some(first)) => {
            Err(Wrong::new(first, "missing-argument", "the rule has no action, such as `table`, it is ignored"))
        }
        (Some(word), Some(target), _) if preference.is_none_or(|p| p >= target) => {
            Err(Wrong::new(word, "out-of-range", "`goto` leads only to rules with a higher preference"))
        }
        _ => Ok(preference.is_some()),
    }
}
