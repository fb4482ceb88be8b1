//! The options of `-a`, `-e` and `-d`.

use std::num::NonZeroU16;

use lvs_model::{Destination, Endpoint, Forwarding, Protocol, ServiceKey, Thresholds, Tunnel, TunnelFlags, Weight};

use crate::Diagnostic;
use crate::span::Span;

use super::address::{self, Address};
use super::build::service_port;
use super::lint;
use super::number;
use super::option::Opt;
use super::problem::{Outcome, Problems, shown};
use super::resolver::Resolver;
use super::scan::Given;
use super::suggest;

#[derive(Default)]
pub(super) struct ServerOptions<'w> {
    real: Option<Real>,
    method: Option<(Opt, Span)>,
    weight: Option<Weight>,
    upper: Option<(u32, Span)>,
    lower: Option<(u32, Span)>,
    tunnel_type: Option<(&'w [u8], Span)>,
    tunnel_port: Option<(NonZeroU16, Span)>,
    checksums: Vec<(Opt, Span)>,
}

#[derive(Clone, Copy)]
struct Real {
    address: Address,
    span: Span,
    /// Only a service that stands before `-r` gives its port.
    behind_service: bool,
}

impl<'w> ServerOptions<'w> {
    /// Takes `-r`; `protocol` is that of the service, if it stands before.
    pub(super) fn real_server(
        &mut self,
        given: &Given<'w>,
        protocol: Option<Protocol>,
        names: &dyn Resolver,
        problems: &mut Problems<'_>,
    ) {
        let text = given.value.unwrap_or_default();
        let span = given.value_span;
        match address::endpoint(text, protocol, names) {
            Ok(address) => {
                lint::address(text, address, span, problems);
                self.real = Some(Real { address, span, behind_service: protocol.is_some() });
            }
            Err(trouble) => lint::bad_address("real server", text, trouble, span, protocol, problems),
        }
    }

