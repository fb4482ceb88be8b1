//! keepalived.conf: lossless documents, verdicts, diagnostics, conversion, changes, bounds.

mod common;
mod conversion;
mod lossless;
mod verdicts;
