//! The ten checkers.

use std::time::Duration;

use lvs_model::Endpoint;

use super::{Lowering, duration, integer, mentions, script, string, switch, text, weight_of};
use crate::diagnostic::Diagnostic;
use crate::keepalived::checker::{
    BfdCheck, Checker, CheckerKind, Connection, DnsCheck, FileCheck, HttpCheck, HttpProtocol, MiscCheck, RegexCheck,
    ReplyByte, SmtpCheck, UdpCheck, Url,
};
use crate::keepalived::config::{Inherited, RealServer};
use crate::keepalived::tree::Statement;
use crate::keepalived::values;

impl Lowering<'_> {
    /// Adds a checker to a server; the numbers of those that take the port of the server go to `default_ports`.
    pub(super) fn checker(
        &mut self,
        block: Statement<'_>,
        inherited: Inherited,
        service: Inherited,
        server: &mut RealServer,
        default_ports: &mut Vec<usize>,
    ) {
        let mut own = Inherited::default();
        let mut log_all_failures = false;
        for statement in settings(block) {
            match statement.name() {
                "retry" | "nb_get_retry" => own.retry = integer(statement),
                "delay_before_retry" => own.delay_before_retry = duration(statement),
                "warmup" => own.warmup = duration(statement),
                "delay_loop" => own.delay_loop = duration(statement),
                "connect_timeout" => own.connect_timeout = duration(statement),
                "alpha" => own.alpha = Some(switch(statement)),
                "log_all_failures" => log_all_failures = switch(statement),
                _ => {}
            }
        }
        let all = own.or(inherited);
        let delay_loop = all.delay_loop.unwrap_or(Duration::from_secs(60));
        let connection = || connection(block, server.endpoint, all.connect_timeout.unwrap_or(Duration::from_secs(5)));
        let name = block.name();
        self.sources(block, server.endpoint);
        let kind = match name {
            "TCP_CHECK" => CheckerKind::Tcp(connection()),
            "PING_CHECK" => CheckerKind::Ping(connection()),
            "HTTP_GET" | "SSL_GET" => match self.http(block, connection(), server) {
                Some(http) if name == "HTTP_GET" => CheckerKind::Http(http),
                Some(http) => CheckerKind::Ssl(http),
                None => return,
            },
            "SMTP_CHECK" => CheckerKind::Smtp(smtp(block, connection())),
            "DNS_CHECK" => CheckerKind::Dns(DnsCheck {
                connection: connection(),
                record: block.child("type").and_then(string).unwrap_or_else(|| "SOA".to_owned()),
                name: self.dns(block).unwrap_or_else(|| ".".to_owned()),
            }),
            "UDP_CHECK" => {
                let check = udp(block, connection());
                self.reply_lengths(block, &check);
                CheckerKind::Udp(check)
            }
            "MISC_CHECK" => match self.misc(block, service) {
                Some(misc) => CheckerKind::Misc(misc),
                None => return,
            },
            "FILE_CHECK" => match self.file(block) {
                Some(file) => CheckerKind::File(file),
                None => return,
            },
            "BFD_CHECK" => match self.bfd(block) {
                Some(bfd) => CheckerKind::Bfd(bfd),
                None => return,
            },
            _ => return,
        };
        let (retry, delay_before_retry) = match name {
            "DNS_CHECK" => (3, delay_loop),
            "HTTP_GET" | "SSL_GET" => (1, Duration::from_secs(3)),
            "MISC_CHECK" => (0, Duration::from_secs(1)),
            _ => (1, Duration::from_secs(1)),
        };
        if kind.connection().is_some_and(|c| c.target.port == 0) || takes_server_port(block) {
            default_ports.push(server.checkers.len());
        }
        server.checkers.push(Checker {
            span: block.span(),
            delay_loop,
            retry: all.retry.unwrap_or(retry),
            delay_before_retry: all.delay_before_retry.unwrap_or(delay_before_retry),
            warmup: all.warmup.unwrap_or(delay_loop),
            alpha: all.alpha.unwrap_or(false),
            log_all_failures,
            kind,
        });
    }

    /// The address that a checker comes from is of the family of what it connects to, as far as that was read.
    fn sources(&mut self, block: Statement<'_>, target: Endpoint) {
        let mut family = target.addr.is_ipv4();
        for statement in settings(block) {
            let Some(address) = statement.argument(0).and_then(values::address) else { continue };
            match statement.name() {
                "connect_ip" => family = address.is_ipv4(),
                "bindto" if address.is_ipv4() != family => {
                    let message = "`bindto` is of another family than the address that is checked, it is skipped";
                    let diagnostic = Diagnostic::error("family-mismatch", statement.span(), message);
                    self.report(diagnostic.with_help("a `connect_ip` must stand before it"));
                }
                _ => {}
            }
        }
    }

    fn dns(&mut self, block: Statement<'_>) -> Option<String> {
        let statement = block.child("name")?;
        let name = string(statement)?;
        let inner = name.strip_suffix('.').unwrap_or(&name);
        let empty = name != "." && inner.split('.').any(str::is_empty);
        // Release 2.2.7 takes a first label of one byte for an empty one.
        let short = name.len() > 2 && name.as_bytes().get(1) == Some(&b'.');
        if empty || short {
            let message = format!("`{name}` is ignored: it has an empty label");
            let diagnostic = Diagnostic::error("invalid-name", statement.span(), message);
            self.report(if empty {
                diagnostic
            } else {
                diagnostic.with_help("release 2.2.7 finds that of a first label with one byte")
            });
            return None;
        }
        Some(name)
    }

    fn reply_lengths(&mut self, block: Statement<'_>, check: &UdpCheck) {
        let Some(statement) = block.child("min_reply_length").filter(|_| check.min_length > check.max_length) else {
            return;
        };
        let message =
            format!("no reply has {} to {} bytes: the check always fails", check.min_length, check.max_length);
        self.report(Diagnostic::error("out-of-range", statement.span(), message));
    }

    fn http(&mut self, block: Statement<'_>, connection: Connection, server: &RealServer) -> Option<HttpCheck> {
        let tls_compliant = block.child("tls_compliant").is_some_and(switch);
        let before = self.diagnostics.len();
        let mut urls = Vec::new();
        for url in settings(block).filter(|s| s.name() == "url") {
            urls.extend(self.url(url, tls_compliant));
        }
        if urls.is_empty() {
            if self.diagnostics.len() == before && !mentions(block, &["url"]) {
                self.report(
                    Diagnostic::error(
                        "no-url",
                        block.span(),
                        format!("`{}` has no `url`, it checks nothing and is dropped", block.name()),
                    )
                    .with_help(
                        "releases up to 2.2.7 crash here; add `url {` and `path /` on lines of their own, and `}`",
                    ),
                );
            }
            return None;
        }
        Some(HttpCheck {
            connection,
            urls,
            virtualhost: block.child("virtualhost").and_then(string).or_else(|| server.virtualhost.clone()),
            protocol: match block.child("http_protocol").and_then(|s| s.argument(0)) {
                Some(b"1.1") => HttpProtocol::Http11,
                Some(b"1.0C" | b"1.0c") => HttpProtocol::Http10Close,
                _ => HttpProtocol::Http10,
            },
            sni: block.child("enable_sni").is_some_and(switch),
            sni_name: block.child("sni_name").and_then(string),
            fast_recovery: block.child("fast_recovery").is_some_and(switch),
            tls_compliant,
        })
    }

    fn url(&mut self, block: Statement<'_>, tls_compliant: bool) -> Option<Url> {
        let Some(path) = block.child("path").and_then(string) else {
            if !mentions(block, &["path"]) {
                self.report(
                    Diagnostic::error("no-path", block.span(), "`url` has no `path`, it is dropped")
                        .with_help("releases up to 2.2.7 crash here"),
                );
            }
            return None;
        };
        let codes: Vec<(u16, u16)> = block
            .child("status_code")
            .map(|s| s.arguments().iter().filter_map(|w| status_codes(&w.text)).collect())
            .unwrap_or_default();
        let number = |name: &str| {
            block.child(name).and_then(|s| s.argument(0)).and_then(values::integer).and_then(|n| u64::try_from(n).ok())
        };
        let regex = block.child("regex").and_then(|s| s.argument(0)).map(|pattern| RegexCheck {
            pattern: pattern.to_vec(),
            inverted: block.child("regex_no_match").is_some(),
            options: block
                .child("regex_options")
                .map(|s| s.arguments().iter().map(|w| text(&w.text)).collect())
                .unwrap_or_default(),
            min_offset: number("regex_min_offset").unwrap_or(0),
            max_offset: number("regex_max_offset"),
        });
        Some(Url {
            span: block.span(),
            path,
            virtualhost: block.child("virtualhost").and_then(string),
            status_codes: if codes.is_empty() { vec![(200, 299)] } else { codes },
            digest: block.child("digest").and_then(|s| s.argument(0)).and_then(digest),
            regex,
            tls_compliant: block.child("tls_compliant").map_or(tls_compliant, switch),
        })
    }

    fn misc(&mut self, block: Statement<'_>, service: Inherited) -> Option<MiscCheck> {
        let Some(mut script) = block.child("misc_path").and_then(script) else {
            if !mentions(block, &["misc_path"]) {
                self.report(Diagnostic::error(
                    "no-script",
                    block.span(),
                    "`MISC_CHECK` has no `misc_path`, it is dropped",
                ));
            }
            return None;
        };
        if let Some(user) = block.child("user") {
            script.user = string(user);
            script.group = user.argument(1).map(text);
        }
        let timeout =
            block.child("misc_timeout").and_then(integer).filter(|n| *n > 0).map(|n| Duration::from_secs(n.into()));
        Some(MiscCheck {
            script,
            timeout: timeout.or(service.delay_loop).unwrap_or(Duration::from_secs(60)),
            dynamic: block.child("misc_dynamic").is_some(),
        })
    }

    fn file(&mut self, block: Statement<'_>) -> Option<FileCheck> {
        let Some(statement) = block.child("track_file") else {
            if !mentions(block, &["track_file"]) {
                self.report(Diagnostic::error(
                    "no-track-file",
                    block.span(),
                    "`FILE_CHECK` has no `track_file`, it is dropped",
                ));
            }
            return None;
        };
        let name = string(statement)?;
        let Some(&weight) = self.track_files.get(&name) else {
            if self.is_refused("track_file", &name) || self.is_refused("vrrp_track_file", &name) {
                return None;
            }
            self.report(
                Diagnostic::error(
                    "undefined-name",
                    statement.span(),
                    format!("no block `track_file {name}` stands before this, the checker is dropped"),
                )
                .with_help("the block must come before the checker that names it"),
            );
            return None;
        };
        Some(FileCheck { track_file: name, weight: block.child("weight").map_or(weight, weight_of) })
    }

    fn bfd(&mut self, block: Statement<'_>) -> Option<BfdCheck> {
        let Some(statement) = block.child("name") else {
            if !mentions(block, &["name"]) {
                self.report(Diagnostic::error(
                    "no-bfd-instance",
                    block.span(),
                    "`BFD_CHECK` has no `name`, it is dropped",
                ));
            }
            return None;
        };
        let instance = string(statement)?;
        if self.is_refused("bfd_instance", &instance) {
            return None;
        }
        if !self.bfd.contains_key(&instance) {
            self.report(Diagnostic::error(
                "undefined-name",
                statement.span(),
                format!("no block `bfd_instance {instance}` stands before this, the checker is dropped"),
            ));
            return None;
        }
        Some(BfdCheck { instance })
    }
}

