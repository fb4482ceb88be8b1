//! What is tracked and by whom: scripts, processes, files, interfaces, peers, groups.

use std::collections::{HashMap, HashSet};

use super::lines::{Reader, Takes, Wrong, split_prefix};
use super::vrrp::Names;
use super::{Lowering, mentions, text, weight_of};
use crate::diagnostic::Diagnostic;
use crate::keepalived::tree::{Statement, Tree};
use crate::keepalived::values;
use crate::keepalived::word::Word;

const TRACK: [&str; 3] = ["weight", "reverse", "noreverse"];

impl Lowering<'_> {
    /// The lists of what is tracked in an instance or a group.
    pub(super) fn trackers(&mut self, block: Statement<'_>, names: &Names) {
        for list in block.children().filter(|s| s.name().starts_with("track_") && s.has_block()) {
            let mut seen = HashSet::new();
            for line in list.children() {
                let Some(word) = line.words().first() else { continue };
                if !seen.insert(&word.text) {
                    let message = format!("`{}` stands here twice, the second one is ignored", word.lossy());
                    self.report(Diagnostic::error("duplicate-name", word.span, message));
                    continue;
                }
                self.undefined(list.name(), word, names);
                match tracked(list.name(), line.words()) {
                    Ok(None) => {}
                    Ok(Some(word)) => self.report(Diagnostic::warning(
                        "extra-words",
                        word.span,
                        format!("`{}` is ignored", word.lossy()),
                    )),
                    Err(wrong) => self.wrong_line(&wrong, &TRACK),
                }
            }
        }
    }

    /// Scripts and processes must be defined above the block that tracks them, files and sessions anywhere.
    fn undefined(&mut self, list: &str, word: &Word, names: &Names) {
        let (kinds, anywhere): (&[&'static str], bool) = match list {
            "track_script" => (&["vrrp_script"], false),
            "track_process" => (&["vrrp_track_process"], false),
            "track_file" => (&["track_file", "vrrp_track_file"], true),
            "track_bfd" => (&["bfd_instance"], true),
            _ => return,
        };
        let name = word.lossy().into_owned();
        let known = kinds.iter().any(|kind| {
            names.is_seen(kind, &name)
                || self.is_refused(kind, &name)
                || (anywhere && self.later.contains_key(&(*kind, name.clone())))
        });
        if known {
            return;
        }
        let kind = kinds[0];
        let place = if anywhere { "is in the file" } else { "stands before this" };
        let message = format!("no block `{kind} {name}` {place}, it is ignored");
        let mut diagnostic = Diagnostic::error("undefined-name", word.span, message);
        if let Some(later) = self.later.get(&(kind, name)) {
            diagnostic = diagnostic
                .with_related(*later, "it is defined only here")
                .with_help("move the definition above its use");
        }
        self.report(diagnostic);
    }

    /// `ADDRESS [min_ttl N] [max_ttl N]` a line.
    pub(super) fn peers(&mut self, block: Statement<'_>) {
        for line in block.children() {
            let Some(word) = line.words().first() else { continue };
            if values::address(split_prefix(&word.text).0).is_none() {
                self.bad_address(word, "the peer is skipped");
            } else if let Err(wrong) = peer(line.words()) {
                self.wrong_line(&wrong, &["min_ttl", "max_ttl"]);
            }
        }
    }

    /// `INTERFACE DOWN [UP]` a line, in seconds.
    pub(super) fn delays(&mut self, block: Statement<'_>) {
        for word in block.children().flat_map(|line| line.words().iter().skip(1).take(2)) {
            if let Err(refusal) = values::decimal(&word.text, 0, 255_000_000, 6) {
                let message = format!("`{}` is no delay", word.lossy());
                let diagnostic = Diagnostic::error(refusal.code, word.span, message);
                self.report(diagnostic.with_label(format!("expected {}", refusal.expected)));
            }
        }
    }

    /// `INTERFACE [MII|ETHTOOL|IOCTL]` a line.
    pub(super) fn linkbeat(&mut self, block: Statement<'_>) {
        for word in block.children().filter_map(|line| line.words().get(1)) {
            if !matches!(&*word.text, b"MII" | b"ETHTOOL" | b"IOCTL") {
                let message = format!("`{}` is no way to look at a link, it is ignored", word.lossy());
                let diagnostic = Diagnostic::error("invalid-choice", word.span, message);
                self.report(diagnostic.with_label("expected `MII`, `ETHTOOL` or `IOCTL`"));
            }
        }
    }

    pub(super) fn sync_group(&mut self, block: Statement<'_>, names: &mut Names) {
        let mut lists = block.children().filter(|s| s.name() == "group").peekable();
        if lists.peek().is_none() {
            self.required(block, "group", "no-members", "it is removed");
            return;
        }
        let members: Vec<&Word> = lists.flat_map(Statement::children).flat_map(Statement::words).collect();
        for word in &members {
            let name = word.lossy().into_owned();
            let refused = self.is_refused("vrrp_instance", &name);
            if !refused && !self.later.contains_key(&("vrrp_instance", name.clone())) {
                let message = format!("no `vrrp_instance {name}` is in the file, the member is ignored");
                self.report(Diagnostic::error("undefined-name", word.span, message));
            } else if let Some(first) = names.join(name, word.span) {
                let message = format!("`{}` is in a sync group already", word.lossy());
                let diagnostic = Diagnostic::error("duplicate-member", word.span, message);
                self.report(diagnostic.with_related(first, "first here"));
            }
        }
        match members.len() {
            0 => self.report(Diagnostic::error(
                "no-members",
                block.span(),
                "the sync group has no members, it is removed",
            )),
            1 => {
                let message = "a sync group with one member does nothing";
                self.report(Diagnostic::warning("lonely-group", block.span(), message));
            }
            _ => {}
        }
    }

    /// What members of a sync group track: not what the group does, and without weights unless the group allows them.
    pub(super) fn members(&mut self, tree: &Tree) {
        let weights: HashMap<(&str, &[u8]), i64> = tree
            .statements()
            .filter_map(|s| {
                let (list, default) = match s.name() {
                    "vrrp_script" => ("track_script", 0),
                    "track_file" | "vrrp_track_file" => ("track_file", 1),
                    "bfd_instance" => ("track_bfd", 0),
                    _ => return None,
                };
                Some(((list, s.argument(0)?), s.child("weight").map_or(default, weight_of)))
            })
            .collect();
        let instances: HashMap<&[u8], Statement<'_>> = tree
            .statements()
            .filter(|s| s.name() == "vrrp_instance")
            .filter_map(|s| Some((s.argument(0)?, s)))
            .collect();
        fn interfaces(block: Statement<'_>) -> impl Iterator<Item = &Word> {
            let lists = block.children().filter(|s| s.name() == "track_interface");
            lists.flat_map(Statement::children).filter_map(|line| line.words().first())
        }
        for group in tree.statements().filter(|s| s.name() == "vrrp_sync_group") {
            let tracked: HashMap<&[u8], &Word> = interfaces(group).map(|w| (&*w.text, w)).collect();
            let weighs = group.child("sync_group_tracking_weight").is_some();
            let members = group.children().filter(|s| s.name() == "group").flat_map(Statement::children);
            for member in members.flat_map(Statement::words).filter_map(|w| instances.get(&*w.text)) {
                if !weighs && let Some(line) = weighted(*member, &weights) {
                    let message = "the weight is ignored, as the instance is in a sync group";
                    let diagnostic = Diagnostic::error("weight-in-group", line.span(), message);
                    self.report(diagnostic.with_related(group.span(), "the group").with_help(
                        "`sync_group_tracking_weight` in the group lets weights count, `weight 0` goes without",
                    ));
                }
                let own = member.child("interface").filter(|_| member.child("dont_track_primary").is_none());
                let own = own.and_then(|s| s.arguments().first());
                let twice = interfaces(*member).chain(own).find_map(|w| Some((w, tracked.get(&*w.text)?)));
                let Some((word, place)) = twice else { continue };
                let message = format!("`{}` is tracked by the sync group and by its member", word.lossy());
                let diagnostic = Diagnostic::error("tracked-twice", place.span, message);
                self.report(diagnostic.with_related(word.span, "the member"));
            }
        }
    }

    pub(super) fn track_group(&mut self, block: Statement<'_>) {
        let empty = block.children().filter(|s| s.name() == "group").find(|s| s.children().next().is_none());
        if let Some(list) = empty {
            self.report(Diagnostic::error("no-members", list.span(), "the group has no members"));
        }
    }

    pub(super) fn process(&mut self, block: Statement<'_>) {
        self.required(block, "process", "no-process", "it is removed");
        let number = |name: &str| block.child(name).and_then(|s| s.argument(0)).and_then(values::integer);
        if let (Some(quorum), Some(most), Some(place)) =
            (number("quorum"), number("quorum_max"), block.child("quorum_max"))
            && most < quorum
        {
            let message = format!("`quorum_max` {most} is below the quorum {quorum}, it is ignored");
            self.report(Diagnostic::error("out-of-range", place.span(), message));
        }
    }

    pub(super) fn session(&mut self, block: Statement<'_>, names: &mut Names) {
        if let Some(name) = block.arguments().first().filter(|w| w.text.len() > 31) {
            let message = "the name of a session has at most 31 bytes, the instance is ignored";
            self.report(Diagnostic::error("name-too-long", name.span, message));
        }
        let Some(neighbor) = block.children().find(|s| matches!(s.name(), "neighbor_ip" | "neighbour_ip")) else {
            if !mentions(block, &["neighbor_ip", "neighbour_ip"]) {
                self.required(block, "neighbor_ip", "no-neighbor", "the instance is disabled");
            }
            return;
        };
        let address = |s: Statement<'_>| s.argument(0).and_then(values::address);
        let Some(remote) = address(neighbor) else { return };
        if let Some(first) = names.meet(remote, neighbor.span()) {
            let message = format!("another instance has the neighbour {remote} already, this one is ignored");
            let diagnostic = Diagnostic::error("duplicate-neighbor", neighbor.span(), message);
            self.report(diagnostic.with_related(first, "first here"));
        }
        let source = block.child("source_ip");
        if let Some(source) = source.filter(|s| address(*s).is_some_and(|a| a.is_ipv4() != remote.is_ipv4())) {
            let message = "source and neighbour are of different families, the instance is disabled";
            let diagnostic = Diagnostic::error("family-mismatch", source.span(), message);
            self.report(diagnostic.with_related(neighbor.span(), "the neighbour"));
        }
    }

    pub(super) fn garp_group(&mut self, block: Statement<'_>, names: &mut Names) {
        if !mentions(block, &["garp_interval", "gna_interval"]) {
            self.report(Diagnostic::error(
                "no-delay",
                block.span(),
                "`garp_group` has neither `garp_interval` nor `gna_interval`, it is removed",
            ));
        }
        let single = block.children().filter(|s| s.name() == "interface").filter_map(|s| s.arguments().first());
        let lists = block.children().filter(|s| s.name() == "interfaces");
        let many = lists.flat_map(Statement::children).flat_map(Statement::words);
        let words: Vec<&Word> = single.chain(many).collect();
        for word in words {
            if let Some(first) = names.pace(text(&word.text), word.span) {
                let message = format!("`{}` is in a `garp_group` already", word.lossy());
                let diagnostic = Diagnostic::error("duplicate-member", word.span, message);
                self.report(diagnostic.with_related(first, "first here"));
            }
        }
    }
}

