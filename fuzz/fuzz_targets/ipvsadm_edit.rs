//! Rules of `ipvsadm`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lvs_fuzz::ipvsadm::edit(bytes));
