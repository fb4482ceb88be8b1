//! Rules of ipvsadm, or a shell script that calls it: services and destinations without health checks.

use std::collections::HashMap;

use lvs_config::ipvsadm::{Command, Mode, NoNames, Reader, Rules};
use lvs_config::{Sources, Span};
use lvs_model::{ServiceKey, VirtualServer};

use super::{Placed, Reading};
use crate::setup::{CONNECT_TIMEOUT, Member, OnFailure, RealServer, VirtualService};

/// Whether a line calls the program: the first word is `ipvsadm`, with or without a path.
pub(super) fn is_call(line: &[u8]) -> bool {
    let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    word.rsplit(|byte| *byte == b'/').next() == Some(b"ipvsadm")
}

pub(super) fn read(name: &str, bytes: Vec<u8>) -> Reading {
    let script = bytes.starts_with(b"#!") || bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).any(is_call);
    let mode = if script { Mode::Script } else { Mode::Restore };
    let reading = Reader::new(mode).read(&bytes);
    let sources = Sources::of(name, &bytes);
    let spans = spans(bytes, mode);
    let place = |server: &VirtualServer| Placed {
        setup: setup(server),
        span: spans.get(server.key()).copied().unwrap_or_default(),
    };
    let services = reading.table.iter().map(place).collect();
    Reading { services, sources, diagnostics: reading.diagnostics }
}

/// Where each service is added.
fn spans(bytes: Vec<u8>, mode: Mode) -> HashMap<ServiceKey, Span> {
    let rules = Rules::parse(bytes, mode);
    let commands = rules.lines().flat_map(|line| line.commands(&NoNames));
    let service = |command: lvs_config::ipvsadm::LineCommand| match command.command {
        Some(Command::AddService(service)) => Some((*service.key(), command.span)),
        _ => None,
    };
    commands.filter_map(service).collect()
}

fn setup(server: &VirtualServer) -> VirtualService {
    let destinations = server.destinations();
    let real_server = |destination: &lvs_model::Destination| RealServer {
        endpoint: destination.endpoint,
        weight: destination.weight,
        on_failure: OnFailure::Quiesce,
        checks: Vec::new(),
        connect_timeout: CONNECT_TIMEOUT,
    };
    VirtualService {
        real_servers: destinations.iter().map(real_server).collect(),
        members: vec![Member {
            service: server.service().clone(),
            destinations: destinations.to_vec(),
            sorry_destination: None,
        }],
        sorry_server: None,
        quorum: 1,
        hysteresis: 0,
    }
}
