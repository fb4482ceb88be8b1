//! Which destinations a service has now, given which of its real servers are up: keepalived's rules of failure, quorum and
//! sorry server, as a function of reports.

use lvs_model::{Destination, Service, Weight};

use crate::check::Health;
use crate::setup::{Member, OnFailure, RealServer, TcpCheck, VirtualService};

/// The health of the real servers of one service.
#[derive(Debug)]
pub(crate) struct Availability {
    setup: VirtualService,
    /// For each real server the number of its checks that fail.
    failing: Vec<usize>,
    quorum: Quorum,
}

/// Whether enough servers are up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    Held,
    Lost,
}

impl Availability {
    pub(crate) fn new(setup: VirtualService) -> Self {
        let starts_down =
            |checks: &[TcpCheck]| checks.iter().filter(|check| check.timing.start == Health::Down).count();
        let failing = setup.real_servers.iter().map(|server| starts_down(&server.checks)).collect();
        let mut availability = Self { setup, failing, quorum: Quorum::Held };
        availability.settle();
        availability
    }

    pub(crate) fn setup(&self) -> &VirtualService {
        &self.setup
    }

    /// Takes the report that one check of a real server changed. Gives the health of the server, when that changed with it.
    pub(crate) fn report(&mut self, real_server: usize, health: Health) -> Option<Health> {
        let failing = self.failing.get_mut(real_server)?;
        let before = *failing;
        *failing = match health {
            Health::Up => before.saturating_sub(1),
            Health::Down => before + 1,
        };
        let changed = (before == 0) != (*failing == 0);
        self.settle();
        changed.then_some(health)
    }

    fn settle(&mut self) {
        let live = |(server, failing): (&RealServer, &usize)| match failing {
            0 => u64::from(server.weight.get()),
            _ => 0,
        };
        let sum: u64 = self.setup.real_servers.iter().zip(&self.failing).map(live).sum();
        let (quorum, hysteresis) = (u64::from(self.setup.quorum), u64::from(self.setup.hysteresis));
        self.quorum = match self.quorum {
            Quorum::Held if sum == 0 || sum < quorum.saturating_sub(hysteresis) => Quorum::Lost,
            Quorum::Lost if sum > 0 && sum >= quorum + hysteresis => Quorum::Held,
            same => same,
        };
    }

