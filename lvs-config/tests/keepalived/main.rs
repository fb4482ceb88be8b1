//! keepalived.conf: lossless documents, verdicts, diagnostics, conversion, changes, bounds.

mod blocks;
mod bounds;
mod common;
mod conversion;
mod diagnostics;
mod editing;
mod lossless;
mod oracle;
mod verdicts;