/// The first line of what an instance tracks that has a weight, its own or that of what it names.
fn weighted<'a>(instance: Statement<'a>, weights: &HashMap<(&str, &[u8]), i64>) -> Option<Statement<'a>> {
    let lists = instance
        .children()
        .filter(|s| matches!(s.name(), "track_interface" | "track_script" | "track_file" | "track_bfd"));
    lists.flat_map(|list| list.children().map(move |line| (list.name(), line))).find_map(|(list, line)| {
        let words = line.words();
        let defined = if list == "track_interface" { 0 } else { *weights.get(&(list, &*words.first()?.text))? };
        let own = words.get(1).filter(|w| **w == *"weight").and(words.get(2)).and_then(|w| values::integer(&w.text));
        (own.unwrap_or(defined.into()) != 0).then_some(line)
    })
}

/// `NAME [weight N [reverse|noreverse]]`; gives a word that is ignored in silence.
fn tracked<'a>(list: &str, words: &'a [Word]) -> Result<Option<&'a Word>, Wrong<'a>> {
    let most = if matches!(list, "track_file" | "track_process") { 254 } else { 253 };
    let ignored = |word: &'a Word| {
        Wrong::new(word, "unknown-option", format!("`{}` is no option of `{list}`, it is ignored", word.lossy()))
    };
    let mut reader = Reader::new(words);
    reader.next();
    let Some(word) = reader.next() else { return Ok(None) };
    if *word != *"weight" {
        return if list == "track_script" { Ok(Some(word)) } else { Err(ignored(word)) };
    }
    if list == "track_script" && reader.peek().is_none() {
        return Ok(Some(word));
    }
    reader.argument(word, Takes::Number(-most, most))?;
    match reader.next() {
        None => Ok(None),
        Some(word) if *word == *"reverse" || (*word == *"noreverse" && list != "track_interface") => Ok(None),
        Some(word) => Err(ignored(word)),
    }
}

fn peer(words: &[Word]) -> Result<(), Wrong<'_>> {
    let mut reader = Reader::new(words);
    let Some(first) = reader.next() else { return Ok(()) };
    reader.prefix(first)?;
    let (mut min, mut max) = (0, 255);
    while let Some(word) = reader.next() {
        let value = reader.peek().and_then(|w| values::integer(&w.text)).unwrap_or(0);
        match &*word.text {
            b"min_ttl" => min = value,
            b"max_ttl" => max = value,
            _ => return Err(Wrong::new(word, "unknown-option", format!("`{}` is no option of a peer", word.lossy()))),
        }
        reader.argument(word, Takes::Number(0, 255))?;
        if min > max {
            return Err(Wrong::new(word, "out-of-range", "`min_ttl` is above `max_ttl`, all packets are dropped"));
        }
    }
    Ok(())
}
