//! Making a file say other rules by changing only what differs.

use std::collections::{HashMap, HashSet};

use lvs_model::{Change, Destination, Endpoint, Forwarding, Service, ServiceKey, Table};

use super::{Comments, EditError, Editor};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::keepalived::config::{Config, VirtualAddress};
use crate::keepalived::document::{Document, Node};
use crate::keepalived::lower::key;
use crate::keepalived::print::{Loss, Printer, method, settings};
use crate::keepalived::{Lowered, NoFiles, Options, State, lower_with};
use crate::span::{FileId, Source, Span};

/// This is a document that says other rules.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// This is the new document.
    pub document: Document,
    /// This is what keepalived cannot express.
    pub losses: Vec<Loss>,
}

/// This is why a document cannot be made to say other rules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A rule does not stand in the file as a block of its own: it comes from a definition, a group or an include.
    #[error(
        "{change} cannot be written: the rule does not stand in the file as a block of its own but comes from a definition, a sequence, a group or an include, change that by hand"
    )]
    Unreachable {
        /// This is what was to be changed, as a line for ipvsadm.
        change: String,
        /// This is the place where the rule comes from, when there is one.
        span: Option<Span>,
    },
    /// The document cannot be changed at a place.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The changed file would not say the rules.
    #[error("changed file would still differ from the wanted rules: {differences}; {}", advice(losses))]
    NotReached {
        /// These are the differences that are left, as lines for ipvsadm.
        differences: String,
        /// This is what keepalived cannot express.
        losses: Vec<Loss>,
    },
    /// The changed file would have errors that the document does not have.
    #[error("changed file would be wrong: {errors}; repair the document first")]
    NewErrors {
        /// These are the messages.
        errors: String,
    },
}

fn advice(losses: &[Loss]) -> String {
    if losses.is_empty() {
        return "the file says them in another place too, or reads the new lines in another way".to_owned();
    }
    joined(losses)
}

fn joined<T: ToString>(some: impl IntoIterator<Item = T>) -> String {
    some.into_iter().take(5).map(|item| item.to_string()).collect::<Vec<_>>().join("; ")
}

/// Errors that come from the wanted rules and not from how they are written.
const OF_RULES: [&str; 3] = ["all-weights-zero", "quorum-too-high", "hysteresis-too-high"];

impl ApplyError {
    /// This is the error as a diagnostic at its place in the document.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let span = if let Self::Unreachable { span: Some(span), .. } = self { *span } else { Span::default() };
        Diagnostic::error("cannot-apply", span, self.to_string())
    }
}

/// This changes a document so that it says the rules of `table`, and nothing else in it.
///
/// Order does not matter: services and servers that are there stay where they are, new ones come last.
///
/// # Errors
///
/// [`ApplyError`] when a rule to be changed does not stand in the file by itself, or keepalived cannot express it.
///
/// ```
/// use lvs_config::keepalived::{self, Document};
///
/// let document = Document::parse("\
/// virtual_server 10.0.0.1 80 {   # shop
///     protocol TCP
///     lvs_sched rr
///     lvs_method DR
///     real_server 10.1.0.1 80 {
///         weight 1           ! old machine
///     }
/// }
/// ");
/// let mut wanted = keepalived::lower(document.bytes()).table();
/// let service = wanted.last_mut().ok_or("no service")?;
/// service.upsert(service.destinations()[0].with_weight(7.into()))?;
///
/// let applied = keepalived::apply(&document, &wanted)?;
/// assert_eq!(lvs_config::diff(document.bytes(), applied.document.bytes()), "\
/// -        weight 1           ! old machine
/// +        weight 7           ! old machine
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn apply(document: &Document, table: &Table) -> Result<Applied, ApplyError> {
    apply_with(document, table, &Options::new())
}

