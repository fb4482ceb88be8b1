//! Programs that show the lvs crates at work; this library only runs the examples of the README as tests.
#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
