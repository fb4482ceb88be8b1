//! Texts of `lvs-model`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lvs_fuzz::model::text(bytes));
