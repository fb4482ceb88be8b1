//! The options of `-A` and `-E`.

use std::net::Ipv4Addr;

use lvs_model::{
    Family, Netmask, OnePacket, Persistence, PersistenceEngine, PersistenceTimeout, PrefixLength, Protocol,
    SchedulerFlags, SchedulerName, Service, ServiceKey,
};

use crate::Diagnostic;
use crate::span::Span;

use super::address::{self, Address, Note};
use super::number;
use super::option::Opt;
use super::problem::{Outcome, Problems, shown};
use super::resolver::Resolver;
use super::scan::Given;
use super::suggest;

/// `-p` without a number. The manual of ipvsadm says 300, the program does 360.
const DEFAULT_TIMEOUT: u32 = 360;
/// One month, the limit of the tool.
const LONGEST_TIMEOUT: u32 = 31 * 24 * 60 * 60;
/// The kernel's names have at most so many bytes; the tool cuts longer ones.
const LONGEST_NAME: usize = 15;

#[derive(Default)]
pub(super) struct ServiceOptions<'w> {
    scheduler: Option<(SchedulerName, Span)>,
    timeout: Option<PersistenceTimeout>,
    netmask: Option<(Netmask, Span)>,
    engine: Option<(PersistenceEngine, Span)>,
    one_packet: Option<Span>,
    flags: Option<(&'w [u8], Span)>,
}

impl<'w> ServiceOptions<'w> {
    /// Takes one option; `false` when it is not one of these.
    pub(super) fn option(
        &mut self,
        opt: Opt,
        given: &Given<'w>,
        family: Family,
        names: &dyn Resolver,
        problems: &mut Problems<'_>,
    ) -> bool {
        let text = given.value.unwrap_or_default();
        match opt {
            Opt::Scheduler => self.scheduler = scheduler(text, given.value_span, problems),
            Opt::Persistent => self.timeout = timeout(given, problems),
            Opt::Netmask => {
                let mask = netmask(text, given.value_span, family, names, problems);
                self.netmask = mask.map(|mask| (mask, given.value_span));
            }
            Opt::Pe => self.engine = engine(text, given.value_span, problems),
            Opt::Ops => self.one_packet = Some(given.span),
            Opt::SchedFlags => self.flags = Some((text, given.value_span)),
            _ => return false,
        }
        true
    }

    /// An IPv6 service forgets a mask that was given before it.
    pub(super) fn reset_netmask(&mut self, problems: &mut Problems<'_>) {
        if let Some((_, span)) = self.netmask.take() {
            problems.remark(
                Diagnostic::warning("lost-netmask", span, "the mask is forgotten")
                    .with_label("is set back to 128 by what follows")
                    .with_help("give `-M` behind the IPv6 service or behind `-6`"),
            );
        }
    }

    /// Makes the service.
    pub(super) fn finish(
        self,
        key: ServiceKey,
        socket: Option<(Protocol, Address, Span)>,
        problems: &mut Problems<'_>,
    ) -> Option<Service> {
        let scheduler = self.scheduler.map_or(SchedulerName::Wlc, |(scheduler, _)| scheduler);
        let flags = self.flags.map_or(Some(SchedulerFlags::EMPTY), |(text, span)| {
            flags(text, span, scheduler, self.scheduler.map(|(_, span)| span), problems)
        })?;
        let mut one_packet = OnePacket::Off;
        if let Some(span) = self.one_packet {
            one_packet = OnePacket::On;
            if !matches!(key, ServiceKey::Fwmark { .. } | ServiceKey::Socket { protocol: Protocol::UDP, .. }) {
                problems.error(
                    Outcome::Refused,
                    Diagnostic::error(
                        "one-packet-protocol",
                        span,
                        "one-packet scheduling is only for UDP services and marks",
                    )
                    .with_label("remove it, or use `-u` or `-f`"),
                );
            }
        }
        if let (Some((_, address, span)), None) = (socket, self.timeout)
            && address.endpoint.port == 0
        {
            let mut problem =
                Diagnostic::error("zero-port", span, "port 0 needs persistence").with_label("expected a port, or `-p`");
            if let Some(Note::LooksLikePort(port)) = address.note {
                problem = problem.with_help(format!("IPv6 with a port is written in brackets: `[…]:{port}`"));
            } else if address.note == Some(Note::BracketsDropped) {
                problem = problem.with_help("brackets are for IPv6 only; here they and the port are dropped");
            }
            problems.error(Outcome::Refused, problem);
        }
        if problems.outcome.is_some() {
            return None;
        }
        let service = Service::new(key, scheduler).with_flags(flags).with_one_packet(one_packet);
        let Some(timeout) = self.timeout else {
            for (what, span) in [("a mask", self.netmask.map(|m| m.1)), ("an engine", self.engine.map(|e| e.1))] {
                if let Some(span) = span {
                    problems.remark(
                        Diagnostic::warning(
                            "no-persistence",
                            span,
                            format!("{what} has no effect without persistence"),
                        )
                        .with_label("add `-p SECONDS`"),
                    );
                }
            }
            return Some(service);
        };
        let mut persistence = Persistence::new(timeout, key.family());
        if let Some((mask, _)) = self.netmask {
            persistence.netmask = mask;
        }
        persistence.engine = self.engine.map(|(engine, _)| engine);
        service.with_persistence(persistence).ok()
    }
}

