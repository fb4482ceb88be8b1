//! This keeps clients where they were: persistence templates.

use lvs_model::{Endpoint, ServiceKey};

use super::Director;
use super::entry::{Entry, Key, METHOD, SCTP, TCP, TEMPLATE, UDP};
use super::lookup::FTP;
use super::packet::{Packet, Segment};
use super::sysctls::QuiescentTemplates;
use super::traffic::Placement;
use crate::algo::{Draws, Load, Scheduled};

/// No service and no packet is asked to have this port; what an invalid template is renamed to.
const NOWHERE: u16 = 0xffff;

impl<D: Draws> Director<D> {
    /// Places a connection of a persistent service: where the client's template says, else where the scheduler says, with a new
    /// template.
    ///
    /// | service | what shares a template (besides the client's network) |
    /// |---|---|
    /// | of one port | protocol, address, port |
    /// | FTP (port 21) and its data ports | protocol, address |
    /// | of any port (port 0) | protocol, address |
    /// | of a firewall mark | the mark |
    pub(super) fn place_persistent(&mut self, id: u32, packet: &Packet) -> Option<Placement> {
        let target = packet.destination;
        let service = &self.services.get(id as usize)?.as_ref()?.service;
        let persistence = service.persistence()?;
        let network = persistence.netmask.network(packet.source.addr);
        let timeout = persistence.timeout.seconds();
        let own_port = service.key().endpoint().map_or(0, |endpoint| endpoint.port) == target.port;
        let of_one_port = own_port && target.port != FTP;
        let key = match *service.key() {
            ServiceKey::Fwmark { mark, .. } => Key::marked_template(network, mark),
            ServiceKey::Socket { .. } => {
                let protocol = match packet.segment {
                    Segment::Tcp(_) => TCP,
                    Segment::Sctp(_) => SCTP,
                    _ => UDP,
                };
                let port = if of_one_port { target.port } else { 0 };
                Key::template(protocol, network, Endpoint::new(target.addr, port))
            }
        };
        let template = match self.table.find(&key).filter(|&template| self.is_valid(template)) {
            Some(template) => template,
            None => {
                let server = self.pick(id, packet)?;
                self.remember(key, server, timeout, of_one_port)
            }
        };
        let server = self.table.at(template).destination;
        let to = self.servers.at(server)?.destination.endpoint.port;
        let port = if own_port && to != 0 { to } else { target.port };
        Some(Placement { server, port, template })
    }

    /// Whether a template still says where its clients go. One that does not is renamed so that it is not found again, but
    /// lives on, and is counted, until its time is over.
    fn is_valid(&mut self, id: u32) -> bool {
        let valid = self.server_of(id).is_some_and(|server| {
            let quiescent = server.destination.weight.get() == 0;
            let expires = self.sysctls.expire_quiescent_template == QuiescentTemplates::Expire;
            server.available && !(quiescent && expires)
        });
        if !valid && self.table.at(id).service_port != NOWHERE {
            self.table.at_mut(id).destination_port = NOWHERE;
            self.table.rename(id, 0, NOWHERE);
        }
        valid
    }

    /// Makes a template.
    fn remember(&mut self, key: Key, number: u32, timeout: u32, of_one_port: bool) -> u32 {
        let mut entry = Entry::new(&key);
        if let Some(server) = self.servers.at(number) {
            entry.flags |= server.destination.forwarding.number() as u16 & METHOD;
            entry.destination_port = if of_one_port { server.destination.endpoint.port } else { 0 };
        }
        debug_assert!(entry.has(TEMPLATE), "made with the key of a template");
        entry.destination = number;
        entry.timeout = timeout;
        self.load(number, 1, Scheduled::bind_template, Load::bind_template);
        self.table.insert(entry)
    }
}
