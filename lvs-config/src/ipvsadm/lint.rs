//! What is said about addresses: why one is wrong, and what is surprising about one that is right.

use lvs_model::Protocol;

use crate::span::Span;
use crate::{Diagnostic, Fix};

use super::address::{Address, Note, Trouble};
use super::problem::{Outcome, Problems, shown};

/// Remarks on an address that is accepted.
pub(super) fn address(text: &[u8], address: Address, span: Span, problems: &mut Problems<'_>) {
    let Some(note) = address.note else { return };
    let addr = address.endpoint.addr;
    let written = shown(text);
    problems.remark(match note {
        Note::Short => Diagnostic::warning("short-address", span, format!("`{written}` is read as {addr}"))
            .with_label("expected four octets")
            .with_help("the last number fills the octets that are missing"),
        Note::NotDecimal => Diagnostic::warning("octal-address", span, format!("`{written}` is read as {addr}"))
            .with_label("expected decimal octets")
            .with_help("a leading 0 makes a number octal, 0x hexadecimal"),
        Note::BracketsDropped => Diagnostic::warning("lost-port", span, format!("`{written}` is read as {addr}"))
            .with_label("brackets are for IPv6 only")
            .with_help("what stands behind the brackets is ignored"),
        Note::LooksLikePort(port) => {
            let bare = written.rsplit_once(':').map_or("", |(bare, _)| bare).to_owned();
            Diagnostic::warning("no-brackets", span, format!("`{written}` is an address without a port"))
                .with_label(format!("for port {port} write `[{bare}]:{port}`"))
                .with_fix(Fix::replace(format!("write `[{bare}]:{port}`"), span, format!("[{bare}]:{port}")))
        }
    });
}

/// The error of an address that is refused.
pub(super) fn bad_address(
    what: &str,
    text: &[u8],
    trouble: Trouble<'_>,
    span: Span,
    protocol: Option<Protocol>,
    problems: &mut Problems<'_>,
) {
    let written = shown(text);
    let protocol = protocol.map_or_else(|| "its".to_owned(), |p| p.to_string());
    let (code, message, label): (&str, String, String) = match trouble {
        Trouble::Empty => ("bad-address", "an empty address".into(), "expected ADDRESS:PORT".into()),
        Trouble::NoPortAfterBrackets => {
            ("bad-address", format!("`{written}` has no port"), "expected `:PORT` behind the bracket".into())
        }
        Trouble::NoClosingBracket => {
            ("bad-address", format!("`{written}` has no closing bracket"), "expected `[ADDRESS]:PORT`".into())
        }
        Trouble::Zone => {
            ("bad-address", format!("`{written}` has a zone"), "expected an address without `%INTERFACE`".into())
        }
        Trouble::EmptyPort => {
            ("bad-port", format!("`{written}` has no port behind the colon"), "expected a port".into())
        }
        Trouble::PortRange => {
            ("bad-port", format!("the port of `{written}` is out of range"), "expected 0 to 65535".into())
        }
        Trouble::UnknownService(name) => (
            "unknown-service",
            format!("`{}` is no known service of {protocol}", shown(name)),
            "expected a port number".into(),
        ),
        Trouble::ServiceTooEarly(name) => (
            "unknown-service",
            format!("`{}` cannot be looked up before the protocol is known", shown(name)),
            "expected a port number, or the service option first".into(),
        ),
        Trouble::OnlyDigits => ("bad-address", format!("`{written}` is no address"), "expected ADDRESS:PORT".into()),
        Trouble::UnknownHost(name) => {
            let name = shown(name);
            if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
                ("bad-address", format!("`{name}` is no address"), "expected four octets from 0 to 255".into())
            } else {
                ("unknown-host", format!("`{name}` is no known host"), "expected a numeric address".into())
            }
        }
    };
    let mut problem = Diagnostic::error(code, span, format!("{message} ({what})")).with_label(label);
    let ordinary = |service: &[u8]| match service {
        b"http" | b"www" => Some("80"),
        b"https" => Some("443"),
        b"domain" => Some("53"),
        b"ssh" => Some("22"),
        b"smtp" => Some("25"),
        _ => None,
    };
    match trouble {
        Trouble::UnknownHost(name) if name.starts_with(b"$") => {
            problem = problem.with_help("this is a variable of a shell script");
        }
        Trouble::UnknownHost(_) if code == "unknown-host" => {
            problem = problem.with_help("a file saved without `-n` needs the same names wherever it is read");
        }
        Trouble::UnknownService(name) => {
            if let Some(port) = ordinary(name) {
                problem = problem.with_help(format!("`{}` is usually {port}", shown(name)));
            }
        }
        Trouble::NoPortAfterBrackets => {
            problem = problem.with_help("without brackets the address is taken with port 0");
        }
        _ => {}
    }
    problems.error(Outcome::Refused, problem);
}
