//! The words of the recorded files, in ours.

use std::time::Duration;

use lvs_model::{
    Destination, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceTimeout,
    PrefixLength, ProtocolTimeout, SchedulerFlags, Service, ServiceKey, Thresholds, Weight,
};
use lvs_sched::algo::Draws;
use lvs_sched::director::{
    CacheBypass, Director, ExpireNodest, QuiescentTemplates, ReuseMode, SctpChunks, SecureTcp, Segment, Sloppy,
    TcpFlags,
};
use serde_json::Value;

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {value}"))
}

/// A number; a missing one is the 0 that it stands for.
pub(crate) fn number(value: &Value, field: &str) -> u32 {
    let number = &value[field];
    let found = if number.is_null() { Some(0) } else { number.as_u64().and_then(|number| number.try_into().ok()) };
    found.unwrap_or_else(|| panic!("{field:?} is no number below 2^32 in {value}"))
}

pub(crate) fn endpoint(value: &Value, addr: &str, port: &str) -> Endpoint {
    Endpoint::new(text(value, addr).parse().unwrap(), number(value, port) as u16)
}

pub(crate) fn service(value: &Value) -> Service {
    let family = match text(value, "af") {
        "inet" => Family::Inet,
        "inet6" => Family::Inet6,
        other => panic!("unknown family {other:?}"),
    };
    let key = match Fwmark::new(number(value, "fwmark")) {
        Ok(mark) => ServiceKey::fwmark(family, mark),
        Err(_) => format!("{} {}", text(value, "protocol"), endpoint(value, "addr", "port")).parse().unwrap(),
    };
    let flags = number(value, "flags_value");
    let mut service = Service::new(key, text(value, "scheduler").parse().unwrap())
        .with_flags(SchedulerFlags::from_bits(flags))
        .with_one_packet(if flags & 4 != 0 { OnePacket::On } else { OnePacket::Off });
    if flags & 1 != 0 {
        let timeout = PersistenceTimeout::new(number(value, "timeout")).unwrap();
        let mut persistence = Persistence::new(timeout, family);
        if let Some(netmask) = value["netmask"].as_str() {
            persistence.netmask = match family {
                Family::Inet => Netmask::Inet(netmask.parse().unwrap()),
                Family::Inet6 => Netmask::Inet6(PrefixLength::new(netmask.parse().unwrap()).unwrap()),
            };
        }
        service = service.with_persistence(persistence).unwrap();
    }
    assert!(value["pe"].is_null(), "persistence engines are not played");
    service
}

/// A destination to add or to edit, unless it is one that cannot be.
pub(crate) fn destination(step: &Value) -> Result<Destination, String> {
    let thresholds = Thresholds::new(number(step, "u_threshold"), number(step, "l_threshold"));
    let weight = Weight::new(number(step, "weight"));
    Ok(Destination::new(endpoint(step, "addr", "port"))
        .with_weight(weight.map_err(|error| error.to_string())?)
        .with_thresholds(thresholds.map_err(|error| error.to_string())?)
        .with_forwarding(forwarding(step)))
}

/// The forwarding method with its tunnel.
pub(crate) fn forwarding(value: &Value) -> Forwarding {
    let method = match text(value, "fwd") {
        "masq" => 0,
        "local" => 1,
        "tunnel" => 2,
        "route" => 3,
        "bypass" => 4,
        other => panic!("unknown forwarding method {other:?}"),
    };
    let [kind, port, flags] = ["tun_type", "tun_port", "tun_flags"].map(|field| number(value, field));
    Forwarding::from_raw(method, kind as u8, port as u16, flags as u16).unwrap()
}

