//! What ends the program early: one sentence that says what is wrong and what to do, and an exit status.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// The exit status when the configuration is wrong, as with a wrong command line.
const INPUT: u8 = 2;

/// A message for a person and the exit status that goes with it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u8,
    message: String,
}

impl Failure {
    /// The configuration is wrong; the message says where.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { status: INPUT, message: message.into() }
    }

    /// Whether the configuration is what is wrong, so that nothing was begun.
    pub(crate) fn is_of_input(&self) -> bool {
        self.status == INPUT
    }

    /// Something did not work.
    pub(crate) fn run(message: impl Into<String>) -> Self {
        Self { status: 1, message: format!("error: {}", message.into()) }
    }

    /// A port could not be opened.
    pub(crate) fn listen(address: SocketAddr, error: io::Error) -> Self {
        Self::run(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "cannot listen on {address}: another program uses this port; stop it, or choose another port in the \
                 configuration (in the demonstration: --port)"
            ),
            io::ErrorKind::PermissionDenied => {
                format!("cannot listen on {address}: no permission; run director as root, or take a port from 1024 on")
            }
            io::ErrorKind::AddrNotAvailable => format!(
                "cannot listen on {address}: no interface of this machine has this address; add it with \
                 `ip address add {}/{} dev lo`, or choose another one",
                address.ip(),
                if address.is_ipv4() { 32 } else { 128 }
            ),
            _ => format!("cannot listen on {address}: {error}"),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_missing_comes_with_the_command_that_adds_it_and_no_other() {
        for (address, command) in [
            ("192.0.2.1:80", "ip address add 192.0.2.1/32 dev lo"),
            ("[2001:db8::1]:80", "ip address add 2001:db8::1/128 dev lo"),
        ] {
            let address = address.parse().expect("an address");
            let text = Failure::listen(address, io::ErrorKind::AddrNotAvailable.into()).to_string();
            assert!(text.contains(&format!("`{command}`")), "{text}");
        }
    }
}