    /// Takes one option; `false` when it is not one of these.
    pub(super) fn option(&mut self, opt: Opt, given: &Given<'w>, problems: &mut Problems<'_>) -> bool {
        let text = given.value.unwrap_or_default();
        let span = given.value_span;
        match opt {
            Opt::Gatewaying | Opt::Ipip | Opt::Masquerading => self.method = Some((opt, given.span)),
            Opt::Weight => {
                let weight = limited("weight", text, span, problems);
                self.weight = weight.and_then(|weight| Weight::new(weight).ok());
            }
            Opt::UpperThreshold => self.upper = limited("threshold", text, span, problems).map(|n| (n, span)),
            Opt::LowerThreshold => self.lower = limited("threshold", text, span, problems).map(|n| (n, span)),
            Opt::TunType => {
                if !matches!(text, b"ipip" | b"gue" | b"gre") {
                    let message = format!("`{}` is no type of tunnel", shown(text));
                    let near = suggest::nearest(&String::from_utf8_lossy(text), ["ipip", "gue", "gre"]);
                    let label = near.map_or_else(
                        || "expected `ipip`, `gue` or `gre`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    problems.error(Outcome::Refused, Diagnostic::error("bad-value", span, message).with_label(label));
                }
                self.tunnel_type = Some((text, given.span.to(span)));
            }
            Opt::TunPort => {
                let port = number::within(text, 1, 65535).and_then(|port| u16::try_from(port).ok());
                let port = port.and_then(NonZeroU16::new);
                if port.is_none() {
                    let message = format!("`{}` is no port of a tunnel", shown(text));
                    problems.error(
                        Outcome::Refused,
                        Diagnostic::error("bad-number", span, message).with_label("expected a number from 1 to 65535"),
                    );
                }
                self.tunnel_port = port.map(|port| (port, given.span.to(span)));
            }
            Opt::TunNocsum | Opt::TunCsum | Opt::TunRemcsum => self.checksums.push((opt, given.span)),
            _ => return false,
        }
        true
    }

    /// The endpoint alone, for `-d`, where the port is never forced.
    pub(super) fn endpoint(&self, key: ServiceKey) -> Option<Endpoint> {
        let Real { address, behind_service, .. } = self.real?;
        let inherited = service_port(&key).filter(|_| behind_service && !address.has_port);
        Some(Endpoint::new(address.endpoint.addr, inherited.unwrap_or(address.endpoint.port)))
    }

    /// Makes the destination.
    pub(super) fn finish(self, key: ServiceKey, verb_span: Span, problems: &mut Problems<'_>) -> Option<Destination> {
        let real = self.real?;
        let mut endpoint = self.endpoint(key)?;
        let (method, method_span) = self.method.unwrap_or((Opt::Gatewaying, verb_span));
        let forwarding = match method {
            Opt::Ipip => Forwarding::Tunnel(self.tunnel(problems)?),
            _ => {
                self.no_tunnel(method_span, problems)?;
                if method == Opt::Masquerading { Forwarding::Masquerade } else { Forwarding::DirectRouting }
            }
        };
        let is_tunnel = matches!(forwarding, Forwarding::Tunnel(_));
        if endpoint.family() != key.family() && !is_tunnel {
            problems.error(
                Outcome::Refused,
                Diagnostic::error("family-mismatch", real.span, "the real server is of the other address family")
                    .with_label(format!("the service is of family {}", key.family()))
                    .with_help("only a tunnel (`-i`) can bridge the families"),
            );
            return None;
        }
        match service_port(&key) {
            Some(port) if forwarding != Forwarding::Masquerade => {
                if real.address.has_port && endpoint.port != port && endpoint.port != 0 {
                    problems.remark(
                        Diagnostic::warning("forced-port", real.span, format!("port {} becomes {port}", endpoint.port))
                            .with_label("the port of the service is used")
                            .with_help("only masquerading (`-m`) can change the port"),
                    );
                }
                endpoint.port = port;
            }
            Some(port) if !real.behind_service && !real.address.has_port && port != 0 => problems.remark(
                Diagnostic::warning("no-port", real.span, "the port is 0, not that of the service")
                    .with_label(format!("write the port, such as `:{port}`"))
                    .with_help("`-r` before the service does not take its port"),
            ),
            _ => {}
        }
        let (upper, lower) = (self.upper.map_or(0, |(n, _)| n), self.lower.map_or(0, |(n, _)| n));
        let Ok(thresholds) = Thresholds::new(upper, lower) else {
            let span = self.lower.map_or(verb_span, |(_, span)| span);
            let message = format!("the lower threshold {lower} is above the upper one, {upper}");
            let mut problem =
                Diagnostic::error("bad-thresholds", span, message).with_label(format!("expected at most {upper}"));
            match self.upper {
                Some((_, upper)) => problem = problem.with_related(upper, "the upper threshold"),
                None => problem = problem.with_help("give the upper threshold with `-x`"),
            }
            problems.error(Outcome::Skipped, problem.with_help("the kernel refuses the line"));
            return None;
        };
        if !address::is_usable_destination(endpoint.addr) {
            problems.error(
                Outcome::Skipped,
                Diagnostic::error("not-unicast", real.span, format!("{} cannot be a real server", endpoint.addr))
                    .with_label("expected the unicast address of one machine")
                    .with_help("the kernel refuses the line"),
            );
            return None;
        }
        let weight = self.weight.unwrap_or(Weight::ONE);
        let destination = Destination::new(endpoint).with_weight(weight).with_forwarding(forwarding);
        Some(destination.with_thresholds(thresholds))
    }

    fn tunnel(&self, problems: &mut Problems<'_>) -> Option<Tunnel> {
        let kind = self.tunnel_type.map_or(&b"ipip"[..], |(kind, _)| kind);
        let named = shown(kind);
        let mut refuse = |span, message: String, label: &str| {
            let problem = Diagnostic::error("bad-tunnel", span, message).with_label(label.to_owned());
            problems.error(Outcome::Refused, problem);
        };
        match (kind, self.tunnel_port, self.tunnel_type) {
            (b"gue", None, Some((_, span))) => {
                refuse(span, "a gue tunnel needs a port".into(), "expected `--tun-port PORT` too");
                return None;
            }
            (b"gue", ..) | (_, None, _) => {}
            (_, Some((_, span)), _) => {
                refuse(span, format!("an {named} tunnel has no port"), "only `--tun-type gue` has one");
                return None;
            }
        }
        if let [_, (_, second), ..] = self.checksums[..] {
            refuse(second, "more than one checksum option".into(), "remove one");
            return None;
        }
        let checksum = self.checksums.first().copied();
        let allowed = match (kind, checksum) {
            (_, None) | (b"gue", _) => true,
            (b"gre", Some((opt, _))) => opt != Opt::TunRemcsum,
            (_, Some(_)) => false,
        };
        if let (false, Some((opt, span))) = (allowed, checksum) {
            refuse(span, format!("an {named} tunnel takes no {}", opt.title()), "does not belong to this type");
            return None;
        }
        let flags = match checksum {
            Some((Opt::TunCsum, _)) => TunnelFlags::CSUM,
            Some((Opt::TunRemcsum, _)) => TunnelFlags::REMCSUM,
            _ => TunnelFlags::NONE,
        };
        match (kind, self.tunnel_port) {
            (b"gue", Some((port, _))) => Some(Tunnel::Gue { port, flags }),
            (b"gre", _) => Some(Tunnel::Gre { flags }),
            _ => Some(Tunnel::Ipip),
        }
    }

    /// Refuses options of a tunnel with another method.
    fn no_tunnel(&self, method_span: Span, problems: &mut Problems<'_>) -> Option<()> {
        let kind = self.tunnel_type.map(|(_, span)| span);
        let port = self.tunnel_port.map(|(_, span)| span);
        let Some(span) = kind.or(port).or(self.checksums.first().map(|(_, span)| *span)) else { return Some(()) };
        let mut problem = Diagnostic::error("bad-tunnel", span, "an option of a tunnel without a tunnel")
            .with_label("needs `-i`, before or behind it");
        if self.method.is_some() {
            problem = problem.with_related(method_span, "this is another method");
        }
        problems.error(Outcome::Refused, problem);
        None
    }
}

fn limited(what: &str, text: &[u8], span: Span, problems: &mut Problems<'_>) -> Option<u32> {
    let number = number::within(text, 0, i32::MAX.unsigned_abs());
    if number.is_none() {
        problems.error(
            Outcome::Refused,
            Diagnostic::error("bad-number", span, format!("`{}` is no {what}", shown(text)))
                .with_label("expected a number from 0 to 2147483647"),
        );
    }
    number
}
