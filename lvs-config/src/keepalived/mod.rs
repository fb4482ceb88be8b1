//! The configuration of keepalived: keep it, check it, change it, and know which rules it means.
//!
//! Four views of the same file, each made from the one before: the [`Document`] holds bytes and statements and loses
//! nothing, the [`Tree`] has definitions, sequences, conditions and includes resolved, the [`Config`] holds services and
//! servers with every default filled in, and [`Lowered::table`] gives the rules that keepalived would give to the kernel.
//!
//! ```
//! use lvs_config::keepalived::{self, Document, Editor};
//!
//! let text = "virtual_server 10.0.0.1 80 {\n    protocol TCP\n    lvs_sched rr\n    lvs_method DR\n    real_server 10.1.0.1 80 {\n        weight 1 # old\n    }\n}\n";
//! // What is wrong with it?
//! let lowered = keepalived::lower(text);
//! assert_eq!(lowered.report(), "");
//! // Which rules does it mean?
//! assert_eq!(lowered.table().len(), 1);
//! // One server gets another weight, and nothing else changes.
//! let document = Document::parse(text);
//! let server = document.all_nodes().find(|n| n.keyword() == b"real_server").ok_or("no server")?;
//! let mut editor = Editor::new(&document);
//! editor.set_weight(server, 5.into())?;
//! assert_eq!(lvs_config::diff(text, editor.finish()?.bytes()), "-        weight 1 # old\n+        weight 5 # old\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | question | answer |
//! |---|---|
//! | what is wrong with this file? | [`load`], [`lower()`], [`lower_with`], then [`Lowered::diagnostics`] or [`Lowered::report`] |
//! | which rules does it mean? | [`Lowered::table`], [`Lowered::project`] for a moment at which servers are down |
//! | which checkers has a server? | [`Config::virtual_servers`], [`RealServer::checkers`] |
//! | what does the rest say (VRRP, global settings)? | [`Lowered::tree`]: statements with their words and places |
//! | how do I change it? | [`Editor`]; [`apply`] to make it say other rules |
//! | how do I write one? | [`Printer`] from rules, [`canonical()`] from a file, [`NewStatement`] by hand |
//! | what does keepalived know? | [`keywords`] |
//!
//! Files are read through a [`Loader`]; what a text may cost is bounded by [`Limits`].

mod canonical;
pub mod checker;
pub mod config;
mod document;
mod edit;
mod expand;
mod glob;
pub mod keywords;
mod loader;
mod lower;
mod options;
mod print;
mod rules;
mod statement;
mod structure;
mod suggest;
mod token;
mod tree;
mod values;
mod word;

pub use canonical::canonical;
pub use checker::{Checker, CheckerKind};
pub use config::{Config, RealServer, VirtualAddress, VirtualServer};
pub use document::{Document, Node, Nodes};
pub use edit::{Applied, ApplyError, Comments, EditError, Editor, apply};
pub use loader::{FileSystem, Loader, MemoryFiles, NoFiles};
pub use options::{Limits, Options};
pub use print::{Loss, Printed, Printer};
pub use rules::{Projection, State};
pub use statement::NewStatement;
pub use token::{Token, TokenKind, tokenize};
pub use tree::{Statement, Statements, Tree};
pub use word::{Origin, Word};

use std::io;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity, keep_gravest};
use crate::render::Renderer;
use crate::span::{Source, Sources};

/// This is a configuration with everything expanded and every statement checked against the keyword table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    tree: Tree,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// These are the statements.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// These are the files that were read, for the places of the diagnostics.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// This is what is wrong, in the order of the files.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

/// This reads a configuration that includes no files and depends on nothing else.
#[must_use]
pub fn parse(text: impl AsRef<[u8]>) -> Parsed {
    parse_with(Source::new("keepalived.conf", text), &mut NoFiles, &Options::new())
}

/// This reads a configuration and the files that it includes.
#[must_use]
pub fn parse_with(main: Source, loader: &mut dyn Loader, options: &Options) -> Parsed {
    let expanded = expand::expand(main, loader, options);
    let (tree, sources, mut diagnostics) = structure::build(expanded, options.version());
    order(&mut diagnostics, options.limits().diagnostics);
    Parsed { tree, sources, diagnostics }
}

/// This is a configuration as settings: what keepalived would do with the file.
///
/// ```
/// use lvs_config::keepalived::{self, State};
///
/// let text = "\
/// virtual_server 10.0.0.1 80 {
///     protocol TCP
///     lvs_sched wrr
///     lvs_method NAT
///     real_server 10.1.0.1 8080 {
///         weight 3
///         TCP_CHECK {
///             connect_timeout 2
///         }
///     }
/// }
/// ";
/// let lowered = keepalived::lower(text);
/// assert!(!lowered.has_errors());
/// let server = &lowered.config.virtual_servers[0].real_servers[0];
/// assert_eq!(server.checkers[0].retry, 1);
/// assert_eq!(lowered.table().to_string(), "\
/// -A -t 10.0.0.1:80 -s wrr
/// -a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3
/// ");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lowered {
    /// This is what the file says about IPVS.
    pub config: Config,
    /// These are all statements, those of VRRP and others as well.
    pub tree: Tree,
    /// These are the files that were read, for the places of the diagnostics.
    pub sources: Sources,
    /// This is what is wrong, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    limits: Limits,
}

impl Lowered {
    /// These are the rules of the kernel when every server is up.
    #[must_use]
    pub fn table(&self) -> lvs_model::Table {
        self.project(&State::AllUp).table
    }

    /// These are the rules of the kernel at one moment, and what could not become a rule.
    #[must_use]
    pub fn project(&self, state: &State<'_>) -> Projection {
        rules::project(&self.config, state, self.limits)
    }

    /// This says whether keepalived drops or changes something that the author wrote.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// This is what is wrong as text for people, with the lines and carets.
    #[must_use]
    pub fn report(&self) -> String {
        Renderer::new(&self.sources).render_all(&self.diagnostics)
    }
}

/// This reads a configuration that includes no files and depends on nothing else.
#[must_use]
pub fn lower(text: impl AsRef<[u8]>) -> Lowered {
    lower_with(Source::new("keepalived.conf", text), &mut NoFiles, &Options::new())
}

/// This reads a configuration and the files that it includes.
#[must_use]
pub fn lower_with(main: Source, loader: &mut dyn Loader, options: &Options) -> Lowered {
    let Parsed { tree, sources, mut diagnostics } = parse_with(main, loader, options);
    let config = lower::lower(&tree, options.limits(), &mut diagnostics);
    order(&mut diagnostics, options.limits().diagnostics);
    Lowered { config, tree, sources, diagnostics, limits: options.limits() }
}

/// Sorts as a person reads, by place; what was found at the same place keeps its order. Of too many the gravest stay.
fn order(diagnostics: &mut Vec<Diagnostic>, most: usize) {
    diagnostics.sort_by_key(|d| (d.span.file, d.span.start));
    keep_gravest(diagnostics, most);
}

/// This reads a configuration from the file system, with the files that it includes.
///
/// # Errors
///
/// Only when the file itself cannot be read; whatever is in it is a diagnostic.
pub fn load(path: impl AsRef<Path>, options: &Options) -> io::Result<Lowered> {
    let path = path.as_ref();
    let bytes = std::fs::read(path)?;
    Ok(lower_with(Source::new(path.to_string_lossy(), bytes), &mut FileSystem::new(), options))
}