fn apply_with(document: &Document, table: &Table, options: &Options) -> Result<Applied, ApplyError> {
    let lowered = lower_with(Source::new("keepalived.conf", document.bytes()), &mut NoFiles, options);
    let mut current = lowered.table();
    // A block without servers makes no rules, but it is where they belong.
    for server in &lowered.project(&State::AsWritten).table {
        if current.get(server.key()).is_none() && table.get(server.key()).is_some() {
            current.upsert(server.clone());
        }
    }
    let mut applier = Applier {
        document,
        editor: Editor::new(document),
        nodes: document.all_nodes().map(|n| (n.head().start, n)).collect(),
        services: places(&lowered.config),
        losses: Vec::new(),
    };
    let mut new = HashSet::new();
    for change in &current.difference(table) {
        match change {
            Change::AddService(service) => {
                new.insert(*service.key());
            }
            Change::AddDestination { service, .. } if new.contains(service) => {}
            // Destinations go with their service.
            Change::RemoveDestination { service, .. } if table.get(service).is_none() => {}
            change => applier.change(change)?,
        }
    }
    for server in table.iter().filter(|s| new.contains(s.key())) {
        let statement = Printer::new().virtual_server(server, &mut applier.losses);
        applier.editor.append(None, &statement)?;
    }
    let Applier { editor, losses, .. } = applier;
    let document = editor.finish()?;
    let reached = lower_with(Source::new("keepalived.conf", document.bytes()), &mut NoFiles, options);
    let left = reached.table().difference(table);
    if !left.is_empty() {
        return Err(ApplyError::NotReached { differences: joined(&left), losses });
    }
    let mut old: HashMap<&Code, usize> = HashMap::new();
    errors_of(&lowered).for_each(|d| *old.entry(&d.code).or_default() += 1);
    let mut is_new = |d: &&Diagnostic| match old.get_mut(&d.code) {
        Some(n) if *n > 0 => {
            *n -= 1;
            false
        }
        _ => !OF_RULES.contains(&d.code.as_str()),
    };
    let new: Vec<&str> = errors_of(&reached).filter(&mut is_new).map(|d| &*d.message).collect();
    if !new.is_empty() {
        return Err(ApplyError::NewErrors { errors: joined(new) });
    }
    Ok(Applied { document, losses })
}

fn errors_of(lowered: &Lowered) -> impl Iterator<Item = &Diagnostic> {
    lowered.diagnostics.iter().filter(|d| d.severity == Severity::Error)
}

/// Where a service and its servers stand.
#[derive(Default)]
struct Place {
    /// The block that counts is the first one with servers, else the first one.
    span: Span,
    servers: HashMap<Endpoint, Span>,
    /// All blocks of the service.
    blocks: Vec<Span>,
}

fn places(config: &Config) -> HashMap<ServiceKey, Place> {
    let mut out: HashMap<ServiceKey, Place> = HashMap::new();
    for server in &config.virtual_servers {
        if matches!(server.address, VirtualAddress::Group(_)) {
            continue;
        }
        let Some(key) = key(server) else { continue };
        let place = out.entry(key).or_default();
        if place.blocks.is_empty() || (place.servers.is_empty() && !server.real_servers.is_empty()) {
            place.span = server.span;
            place.servers = server.real_servers.iter().map(|r| (r.endpoint, r.span)).collect();
        }
        place.blocks.push(server.span);
    }
    out
}

struct Applier<'a> {
    document: &'a Document,
    editor: Editor<'a>,
    /// Statements by the byte they start at.
    nodes: HashMap<usize, Node<'a>>,
    services: HashMap<ServiceKey, Place>,
    losses: Vec<Loss>,
}

impl<'a> Applier<'a> {
    fn change(&mut self, change: &Change) -> Result<(), ApplyError> {
        match change {
            Change::RemoveService(key) => {
                let blocks = self.services.get(key).map(|p| p.blocks.clone()).unwrap_or_default();
                if blocks.is_empty() {
                    return Err(unreachable_rule(change, None));
                }
                for block in blocks {
                    let node = self.node(Some(block), b"virtual_server", change)?;
                    self.editor.remove(node, Comments::Remove)?;
                }
            }
            Change::EditService { from, to } => {
                let node = self.service(to.key(), change)?;
                self.edit_service(node, from, to)?;
            }
            Change::AddDestination { service, destination } => {
                let node = self.service(service, change)?;
                let model = Service::new(*service, lvs_model::SchedulerName::Wlc);
                let common = self.editor.method_of(node);
                let statement = Printer::new().real_server(&model, destination, common, &mut self.losses);
                self.editor.append(Some(node), &statement)?;
            }
            Change::EditDestination { service, from, to } => {
                let node = self.server(service, to.endpoint, change)?;
                self.edit_server(node, from, to)?;
            }
            Change::RemoveDestination { service, destination } => {
                let node = self.server(service, *destination, change)?;
                self.editor.remove(node, Comments::Remove)?;
            }
            other => return Err(unreachable_rule(other, None)),
        }
        Ok(())
    }

