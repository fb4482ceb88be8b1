#![doc = include_str!("../README.md")]

pub mod diagnostic;
mod diff;
pub mod ipvsadm;
pub mod keepalived;
pub mod render;
pub mod span;

pub use diagnostic::{Code, Diagnostic, Edit, Fix, FixError, Related, Resolved, ResolvedRelated, Severity};
pub use diff::diff;
pub use render::Renderer;
pub use span::{FileId, Position, Range, Source, Sources, Span};
