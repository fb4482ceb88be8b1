//! Names of hosts and services, looked up by whoever embeds this crate.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use lvs_model::Protocol;

/// This answers what the name of a host or of a service means, and what an address or a port is called.
///
/// This crate never asks the network or the file system by itself. [`NoNames`] knows nothing, so that only numbers are
/// read and printed; [`NameTable`](super::NameTable) answers from the text of `/etc/hosts` and `/etc/services`.
///
/// `ipvsadm` looks hosts up with `gethostbyname`, so IPv4 only, and takes the first address.
pub trait Resolver {
    /// This is the first IPv4 address of a host.
    fn address(&self, host: &str) -> Option<Ipv4Addr>;

    /// This is the port of a service such as `http`; names are spelt exactly.
    fn port(&self, service: &str, protocol: Protocol) -> Option<u16>;

    /// This is the name of a host.
    fn host_name(&self, addr: IpAddr) -> Option<Cow<'_, str>>;

    /// This is the name of a service.
    fn service_name(&self, port: u16, protocol: Protocol) -> Option<Cow<'_, str>>;
}

/// This is the [`Resolver`] that knows no name: the `-n` of `ipvsadm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to add to nothing")]
pub struct NoNames;

impl Resolver for NoNames {
    fn address(&self, _host: &str) -> Option<Ipv4Addr> {
        None
    }

    fn port(&self, _service: &str, _protocol: Protocol) -> Option<u16> {
        None
    }

    fn host_name(&self, _addr: IpAddr) -> Option<Cow<'_, str>> {
        None
    }

    fn service_name(&self, _port: u16, _protocol: Protocol) -> Option<Cow<'_, str>> {
        None
    }
}

impl<R: Resolver + ?Sized> Resolver for &R {
    fn address(&self, host: &str) -> Option<Ipv4Addr> {
        (**self).address(host)
    }

    fn port(&self, service: &str, protocol: Protocol) -> Option<u16> {
        (**self).port(service, protocol)
    }

    fn host_name(&self, addr: IpAddr) -> Option<Cow<'_, str>> {
        (**self).host_name(addr)
    }

    fn service_name(&self, port: u16, protocol: Protocol) -> Option<Cow<'_, str>> {
        (**self).service_name(port, protocol)
    }
}
