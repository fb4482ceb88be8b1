//! From statements to [`Config`]: defaults, inheritance, and the rules that keepalived applies at the end of the file.

mod checker;
mod global;
mod group;
mod instance;
mod lines;
mod routing;
mod server;
mod service;
mod settle;
mod tracking;
mod vrrp;

pub(super) use group::nth;
pub(super) use settle::key;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::config::{Config, Script};
use super::options::Limits;
use super::tree::{Statement, Tree};
use super::values;
use super::word::explain;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

pub(super) fn lower(tree: &Tree, limits: Limits, diagnostics: &mut Vec<Diagnostic>) -> Config {
    let mut lowering = Lowering {
        diagnostics,
        track_files: HashMap::new(),
        bfd: HashMap::new(),
        later: HashMap::new(),
        refused: HashSet::new(),
        limits,
        config: Config::default(),
    };
    let mut names = vrrp::Names::default();
    // A service may stand before its group.
    for statement in tree.statements() {
        match statement.name() {
            "virtual_server_group" => lowering.group(statement),
            "global_defs" => names.global(statement),
            name @ ("vrrp_script" | "vrrp_track_process" | "vrrp_instance" | "track_file" | "vrrp_track_file"
            | "bfd_instance") => {
                lowering.later.insert((name, text(statement.argument(0).unwrap_or_default())), statement.span());
            }
            _ => {}
        }
        if !statement.is_valid() {
            let kind = if statement.keyword().is_some() { Some(statement.name()) } else { statement.meant() };
            lowering.refused.insert((kind, text(statement.argument(0).unwrap_or_default())));
        }
    }
    for statement in tree.statements() {
        match statement.name() {
            "global_defs" => global::lower(statement, &mut lowering.config.global),
            "virtual_server" => lowering.service(statement),
            "track_file" | "vrrp_track_file" => lowering.track_file(statement),
            "bfd_instance" => {
                let name = text(statement.argument(0).unwrap_or_default());
                lowering.bfd.insert(name, statement.span());
            }
            _ => {}
        }
        if statement.is_valid() {
            lowering.other(statement, &mut names);
        }
    }
    lowering.members(tree);
    lowering.settle();
    lowering.config
}

struct Lowering<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    /// Names of `track_file` blocks read so far, with their weight.
    track_files: HashMap<String, i64>,
    bfd: HashMap<String, Span>,
    /// Scripts, processes and instances wherever they are defined in the file.
    later: HashMap<(&'static str, String), Span>,
    /// Blocks that are refused, by what they were meant as, when that is known, and their name.
    refused: HashSet<(Option<&'static str>, String)>,
    limits: Limits,
    config: Config,
}

impl Lowering<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether a name is not defined only because the head of its block is refused, which was said there.
    fn is_refused(&self, kind: &'static str, name: &str) -> bool {
        self.refused.contains(&(Some(kind), name.to_owned())) || self.refused.contains(&(None, name.to_owned()))
    }

    fn track_file(&mut self, statement: Statement<'_>) {
        let Some(name) = statement.argument(0).map(text) else { return };
        let weight = statement.child("weight").map_or(1, weight_of);
        self.track_files.insert(name, weight);
    }
}

/// Whether the block has the keyword in any form, also a refused one or a word that is taken for it or for nothing:
/// then its absence needs no message.
fn mentions(block: Statement<'_>, names: &[&str]) -> bool {
    block.children().any(|s| match s.keyword() {
        Some(keyword) => names.contains(&keyword.name),
        None => s.meant().is_none_or(|meant| names.contains(&meant)),
    })
}

/// Words as text; what is not UTF-8 becomes U+FFFD.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn string(statement: Statement<'_>) -> Option<String> {
    statement.argument(0).map(text)
}

fn integer(statement: Statement<'_>) -> Option<u32> {
    statement.argument(0).and_then(values::integer).and_then(|n| u32::try_from(n).ok())
}

fn duration(statement: Statement<'_>) -> Option<Duration> {
    statement.argument(0).and_then(values::timer)
}

/// A switch that is on when nothing follows.
fn switch(statement: Statement<'_>) -> bool {
    statement.argument(0).is_none_or(|t| values::boolean(t).unwrap_or(true))
}

fn script(statement: Statement<'_>) -> Option<Script> {
    let command = string(statement)?;
    Some(Script { command, user: statement.argument(1).map(text), group: statement.argument(2).map(text) })
}

/// A weight with `reverse`.
fn weight_of(statement: Statement<'_>) -> i64 {
    let weight = statement.argument(0).and_then(values::integer).and_then(|n| i64::try_from(n).ok()).unwrap_or(1);
    if statement.argument(1) == Some(b"reverse") { -weight } else { weight }
}

/// An address and a port as `virtual_server`, `real_server` and `sorry_server` take them; port 0 when there is none.
fn endpoint(statement: Statement<'_>, what: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<lvs_model::Endpoint> {
    use crate::diagnostic::Fix;
    let words = statement.arguments();
    let first = words.first()?;
    let shown = first.lossy();
    let literal = first.origin.is_none() && !first.quoted;
    let Some(addr) = values::address(&first.text) else {
        let mut diagnostic = Diagnostic::error(
            "invalid-address",
            first.span,
            format!("`{shown}` is no address of a {what}, it is dropped"),
        );
        let bare = shown.trim_start_matches('[');
        let split = match (shown.starts_with('['), bare.split_once(']')) {
            (true, Some((inner, rest))) => Some((inner.to_owned(), rest.trim_start_matches(':').to_owned())),
            _ => shown.rsplit_once(':').map(|(a, p)| (a.to_owned(), p.to_owned())),
        };
        let split = split.filter(|(a, p)| {
            values::address(a.as_bytes()).is_some() && (p.is_empty() || values::integer(p.as_bytes()).is_some())
        });
        if let Some((address, port)) = split {
            let replacement = if port.is_empty() { address } else { format!("{address} {port}") };
            diagnostic = diagnostic.with_label(if shown.starts_with('[') {
                "no brackets here"
            } else {
                "address and port are two words"
            });
            if literal {
                diagnostic =
                    diagnostic.with_fix(Fix::replace(format!("write `{replacement}`"), first.span, replacement));
            }
        } else if shown.contains(['<', '>', '$', '{']) || shown.contains("x.x") {
            diagnostic = diagnostic.with_label("this looks like a placeholder that was not replaced");
        } else if shown.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            diagnostic = diagnostic.with_label("expected four numbers from 0 to 255");
        } else {
            diagnostic = diagnostic.with_label("expected an address in numbers, names are not looked up");
        }
        diagnostics.push(explain(diagnostic, words));
        return None;
    };
    let Some(word) = words.get(1) else { return Some(lvs_model::Endpoint::new(addr, 0)) };
    if values::integer(&word.text) == Some(0) {
        return Some(lvs_model::Endpoint::new(addr, 0));
    }
    match values::port(&word.text) {
        Ok(port) => Some(lvs_model::Endpoint::new(addr, port)),
        Err(refusal) => {
            let mut diagnostic = Diagnostic::error(
                refusal.code,
                word.span,
                format!("`{}` is no port, the {what} is dropped", word.lossy()),
            )
            .with_label(format!("expected {}", refusal.expected));
            if let Some(instead) = refusal.instead {
                diagnostic = diagnostic.with_help(format!("did you mean `{instead}`?"));
                if word.origin.is_none() {
                    diagnostic = diagnostic.with_fix(Fix::replace(format!("write `{instead}`"), word.span, instead));
                }
            }
            diagnostics.push(explain(diagnostic, words));
            None
        }
    }
}