    /// The services with the destinations that they have now, in the order in which they are added.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&Service, Vec<Destination>)> {
        self.setup.members.iter().map(|member| (&member.service, self.destinations(member)))
    }

    fn destinations(&self, member: &Member) -> Vec<Destination> {
        let lost = self.quorum == Quorum::Lost;
        // Without a sorry server the servers that are left go on, although they are too few.
        let sorry = member.sorry_destination.is_some() && lost;
        let mut destinations = Vec::new();
        for ((server, failing), destination) in
            self.setup.real_servers.iter().zip(&self.failing).zip(&member.destinations)
        {
            match server.on_failure {
                _ if *failing == 0 && !sorry => destinations.push(*destination),
                OnFailure::Quiesce => destinations.push(destination.with_weight(Weight::ZERO)),
                OnFailure::Remove => {}
            }
        }
        if let (Some(server), Some(destination)) = (self.setup.sorry_server, member.sorry_destination) {
            let listed = destinations.iter_mut().find(|listed| listed.endpoint == destination.endpoint);
            match (listed, sorry, server.otherwise) {
                // The sorry server may be one of the real servers: its place in the list is kept.
                (Some(listed), true, _) => listed.weight = Weight::ONE,
                (None, true, _) => destinations.push(destination.with_weight(Weight::ONE)),
                (None, false, OnFailure::Quiesce) => destinations.push(destination.with_weight(Weight::ZERO)),
                (Some(_), false, _) | (None, false, OnFailure::Remove) => {}
            }
        }
        destinations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Timing;
    use crate::setup::SorryServer;
    use lvs_model::{Endpoint, SchedulerName, ServiceKey};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn endpoint(last: u8) -> Endpoint {
        Endpoint::new(Ipv4Addr::new(10, 0, 0, last).into(), 80)
    }

    fn server(last: u8, weight: u16, on_failure: OnFailure) -> RealServer {
        let second = Duration::from_secs(1);
        let timing =
            Timing { delay_loop: second, retry: 0, delay_before_retry: second, warmup: second, start: Health::Up };
        let target = endpoint(last).socket_addr();
        RealServer {
            endpoint: endpoint(last),
            weight: weight.into(),
            on_failure,
            checks: vec![TcpCheck { target, source: None, interface: None, connect_timeout: second, timing }],
            connect_timeout: second,
        }
    }

    fn availability(servers: Vec<RealServer>, quorum: u32, hysteresis: u32, sorry: Option<OnFailure>) -> Availability {
        let destinations =
            servers.iter().map(|server| Destination::new(server.endpoint).with_weight(server.weight)).collect();
        let member = Member {
            service: Service::new(ServiceKey::tcp(endpoint(100)), SchedulerName::Wrr),
            destinations,
            sorry_destination: sorry.map(|_| Destination::new(endpoint(9))),
        };
        Availability::new(VirtualService {
            members: vec![member],
            real_servers: servers,
            sorry_server: sorry.map(|otherwise| SorryServer { otherwise }),
            quorum,
            hysteresis,
        })
    }

    /// The last byte of each destination's address and its weight.
    fn seen(availability: &Availability) -> Vec<(u8, u32)> {
        let last = |d: &Destination| match d.endpoint.addr {
            std::net::IpAddr::V4(addr) => addr.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        };
        availability.services().flat_map(|(_, list)| list).map(|d| (last(&d), d.weight.get())).collect()
    }

    #[test]
    fn a_server_that_is_down_is_removed_or_quiesced() {
        let servers = vec![server(1, 3, OnFailure::Remove), server(2, 2, OnFailure::Quiesce)];
        let mut it = availability(servers, 1, 0, None);
        assert_eq!(seen(&it), [(1, 3), (2, 2)]);
        assert_eq!(it.report(0, Health::Down), Some(Health::Down));
        assert_eq!(it.report(1, Health::Down), Some(Health::Down));
        assert_eq!(seen(&it), [(2, 0)]);
        assert_eq!(it.report(1, Health::Up), Some(Health::Up));
        assert_eq!(it.report(0, Health::Up), Some(Health::Up));
        assert_eq!(seen(&it), [(1, 3), (2, 2)]);
        assert_eq!(it.report(7, Health::Down), None);
    }

    #[test]
    fn a_server_is_up_when_all_its_checks_are() {
        let mut it = availability(vec![server(1, 3, OnFailure::Quiesce)], 1, 0, None);
        assert_eq!(it.report(0, Health::Down), Some(Health::Down));
        assert_eq!(it.report(0, Health::Down), None);
        assert_eq!(it.report(0, Health::Up), None);
        assert_eq!(seen(&it), [(1, 0)]);
        assert_eq!(it.report(0, Health::Up), Some(Health::Up));
        assert_eq!(seen(&it), [(1, 3)]);
    }

    #[test]
    fn servers_with_alpha_are_held_back_until_they_pass() {
        let mut held_back = server(1, 3, OnFailure::Remove);
        held_back.checks[0].timing.start = Health::Down;
        let mut it = availability(vec![held_back, server(2, 1, OnFailure::Remove)], 1, 0, None);
        assert_eq!(seen(&it), [(2, 1)]);
        assert_eq!(it.report(0, Health::Up), Some(Health::Up));
        assert_eq!(seen(&it), [(1, 3), (2, 1)]);
    }

    #[test]
    fn the_sorry_server_comes_with_the_loss_of_the_quorum_and_goes_with_its_return() {
        let servers =
            vec![server(1, 2, OnFailure::Remove), server(2, 2, OnFailure::Quiesce), server(3, 2, OnFailure::Remove)];
        let mut it = availability(servers, 4, 1, Some(OnFailure::Remove));
        it.report(0, Health::Down);
        assert_eq!(seen(&it), [(2, 2), (3, 2)], "4 is not below 4 - 1");
        it.report(2, Health::Down);
        assert_eq!(seen(&it), [(2, 0), (9, 1)], "2 is");
        it.report(2, Health::Up);
        assert_eq!(seen(&it), [(2, 0), (9, 1)], "4 is not yet 4 + 1");
        it.report(0, Health::Up);
        assert_eq!(seen(&it), [(1, 2), (2, 2), (3, 2)], "6 is");
    }

    #[test]
    fn an_inhibited_sorry_server_waits_with_weight_0() {
        let mut it = availability(vec![server(1, 1, OnFailure::Remove)], 1, 0, Some(OnFailure::Quiesce));
        assert_eq!(seen(&it), [(1, 1), (9, 0)]);
        it.report(0, Health::Down);
        assert_eq!(seen(&it), [(9, 1)]);
    }

    #[test]
    fn the_servers_that_are_left_go_on_without_a_sorry_server() {
        let mut it = availability(vec![server(1, 1, OnFailure::Remove), server(2, 1, OnFailure::Remove)], 2, 0, None);
        it.report(0, Health::Down);
        assert_eq!(seen(&it), [(2, 1)]);
    }

    #[test]
    fn a_sorry_server_that_is_a_real_server_is_listed_once() {
        let mut it = availability(
            vec![server(1, 4, OnFailure::Remove), server(9, 5, OnFailure::Quiesce)],
            6,
            0,
            Some(OnFailure::Quiesce),
        );
        assert_eq!(seen(&it), [(1, 4), (9, 5)]);
        it.report(0, Health::Down);
        assert_eq!(seen(&it), [(9, 1)]);
    }
}
