//! Which client belongs to which real server: the kernel's persistence templates, for services with a persistence timeout.
//!
//! A client network is bound to the real server of its first connection; each new connection starts the timeout again. Two things differ from
//! the kernel: while connections of the client are open the binding never ends (the kernel looks every 60 seconds), and a
//! real server with weight 0 gets no clients, bound or not (the kernel's `expire_quiescent_template`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lvs_model::{Netmask, Persistence};
use lvs_sched::algo::DestinationId;

/// After so many new clients those that were forgotten are swept out.
const SWEEP: usize = 1024;

/// The bindings of one service. Time is that since any moment of the caller's choice.
#[derive(Debug)]
pub(crate) struct Templates {
    timeout: Duration,
    netmask: Netmask,
    clients: HashMap<IpAddr, Template>,
    until_sweep: usize,
}

#[derive(Debug)]
struct Template {
    real_server: DestinationId,
    until: Duration,
    open: Binding,
}

/// Held by each open connection of a client.
pub(crate) type Binding = Arc<()>;

impl Template {
    fn holds(&self, now: Duration) -> bool {
        now < self.until || Arc::strong_count(&self.open) > 1
    }
}

impl Templates {
    pub(crate) fn new(persistence: &Persistence) -> Self {
        let timeout = Duration::from_secs(persistence.timeout.seconds().into());
        Self { timeout, netmask: persistence.netmask, clients: HashMap::new(), until_sweep: SWEEP }
    }

    /// The real server that the client is bound to.
    pub(crate) fn find(&self, client: IpAddr, now: Duration) -> Option<DestinationId> {
        let template = self.clients.get(&self.netmask.network(client))?;
        template.holds(now).then_some(template.real_server)
    }

    /// Binds the client to the real server of its new connection, or starts the timeout again.
    pub(crate) fn bind(&mut self, client: IpAddr, real_server: DestinationId, now: Duration) -> Binding {
        let until = now + self.timeout;
        let network = self.netmask.network(client);
        if !self.clients.contains_key(&network) {
            self.make_room(now);
        }
        let template =
            self.clients.entry(network).or_insert_with(|| Template { real_server, until, open: Arc::new(()) });
        if template.real_server != real_server {
            *template = Template { real_server, until, open: Arc::new(()) };
        }
        template.until = until;
        Arc::clone(&template.open)
    }

    fn make_room(&mut self, now: Duration) {
        self.until_sweep -= 1;
        if self.until_sweep == 0 {
            self.clients.retain(|_, template| template.holds(now));
            // As many as there are: then a sweep costs a constant per new client.
            self.until_sweep = self.clients.len().max(SWEEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvs_model::{Destination, Family, PersistenceTimeout};
    use lvs_sched::Pool;

    /// Names of two destinations.
    fn two() -> (DestinationId, DestinationId) {
        let pool = Pool::named(lvs_model::SchedulerName::Rr).expect("a scheduler of the kernel");
        for port in [1, 2] {
            let endpoint = lvs_model::Endpoint::new(IpAddr::from([192, 0, 2, 1]), port);
            pool.add(Destination::new(endpoint), ()).expect("the ports differ");
        }
        let members = pool.destinations();
        (members[0].id(), members[1].id())
    }

    fn templates(seconds: u32, netmask: Option<Netmask>) -> Templates {
        let timeout = PersistenceTimeout::new(seconds).expect("a timeout");
        let mut persistence = Persistence::new(timeout, Family::Inet);
        persistence.netmask = netmask.unwrap_or(persistence.netmask);
        Templates::new(&persistence)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_connection_starts_the_timeout_again() {
        let (one, _) = two();
        let mut it = templates(10, None);
        let client = IpAddr::from([198, 51, 100, 1]);
        assert_eq!(it.find(client, at(0)), None);
        drop(it.bind(client, one, at(0)));
        drop(it.bind(client, one, at(9)));
        assert_eq!(it.find(client, at(18)), Some(one));
        assert_eq!(it.find(client, at(19)), None);
        assert_eq!(it.find(IpAddr::from([198, 51, 100, 2]), at(9)), None);
    }

    #[test]
    fn an_open_connection_keeps_the_binding() {
        let (one, other) = two();
        let mut it = templates(10, None);
        let client = IpAddr::from([198, 51, 100, 1]);
        let open = it.bind(client, one, at(0));
        assert_eq!(it.find(client, at(1000)), Some(one));
        drop(open);
        assert_eq!(it.find(client, at(1000)), None);
        drop(it.bind(client, other, at(1000)));
        assert_eq!(it.find(client, at(1009)), Some(other));
    }

    #[test]
    fn clients_of_one_network_share_a_binding() {
        let (one, _) = two();
        let mut it = templates(10, Some(Netmask::Inet([255, 255, 255, 0].into())));
        drop(it.bind(IpAddr::from([198, 51, 100, 1]), one, at(0)));
        assert_eq!(it.find(IpAddr::from([198, 51, 100, 77]), at(1)), Some(one));
        assert_eq!(it.find(IpAddr::from([198, 51, 101, 1]), at(1)), None);
    }

    #[test]
    fn forgotten_clients_take_no_room() {
        let (one, _) = two();
        let mut it = templates(10, None);
        for number in 0..10_000_u32 {
            drop(it.bind(IpAddr::from(number.to_be_bytes()), one, at(number.into())));
        }
        assert!(it.clients.len() <= 2 * SWEEP, "{}", it.clients.len());
    }
}
