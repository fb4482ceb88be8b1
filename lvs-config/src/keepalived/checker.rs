//! Health checkers, with every setting resolved: checker, else real server, else virtual server, else default.
//!
//! A checker that is up goes down after `retry + 1` failures in a row, one every [`delay_before_retry`]; the very
//! first result counts at once. A checker that is down comes up after one success.
//!
//! [`delay_before_retry`]: Checker::delay_before_retry

use std::net::IpAddr;
use std::time::Duration;

use lvs_model::Endpoint;

use super::config::Script;
use crate::span::Span;

/// This is one checker of a real server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checker {
    /// This is where its head stands.
    pub span: Span,
    /// This is the time between two checks, `delay_loop`, 60 s by default.
    pub delay_loop: Duration,
    /// This is how many failures after the first one are forgiven, `retry`, 1 by default (DNS 3, MISC 0).
    pub retry: u32,
    /// This is the time before a repeated check, `delay_before_retry`, 1 s by default (HTTP 3 s, DNS `delay_loop`).
    pub delay_before_retry: Duration,
    /// This bounds the random time before the first check, `warmup`, `delay_loop` by default.
    pub warmup: Duration,
    /// This says that the checker starts as failed, `alpha`.
    pub alpha: bool,
    /// This says that every failure is logged, `log_all_failures`.
    pub log_all_failures: bool,
    /// This is what is checked.
    pub kind: CheckerKind,
}

/// This is what a checker does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckerKind {
    /// `TCP_CHECK`: a connection can be opened.
    Tcp(Connection),
    /// `HTTP_GET`: pages can be fetched.
    Http(HttpCheck),
    /// `SSL_GET`: pages can be fetched over TLS.
    Ssl(HttpCheck),
    /// `SMTP_CHECK`: a mail server greets.
    Smtp(SmtpCheck),
    /// `DNS_CHECK`: a name server answers.
    Dns(DnsCheck),
    /// `UDP_CHECK`: a datagram is not refused, or is answered.
    Udp(UdpCheck),
    /// `PING_CHECK`: an ICMP echo is answered.
    Ping(Connection),
    /// `MISC_CHECK`: a program says so.
    Misc(MiscCheck),
    /// `FILE_CHECK`: a number in a file says so.
    File(FileCheck),
    /// `BFD_CHECK`: a BFD session is up.
    Bfd(BfdCheck),
}

impl CheckerKind {
    /// This is the keyword.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "TCP_CHECK",
            Self::Http(_) => "HTTP_GET",
            Self::Ssl(_) => "SSL_GET",
            Self::Smtp(_) => "SMTP_CHECK",
            Self::Dns(_) => "DNS_CHECK",
            Self::Udp(_) => "UDP_CHECK",
            Self::Ping(_) => "PING_CHECK",
            Self::Misc(_) => "MISC_CHECK",
            Self::File(_) => "FILE_CHECK",
            Self::Bfd(_) => "BFD_CHECK",
        }
    }

    /// This is where the checker connects to, when it does.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Tcp(c) | Self::Ping(c) => Some(c),
            Self::Http(c) | Self::Ssl(c) => Some(&c.connection),
            Self::Smtp(c) => c.hosts.first(),
            Self::Dns(c) => Some(&c.connection),
            Self::Udp(c) => Some(&c.connection),
            Self::Misc(_) | Self::File(_) | Self::Bfd(_) => None,
        }
    }
}

/// This is where and how a checker connects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// This is `connect_ip` and `connect_port`, else the address and port of the real server.
    pub target: Endpoint,
    /// This bounds connecting, and each wait for data, `connect_timeout`, 5 s by default.
    pub timeout: Duration,
    /// This is `bindto`: the source address.
    pub source: Option<IpAddr>,
    /// This is `bind_port`: the source port.
    pub source_port: Option<u16>,
    /// This is `bind_if`: the interface.
    pub interface: Option<String>,
    /// This is `fwmark`: the mark of the packets, 0 for none.
    pub mark: u32,
}

