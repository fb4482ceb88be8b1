//! This finds the service that a new connection belongs to.

use lvs_model::{Endpoint, Fwmark, Protocol, ServiceKey};

use super::Director;
use crate::algo::Draws;

pub(super) const FTP: u16 = 21;
pub(super) const FTP_DATA: u16 = 20;

impl<D: Draws> Director<D> {
    /// The first of: the service of the mark; of the exact address and port; the FTP service of the address, for ports that
    /// FTP data may use; the service of any port of the address.
    pub(super) fn lookup(&self, protocol: Protocol, target: Endpoint, mark: Option<Fwmark>) -> Option<u32> {
        if let Some(mark) = mark
            && let Some(&service) = self.index.get(&ServiceKey::fwmark(target.family(), mark))
        {
            return Some(service);
        }
        let of_port = |port| {
            let endpoint = Endpoint::new(target.addr, port);
            self.index.get(&ServiceKey::Socket { protocol, endpoint }).copied()
        };
        let may_be_ftp_data = protocol == Protocol::TCP
            && (target.port == FTP_DATA || self.sysctls.unprivileged_ports.contains(target.port));
        of_port(target.port).or_else(|| may_be_ftp_data.then(|| of_port(FTP)).flatten()).or_else(|| of_port(0))
    }
}