/// The name as the tool hands it on: cut to what the kernel can hold.
fn cut_name<'a>(text: &'a [u8], span: Span, problems: &mut Problems<'_>) -> Option<&'a str> {
    let cut = &text[..text.len().min(LONGEST_NAME)];
    let name = std::str::from_utf8(cut).ok()?;
    if cut.len() < text.len() {
        problems.remark(
            Diagnostic::warning("cut-name", span, format!("the name is cut to `{name}`"))
                .with_label("expected at most 15 bytes"),
        );
    }
    Some(name)
}

fn scheduler(text: &[u8], span: Span, problems: &mut Problems<'_>) -> Option<(SchedulerName, Span)> {
    if text.is_empty() {
        return Some((SchedulerName::Wlc, span));
    }
    let name = cut_name(text, span, problems).and_then(|name| name.parse::<SchedulerName>().ok());
    if matches!(name, None | Some(SchedulerName::Other(_))) {
        let known = SchedulerName::KNOWN.iter().map(SchedulerName::as_str);
        let label = suggest::nearest(&String::from_utf8_lossy(text), known).map_or_else(
            || "expected rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh or twos".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("`{}` is no scheduler of the kernel", shown(text));
        match name {
            Some(_) => problems.remark(
                Diagnostic::warning("unknown-scheduler", span, message)
                    .with_label(label)
                    .with_help("the rule works only where a module of this name exists"),
            ),
            None => {
                problems.error(Outcome::Skipped, Diagnostic::error("bad-scheduler", span, message).with_label(label));
            }
        }
    }
    name.map(|name| (name, span))
}

fn engine(text: &[u8], span: Span, problems: &mut Problems<'_>) -> Option<(PersistenceEngine, Span)> {
    if text.is_empty() {
        return None;
    }
    let name = cut_name(text, span, problems).and_then(|name| name.parse::<PersistenceEngine>().ok());
    let message = format!("`{}` is no persistence engine of the kernel", shown(text));
    match name {
        Some(PersistenceEngine::Sip) => {}
        Some(_) => problems.remark(
            Diagnostic::warning("unknown-engine", span, message)
                .with_label("the kernel has `sip`")
                .with_help("the rule works only where a module of this name exists"),
        ),
        None => problems
            .error(Outcome::Skipped, Diagnostic::error("bad-engine", span, message).with_label("expected `sip`")),
    }
    name.map(|name| (name, span))
}

fn timeout(given: &Given<'_>, problems: &mut Problems<'_>) -> Option<PersistenceTimeout> {
    let Some(text) = given.value else {
        problems.remark(
            Diagnostic::info("default-timeout", given.span, format!("persistence of {DEFAULT_TIMEOUT} seconds"))
                .with_label(format!("the same as `-p {DEFAULT_TIMEOUT}`"))
                .with_help("the manual of ipvsadm says 300, the program does 360"),
        );
        return PersistenceTimeout::new(DEFAULT_TIMEOUT).ok();
    };
    let timeout = number::within(text, 1, LONGEST_TIMEOUT).and_then(|seconds| PersistenceTimeout::new(seconds).ok());
    if timeout.is_none() {
        let mut problem = Diagnostic::error("bad-number", given.value_span, format!("`{}` is no timeout", shown(text)))
            .with_label("expected seconds from 1 to 2678400");
        if number::decimal(text) == Some(0) {
            problem = problem.with_help("leave `-p` out to switch persistence off");
        }
        problems.error(Outcome::Refused, problem);
    }
    timeout
}

fn netmask(
    text: &[u8],
    span: Span,
    family: Family,
    names: &dyn Resolver,
    problems: &mut Problems<'_>,
) -> Option<Netmask> {
    if family == Family::Inet6 {
        // The tool takes the number at the start and does not look behind it.
        let bits = number::leading(text).map_or(0, |(bits, _)| bits as i32);
        let prefix = u8::try_from(bits).ok().and_then(|bits| PrefixLength::new(bits).ok());
        match prefix {
            None => problems.error(
                Outcome::Refused,
                Diagnostic::error("bad-netmask", span, format!("`{}` is no IPv6 prefix length", shown(text)))
                    .with_label("expected a number from 1 to 128"),
            ),
            Some(bits) if number::decimal(text) != Some(i64::from(bits.get())) => problems.remark(
                Diagnostic::warning("odd-netmask", span, format!("`{}` is read as {bits}", shown(text)))
                    .with_label(format!("write `{bits}`")),
            ),
            Some(_) => {}
        }
        return prefix.map(Netmask::Inet6);
    }
    let Some((mask, _)) = address::host(text, names) else {
        let mut problem = Diagnostic::error("bad-netmask", span, format!("`{}` is no IPv4 mask", shown(text)))
            .with_label("expected a mask such as `255.255.255.0`");
        let bits = text.strip_prefix(b"/").and_then(|bits| number::within(bits, 0, 32));
        if let Some(bits) = bits {
            let mask = contiguous(bits);
            problem = problem.with_fix(crate::Fix::replace(format!("write `{mask}`"), span, mask.to_string()));
        }
        problems.error(Outcome::Refused, problem);
        return None;
    };
    let bits = mask.to_bits();
    if bits.leading_ones() + bits.trailing_zeros() < 32 && bits != 0 {
        let mut problem = Diagnostic::warning("odd-netmask", span, format!("`{}` is read as {mask}", shown(text)))
            .with_label("an IPv4 mask such as `255.255.255.0` is usual");
        if let Some(bits) = number::within(text, 1, 32) {
            let mask = contiguous(bits);
            problem = problem.with_help("a prefix length is taken only for IPv6").with_fix(crate::Fix::replace(
                format!("write `{mask}`"),
                span,
                mask.to_string(),
            ));
        }
        problems.remark(problem);
    }
    Some(Netmask::Inet(mask))
}

fn contiguous(bits: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - bits).unwrap_or(0))
}