/// TCP flag letters, "udp", or the name of an SCTP chunk.
pub(crate) fn segment(what: &str) -> Segment {
    let chunk = match what {
        "udp" | "x" => return Segment::Udp,
        "DATA" => SctpChunks::DATA,
        "INIT" => SctpChunks::INIT,
        "INIT_ACK" => SctpChunks::INIT_ACK,
        "SACK" => SctpChunks::SACK,
        "HEARTBEAT" => SctpChunks::HEARTBEAT,
        "HEARTBEAT_ACK" => SctpChunks::HEARTBEAT_ACK,
        "ABORT" => SctpChunks::ABORT,
        "SHUTDOWN" => SctpChunks::SHUTDOWN,
        "SHUTDOWN_ACK" => SctpChunks::SHUTDOWN_ACK,
        "ERROR" => SctpChunks::ERROR,
        "COOKIE_ECHO" => SctpChunks::COOKIE_ECHO,
        "COOKIE_ACK" => SctpChunks::COOKIE_ACK,
        "SHUTDOWN_COMPLETE" => SctpChunks::SHUTDOWN_COMPLETE,
        letters => {
            let flags = letters.chars().fold(TcpFlags::EMPTY, |flags, letter| {
                flags
                    | match letter {
                        'F' => TcpFlags::FIN,
                        'S' => TcpFlags::SYN,
                        'R' => TcpFlags::RST,
                        'A' => TcpFlags::ACK,
                        'P' => TcpFlags::EMPTY,
                        other => panic!("unknown packet {letters:?} with {other:?}"),
                    }
            });
            return Segment::Tcp(flags);
        }
    };
    Segment::Sctp(chunk)
}

/// The packet that opens a connection.
pub(crate) fn opening(protocol: &str) -> Segment {
    match protocol {
        "tcp" => Segment::Tcp(TcpFlags::SYN),
        "udp" => Segment::Udp,
        "sctp" => Segment::Sctp(SctpChunks::INIT),
        other => panic!("unknown protocol {other:?}"),
    }
}

pub(crate) fn set_sysctls<D: Draws>(director: &mut Director<D>, scenario: &Value) {
    for (name, value) in scenario["sysctl"].as_object().into_iter().flatten() {
        set_sysctl(director, name, value);
    }
}

pub(crate) fn set_sysctl<D: Draws>(director: &mut Director<D>, name: &str, value: &Value) {
    let value = value.as_u64().unwrap_or_else(|| panic!("{name} = {value} is no number"));
    let on = value != 0;
    let sysctls = director.sysctls_mut();
    match name {
        "conn_reuse_mode" => {
            sysctls.conn_reuse_mode = match value {
                0 => ReuseMode::Keep,
                mode if mode & 2 != 0 => ReuseMode::RescheduleHalfSeen,
                _ => ReuseMode::Reschedule,
            }
        }
        "expire_nodest_conn" => sysctls.expire_nodest_conn = if on { ExpireNodest::On } else { ExpireNodest::Off },
        "expire_quiescent_template" => {
            sysctls.expire_quiescent_template = if on { QuiescentTemplates::Expire } else { QuiescentTemplates::Keep }
        }
        "secure_tcp" => sysctls.secure_tcp = if value >= 2 { SecureTcp::On } else { SecureTcp::Off },
        "sloppy_tcp" => sysctls.sloppy_tcp = if on { Sloppy::On } else { Sloppy::Off },
        "sloppy_sctp" => sysctls.sloppy_sctp = if on { Sloppy::On } else { Sloppy::Off },
        "cache_bypass" => sysctls.cache_bypass = if on { CacheBypass::On } else { CacheBypass::Off },
        "lblc_expiration" | "lblcr_expiration" => director.set_cache_expiration(Duration::from_secs(value)),
        // Not imitated, and off; or without influence on where a packet goes.
        "conntrack" | "drop_entry" | "drop_packet" | "backup_only" | "schedule_icmp" if !on => {}
        "am_droprate" | "amemthresh" | "debug_level" | "ignore_tunneled" | "nat_icmp_send" | "pmtu_disc"
        | "run_estimation" | "snat_reroute" | "sync_period" | "sync_persist_mode" | "sync_version" => {}
        other => panic!("sysctl {other} = {value} is not played"),
    }
}

pub(crate) fn set_timeouts<D: Draws>(director: &mut Director<D>, scenario: &Value) {
    let timeouts = &mut director.sysctls_mut().timeouts;
    for (name, timeout) in [("tcp", &mut timeouts.tcp), ("tcp_fin", &mut timeouts.tcp_fin), ("udp", &mut timeouts.udp)]
    {
        match number(&scenario["timeouts"], name) {
            0 => {}
            seconds => *timeout = ProtocolTimeout::new(seconds).unwrap(),
        }
    }
}
