//! Answers for the client of `lvs-netlink`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lvs_fuzz::netlink::client(bytes));
