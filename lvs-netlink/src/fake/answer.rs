//! The replies of the in-memory kernel, attribute for attribute in the kernel's order.

use super::attributes::{put, put_name, put_nest};
use super::state::{Build, Counters, Daemon, Destination, Service, State};

/// The number of the attribute that only pads a 64-bit value.
const PAD: u16 = 11;

pub(super) fn service(out: &mut Vec<u8>, state: &State, service: &Service) {
    put_nest(out, 1, |out| {
        let id = &service.id;
        put(out, 1, &id.family.to_ne_bytes());
        if id.mark == 0 {
            put(out, 2, &id.protocol.to_ne_bytes());
            put(out, 3, &id.address);
            put(out, 4, &id.port.to_be_bytes());
        } else {
            put(out, 5, &id.mark.to_ne_bytes());
        }
        put_name(out, 6, &service.scheduler);
        if !service.engine.is_empty() {
            put_name(out, 11, &service.engine);
        }
        let mut flags = service.flags.to_ne_bytes().to_vec();
        flags.extend_from_slice(&u32::MAX.to_ne_bytes());
        put(out, 7, &flags);
        put(out, 8, &state.timeout(service).to_ne_bytes());
        put(out, 9, &service.netmask);
        statistics(out, &state.build, &service.counters);
    });
}

pub(super) fn destination(out: &mut Vec<u8>, state: &State, destination: &Destination) {
    put_nest(out, 2, |out| {
        let settings = &destination.settings;
        put(out, 1, &destination.id.address);
        put(out, 2, &destination.id.port.to_be_bytes());
        put(out, 3, &settings.method.to_ne_bytes());
        put(out, 4, &settings.weight.to_ne_bytes());
        put(out, 13, &[settings.tunnel]);
        put(out, 14, &settings.tunnel_port.to_be_bytes());
        put(out, 15, &settings.tunnel_flags.to_ne_bytes());
        put(out, 5, &settings.upper.to_ne_bytes());
        put(out, 6, &settings.lower.to_ne_bytes());
        for (kind, count) in (7..).zip(destination.counts) {
            put(out, kind, &count.to_ne_bytes());
        }
        put(out, 11, &destination.id.family.to_ne_bytes());
        statistics(out, &state.build, &destination.counters);
    });
}

/// Both statistics attributes: the one with 32 bits but for the bytes, and the one with 64 bits throughout.
fn statistics(out: &mut Vec<u8>, build: &Build, counters: &Counters) {
    let low = |value: u64| value.to_le_bytes().first_chunk().map_or(0, |low| u32::from_le_bytes(*low));
    let wide = |out: &mut Vec<u8>, kind: u16, value: u64| {
        if build.pads_wide_values && out.len().is_multiple_of(8) {
            put(out, PAD, &[]);
        }
        put(out, kind, &value.to_ne_bytes());
    };
    put_nest(out, 10, |out| {
        for (kind, &value) in (1..).zip(&counters.totals) {
            if kind <= 3 { put(out, kind, &low(value).to_ne_bytes()) } else { wide(out, kind, value) }
        }
        for (kind, &value) in (6..).zip(&counters.rates) {
            put(out, kind, &low(value).to_ne_bytes());
        }
    });
    put_nest(out, 12, |out| {
        for (kind, &value) in (1..).zip(counters.totals.iter().chain(&counters.rates)) {
            wide(out, kind, value);
        }
    });
}

pub(super) fn daemon(out: &mut Vec<u8>, daemon: &Daemon) {
    let settings = &daemon.settings;
    put_nest(out, 3, |out| {
        put(out, 1, &settings.state.to_ne_bytes());
        put_name(out, 2, &settings.interface);
        put(out, 3, &settings.sync_id.to_ne_bytes());
        put(out, 4, &daemon.max_length.to_ne_bytes());
        put(out, 7, &(if settings.port == 0 { 8848 } else { settings.port }).to_ne_bytes());
        put(out, 8, &[settings.ttl.max(1)]);
        match &settings.group6 {
            Some(group) => put(out, 6, group),
            None => put(out, 5, &settings.group.unwrap_or([224, 0, 0, 81])),
        }
    });
}

pub(super) fn timeouts(out: &mut Vec<u8>, state: &State) {
    for (kind, timeout) in (4..).zip(state.timeouts) {
        put(out, kind, &timeout.to_ne_bytes());
    }
}

pub(super) fn info(out: &mut Vec<u8>, state: &State) {
    put(out, 1, &0x01_02_01_u32.to_ne_bytes());
    put(out, 2, &state.build.connection_table_size.to_ne_bytes());
}

/// What the controller tells about the family.
pub(super) fn family(out: &mut Vec<u8>, id: u16) {
    put_name(out, 2, b"IPVS");
    put(out, 1, &id.to_ne_bytes());
    put(out, 3, &1_u32.to_ne_bytes());
    put(out, 4, &0_u32.to_ne_bytes());
    put(out, 5, &6_u32.to_ne_bytes());
}
