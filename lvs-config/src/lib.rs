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

#[cfg(test)]
mod tests {
    fn is_send_and_sync<T: Send + Sync>() {}

    #[test]
    fn the_main_types_are_send_and_sync() {
        is_send_and_sync::<super::Diagnostic>();
        is_send_and_sync::<super::Sources>();
        is_send_and_sync::<super::keepalived::Document>();
        is_send_and_sync::<super::keepalived::Lowered>();
        is_send_and_sync::<super::keepalived::ApplyError>();
    }
}
