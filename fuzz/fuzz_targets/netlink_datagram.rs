//! Datagrams for the decoder of `lvs-netlink`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lvs_fuzz::netlink::datagram(bytes));