    fn service(&self, key: &ServiceKey, change: &Change) -> Result<Node<'a>, ApplyError> {
        let span = self.services.get(key).map(|p| p.span);
        self.node(span, b"virtual_server", change)
    }

    fn server(&self, key: &ServiceKey, endpoint: Endpoint, change: &Change) -> Result<Node<'a>, ApplyError> {
        let span = self.services.get(key).and_then(|p| p.servers.get(&endpoint)).copied();
        self.node(span, b"real_server", change)
    }

    /// The statement at a place, when it is the one that is meant and not a use of a definition.
    fn node(&self, span: Option<Span>, keyword: &[u8], change: &Change) -> Result<Node<'a>, ApplyError> {
        let found = span.filter(|s| s.file == FileId::MAIN).and_then(|s| self.nodes.get(&s.start)).copied();
        found
            .filter(|n| n.keyword() == keyword && n.open().is_some() && !n.is_conditional())
            .filter(|n| std::ptr::eq(n.document(), self.document))
            .ok_or_else(|| unreachable_rule(change, span))
    }

    fn edit_service(&mut self, node: Node<'a>, from: &Service, to: &Service) -> Result<(), ApplyError> {
        let key = *to.key();
        let losses = &mut self.losses;
        let mut lose = |what: String| losses.push(Loss { service: key, destination: None, what });
        let method = Forwarding::Masquerade;
        let before = settings(from, method, &mut |_| {});
        let after = settings(to, method, &mut lose);
        for (name, words) in &after {
            if before.contains(&(name, words.clone())) {
                continue;
            }
            let words: Vec<&str> = words.split_whitespace().collect();
            let name = written_as(node, name);
            if words.is_empty() {
                self.add_flag(node, name)?;
            } else {
                self.editor.set(node, name, &words)?;
            }
        }
        for (name, _) in &before {
            if after.iter().any(|(n, _)| n == name) {
                continue;
            }
            for gone in node.children().filter(|n| is_name(n.keyword(), name)) {
                self.editor.remove(gone, Comments::Keep)?;
            }
        }
        Ok(())
    }

    /// Flags of a scheduler have to stand below its name.
    fn add_flag(&mut self, node: Node<'a>, name: &str) -> Result<(), ApplyError> {
        let statement = crate::keepalived::NewStatement::new([name]);
        let scheduler = node.children().filter(|n| is_name(n.keyword(), "lvs_sched")).last();
        match scheduler {
            Some(scheduler) => self.editor.insert_after(scheduler, &statement)?,
            None => self.editor.append(Some(node), &statement)?,
        }
        Ok(())
    }

    fn edit_server(&mut self, node: Node<'a>, from: &Destination, to: &Destination) -> Result<(), ApplyError> {
        if from.weight != to.weight {
            self.editor.set_weight(node, to.weight)?;
        }
        if from.forwarding != to.forwarding {
            let words = method(to.forwarding, &mut |_| {});
            self.editor.set(node, "lvs_method", &words.split_whitespace().collect::<Vec<_>>())?;
        }
        let limits = [
            ("uthreshold", from.thresholds.upper(), to.thresholds.upper()),
            ("lthreshold", from.thresholds.lower(), to.thresholds.lower()),
        ];
        for (name, old, new) in limits {
            if old == new {
                continue;
            }
            if new == 0 {
                for gone in node.children().filter(|n| n.keyword() == name.as_bytes()) {
                    self.editor.remove(gone, Comments::Keep)?;
                }
            } else {
                self.editor.set(node, name, &[&new.to_string()])?;
            }
        }
        Ok(())
    }
}

/// The other names of a setting.
const SYNONYMS: [(&str, &[&str]); 7] = [
    ("lvs_sched", &["lb_algo"]),
    ("lvs_method", &["lb_kind"]),
    ("sh-port", &["flag-2"]),
    ("sh-fallback", &["flag-1"]),
    ("mh-port", &["flag-2"]),
    ("mh-fallback", &["flag-1"]),
    ("flag-3", &[]),
];

fn is_name(keyword: &[u8], name: &str) -> bool {
    keyword == name.as_bytes()
        || SYNONYMS.iter().any(|(n, others)| *n == name && others.iter().any(|o| o.as_bytes() == keyword))
}

/// The name that the file uses for a setting.
fn written_as(node: Node<'_>, name: &'static str) -> &'static str {
    let others = SYNONYMS.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, others)| others);
    others.iter().copied().find(|o| node.child(o).is_some()).unwrap_or(name)
}

fn unreachable_rule(change: &Change, span: Option<Span>) -> ApplyError {
    ApplyError::Unreachable { change: format!("`{change}`"), span }
}
