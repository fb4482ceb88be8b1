//! The options of `--start-daemon` and `--stop-daemon`.

use std::net::Ipv4Addr;
use std::num::{NonZeroU8, NonZeroU16};

use lvs_model::{InterfaceName, MulticastGroup, SyncDaemon, SyncId, SyncRole};

use crate::Diagnostic;
use crate::span::Span;

use super::address;
use super::number;
use super::option::Opt;
use super::problem::{Outcome, Problems, shown};
use super::scan::Given;

#[derive(Default)]
pub(super) struct DaemonOptions<'w> {
    interface: Option<(&'w [u8], Span)>,
    sync_id: u8,
    max_length: Option<NonZeroU16>,
    group: Option<MulticastGroup>,
    port: Option<NonZeroU16>,
    ttl: Option<NonZeroU8>,
}

impl<'w> DaemonOptions<'w> {
    /// Takes one option; `false` when it is not one of these.
    pub(super) fn option(&mut self, opt: Opt, given: &Given<'w>, problems: &mut Problems<'_>) -> bool {
        let text = given.value.unwrap_or_default();
        let span = given.value_span;
        match opt {
            Opt::McastInterface => self.interface = Some((text, span)),
            Opt::SyncId => self.sync_id = ranged(text, span, 0, 255, problems).unwrap_or_default() as u8,
            Opt::SyncMaxlen => {
                let length = ranged(text, span, 1, 65507, problems);
                self.max_length = length.and_then(|n| NonZeroU16::new(n as u16));
            }
            Opt::McastPort => {
                self.port = ranged(text, span, 1, 65535, problems).and_then(|n| NonZeroU16::new(n as u16));
            }
            Opt::McastTtl => {
                self.ttl = ranged(text, span, 1, 255, problems).and_then(|n| NonZeroU8::new(n as u8));
            }
            Opt::McastGroup => self.group = group(text, span, problems),
            _ => return false,
        }
        true
    }

    pub(super) fn sync_id(&self) -> SyncId {
        self.sync_id.into()
    }

    /// Makes the daemon.
    pub(super) fn finish(self, role: SyncRole, verb_span: Span, problems: &mut Problems<'_>) -> Option<SyncDaemon> {
        let (text, span) = self.interface.unwrap_or((b"eth0", verb_span));
        let name = std::str::from_utf8(text).ok().and_then(|text| text.parse::<InterfaceName>().ok());
        let Some(interface) = name else {
            problems.error(
                Outcome::Skipped,
                Diagnostic::error("bad-value", span, format!("`{}` is no name of an interface", shown(text)))
                    .with_label("expected 1 to 15 bytes"),
            );
            return None;
        };
        let mut daemon = SyncDaemon::new(role, interface);
        daemon.sync_id = self.sync_id.into();
        daemon.max_length = self.max_length;
        daemon.group = self.group;
        daemon.port = self.port;
        daemon.ttl = self.ttl;
        Some(daemon)
    }
}

fn ranged(text: &[u8], span: Span, min: u32, max: u32, problems: &mut Problems<'_>) -> Option<u32> {
    let number = number::within(text, min, max);
    if number.is_none() {
        problems.error(
            Outcome::Refused,
            Diagnostic::error("bad-number", span, format!("`{}` is out of range", shown(text)))
                .with_label(format!("expected a number from {min} to {max}")),
        );
    }
    number
}

fn group(text: &[u8], span: Span, problems: &mut Problems<'_>) -> Option<MulticastGroup> {
    // Unlike addresses of services this one is written in full.
    let inet = std::str::from_utf8(text).ok().and_then(|text| text.parse::<Ipv4Addr>().ok());
    let group = match inet {
        Some(addr) => MulticastGroup::try_from(addr).ok(),
        None => address::inet6(text).and_then(|addr| MulticastGroup::try_from(addr).ok()),
    };
    if group.is_none() {
        problems.error(
            Outcome::Refused,
            Diagnostic::error("bad-value", span, format!("`{}` is no multicast address", shown(text)))
                .with_label("expected one such as `224.0.0.81` or `ff02::81`"),
        );
    }
    group
}
