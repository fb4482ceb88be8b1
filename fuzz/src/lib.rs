//! Workspace crate.
