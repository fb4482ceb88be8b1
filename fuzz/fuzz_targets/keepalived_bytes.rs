//! keepalived.conf of `lvs-config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lvs_fuzz::keepalived::bytes(bytes));