/// These are the settings of `HTTP_GET` and `SSL_GET`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpCheck {
    /// This is where the checker connects to.
    pub connection: Connection,
    /// These are the pages, at least one; one is fetched each `delay_loop`.
    pub urls: Vec<Url>,
    /// This is `virtualhost`, else that of the server or the service; the address and port when absent.
    pub virtualhost: Option<String>,
    /// This is `http_protocol`.
    pub protocol: HttpProtocol,
    /// This is `enable_sni`.
    pub sni: bool,
    /// This is `sni_name`.
    pub sni_name: Option<String>,
    /// This is `fast_recovery`: while coming up, the next page is fetched at once.
    pub fast_recovery: bool,
    /// This is `tls_compliant`: the end of the data must be announced.
    pub tls_compliant: bool,
}

/// This is the HTTP version of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HttpProtocol {
    /// `1.0`
    #[default]
    Http10,
    /// `1.0C` or `1.0c`: 1.0 with `Connection: close`.
    Http10Close,
    /// `1.1`
    Http11,
}

/// This is one page of an HTTP checker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// This is where it stands.
    pub span: Span,
    /// This is `path`.
    pub path: String,
    /// This is `virtualhost`.
    pub virtualhost: Option<String>,
    /// This is `status_code`: ranges of codes, both ends included; 200 to 299 by default.
    pub status_codes: Vec<(u16, u16)>,
    /// This is `digest`: the MD5 of the body.
    pub digest: Option<[u8; 16]>,
    /// This is `regex`, with what belongs to it.
    pub regex: Option<RegexCheck>,
    /// This is `tls_compliant`, else that of the checker.
    pub tls_compliant: bool,
}

/// This says what the body of a page must match.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegexCheck {
    /// This is the PCRE2 pattern.
    pub pattern: Vec<u8>,
    /// This is `regex_no_match`: it must not match.
    pub inverted: bool,
    /// These are `regex_options`.
    pub options: Vec<String>,
    /// This is `regex_min_offset`: where a match may start at the earliest.
    pub min_offset: u64,
    /// This is `regex_max_offset`: the offset before which a match must start.
    pub max_offset: Option<u64>,
}

/// These are the settings of `SMTP_CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmtpCheck {
    /// This is `helo_name`.
    pub helo_name: String,
    /// These are the servers, all of which must pass; one unless the old blocks `host` are used.
    pub hosts: Vec<Connection>,
}

/// These are the settings of `DNS_CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsCheck {
    /// This is where the question goes.
    pub connection: Connection,
    /// This is `type`, SOA by default.
    pub record: String,
    /// This is `name`, `.` by default.
    pub name: String,
}

/// These are the settings of `UDP_CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpCheck {
    /// This is where the datagram goes.
    pub connection: Connection,
    /// This is `payload`.
    pub payload: Option<Vec<u8>>,
    /// This is `require_reply`: a reply is needed, and must start like this.
    pub reply: Option<Vec<ReplyByte>>,
    /// This is `min_reply_length`, 0 by default.
    pub min_length: u16,
    /// This is `max_reply_length`, 255 by default.
    pub max_length: u16,
}

/// This is one byte of an expected reply; bits that are 0 in the mask may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReplyByte {
    /// These are the bits.
    pub value: u8,
    /// This says which bits count.
    pub mask: u8,
}

/// These are the settings of `MISC_CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MiscCheck {
    /// This is `misc_path` with `user`.
    pub script: Script,
    /// This is `misc_timeout`; the `delay_loop` of the service by default.
    pub timeout: Duration,
    /// This is `misc_dynamic`: exit codes from 2 on set the weight to the code minus 2.
    pub dynamic: bool,
}

/// These are the settings of `FILE_CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileCheck {
    /// This is `track_file`: the name of a block `track_file`.
    pub track_file: String,
    /// This is the factor for the number in the file: `weight`, else that of the block, 1 by default.
    pub weight: i64,
}

/// These are the settings of `BFD_CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BfdCheck {
    /// This is `name`: the name of a block `bfd_instance`.
    pub instance: String,
}