/// The list of `-b`. Empty names between commas are skipped; a list of nothing but commas crashes the tool.
fn flags(
    text: &[u8],
    span: Span,
    scheduler: SchedulerName,
    scheduler_span: Option<Span>,
    problems: &mut Problems<'_>,
) -> Option<SchedulerFlags> {
    let mut flags = SchedulerFlags::EMPTY;
    let mut any = text.is_empty();
    for name in text.split(|b| *b == b',').filter(|name| !name.is_empty()) {
        any = true;
        let (flag, only) = match name {
            b"flag-1" => (SchedulerFlags::FALLBACK, None),
            b"flag-2" => (SchedulerFlags::PORT, None),
            b"flag-3" => (SchedulerFlags::THIRD, None),
            b"sh-fallback" => (SchedulerFlags::FALLBACK, Some(SchedulerName::Sh)),
            b"sh-port" => (SchedulerFlags::PORT, Some(SchedulerName::Sh)),
            b"mh-fallback" => (SchedulerFlags::FALLBACK, Some(SchedulerName::Mh)),
            b"mh-port" => (SchedulerFlags::PORT, Some(SchedulerName::Mh)),
            _ => {
                let message = format!("`{}` is no scheduler flag", shown(name));
                let all = ["flag-1", "flag-2", "flag-3", "sh-fallback", "sh-port", "mh-fallback", "mh-port"];
                let near = suggest::nearest(&String::from_utf8_lossy(name), all);
                let label = near.map_or_else(
                    || format!("expected some of {}", all.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                problems.error(Outcome::Refused, Diagnostic::error("bad-flag", span, message).with_label(label));
                return None;
            }
        };
        if let Some(only) = only.filter(|only| *only != scheduler) {
            let message = format!("`{}` is a flag of {only}, the scheduler is {scheduler}", shown(name));
            let mut problem = Diagnostic::error("foreign-flag", span, message).with_label(format!("needs `-s {only}`"));
            if let Some(place) = scheduler_span {
                problem = problem.with_related(place, "the scheduler");
            }
            problems.error(Outcome::Refused, problem);
            return None;
        }
        flags = flags.union(flag);
    }
    if !any {
        problems.error(
            Outcome::Refused,
            Diagnostic::error("bad-flag", span, "a list of commas")
                .with_label("expected names of flags")
                .with_help("ipvsadm 1.31 crashes on this"),
        );
        return None;
    }
    Some(flags)
}