fn settings(block: Statement<'_>) -> impl Iterator<Item = Statement<'_>> {
    block.children().filter(|s| s.is_valid())
}

fn takes_server_port(block: Statement<'_>) -> bool {
    !matches!(block.name(), "MISC_CHECK" | "FILE_CHECK" | "BFD_CHECK") && block.child("connect_port").is_none()
}

/// Where a checker connects to; what it does not say is taken from `target`.
fn connection(block: Statement<'_>, target: Endpoint, timeout: Duration) -> Connection {
    let ip = |name: &str| block.child(name).and_then(|s| s.argument(0)).and_then(values::address);
    let port = |name: &str| block.child(name).and_then(|s| s.argument(0)).and_then(|t| values::port(t).ok());
    Connection {
        target: Endpoint::new(ip("connect_ip").unwrap_or(target.addr), port("connect_port").unwrap_or(target.port)),
        timeout,
        source: ip("bindto"),
        source_port: port("bind_port"),
        interface: block.child("bind_if").and_then(string),
        mark: block.child("fwmark").and_then(integer).unwrap_or(0),
    }
}

fn smtp(block: Statement<'_>, connection_of_block: Connection) -> SmtpCheck {
    let mut hosts: Vec<Connection> = settings(block)
        .filter(|s| s.name() == "host")
        .map(|host| {
            let timeout = host.child("connect_timeout").and_then(duration).unwrap_or(connection_of_block.timeout);
            connection(host, connection_of_block.target, timeout)
        })
        .collect();
    if hosts.is_empty() {
        hosts.push(connection_of_block);
    }
    let helo_name =
        block.child("helo_name").and_then(string).unwrap_or_else(|| "smtpchecker.keepalived.org".to_owned());
    SmtpCheck { helo_name, hosts }
}

fn udp(block: Statement<'_>, connection: Connection) -> UdpCheck {
    let length = |name: &str| block.child(name).and_then(integer).and_then(|n| u16::try_from(n).ok());
    let nibbles =
        |name: &str| block.child(name).map(|s| s.arguments().iter().flat_map(|w| hex(&w.text)).collect::<Vec<_>>());
    let bytes = |nibbles: Vec<(u8, u8)>| -> Vec<ReplyByte> {
        let pair = |p: &[(u8, u8)]| match *p {
            [(high, high_mask), (low, low_mask)] => {
                ReplyByte { value: high << 4 | low, mask: high_mask << 4 | low_mask }
            }
            [(only, mask)] => ReplyByte { value: only << 4, mask: mask << 4 },
            _ => ReplyByte { value: 0, mask: 0 },
        };
        nibbles.chunks(2).map(pair).collect()
    };
    UdpCheck {
        connection,
        payload: nibbles("payload").map(|n| bytes(n).into_iter().map(|b| b.value).collect()),
        reply: nibbles("require_reply").map(bytes),
        min_length: length("min_reply_length").unwrap_or(0),
        max_length: length("max_reply_length").unwrap_or(255),
    }
}

/// Digits with the bits of them that count.
fn hex(text: &[u8]) -> impl Iterator<Item = (u8, u8)> + '_ {
    text.iter().filter_map(|b| match b {
        b'X' | b'x' => Some((0, 0)),
        _ => char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok()).map(|d| (d, 0xF)),
    })
}

fn digest(text: &[u8]) -> Option<[u8; 16]> {
    let nibbles: Vec<u8> = hex(text).map(|(d, _)| d).collect();
    let bytes: Vec<u8> = nibbles.chunks_exact(2).map(|p| p[0] << 4 | p[1]).collect();
    bytes.try_into().ok()
}

fn status_codes(text: &[u8]) -> Option<(u16, u16)> {
    let text = std::str::from_utf8(text).ok()?;
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some((from.parse().ok()?, to.parse().ok()?))
}
