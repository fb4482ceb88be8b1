//! Which client belongs to which real server: the kernel's persistence templates, for services with a persistence timeout.
//!
//! A client network is bound to the real server of its first connection; each new connection starts the timeout again. As in the kernel
//! a real server with weight 0 keeps the clients that it has. One thing differs: while connections of the client are open the
//! binding never ends (the kernel looks every 60 seconds).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lvs_model::{Netmask, Persistence};
use lvs_sched::Connection;
use lvs_sched::algo::Flow;
use lvs_sched::pool::Template;

/// After so many new clients those that were forgotten are swept out.
const SWEEP: usize = 1024;

/// The bindings of one service.
#[derive(Debug)]
pub(crate) struct Templates<T> {
    timeout: Duration,
    netmask: Netmask,
    clients: HashMap<IpAddr, Client<T>>,
    until_sweep: usize,
}

#[derive(Debug)]
struct Client<T> {
    template: Template<T>,
    until: Duration,
    open: Binding,
}

/// Held by each open connection of a client.
pub(crate) type Binding = Arc<()>;

impl<T> Client<T> {
    fn holds(&self, now: Duration) -> bool {
        now < self.until || Arc::strong_count(&self.open) > 1
    }

    fn prolong(&mut self, until: Duration) -> Binding {
        self.until = until;
        Arc::clone(&self.open)
    }
}

impl<T> Templates<T> {
    pub(crate) fn new(persistence: &Persistence) -> Self {
        let timeout = Duration::from_secs(persistence.timeout.seconds().into());
        Self { timeout, netmask: persistence.netmask, clients: HashMap::new(), until_sweep: SWEEP }
    }

    /// A connection to the real server that the client is bound to, which starts the timeout again.
    pub(crate) fn connect(&mut self, flow: &Flow) -> Option<(Connection<T>, Binding)> {
        let client = self.clients.get_mut(&self.netmask.network(flow.client.addr))?;
        if !client.holds(flow.now) {
            return None;
        }
        let connection = client.template.connect(flow)?;
        Some((connection, client.prolong(flow.now + self.timeout)))
    }

    /// Binds the client to the real server of this connection; `None` if that was removed since.
    pub(crate) fn bind(&mut self, flow: &Flow, connection: &Connection<T>) -> Option<Binding> {
        let until = flow.now + self.timeout;
        let network = self.netmask.network(flow.client.addr);
        if let Some(client) = self.clients.get_mut(&network).filter(|client| client.template.id() == connection.id()) {
            return Some(client.prolong(until));
        }
        let mut client = Client { template: connection.template()?, until, open: Arc::new(()) };
        let binding = client.prolong(until);
        if self.clients.insert(network, client).is_none() {
            self.make_room(flow.now);
        }
        Some(binding)
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
    use lvs_model::{Destination, Endpoint, Family, PersistenceTimeout, SchedulerName, Weight};
    use lvs_sched::Pool;

    fn destination(port: u16) -> Destination {
        Destination::new(Endpoint::new(IpAddr::from([192, 0, 2, 1]), port))
    }

    /// A pool of two real servers.
    fn two() -> Pool<()> {
        let pool = Pool::named(SchedulerName::Rr).expect("a scheduler of the kernel");
        for port in [1, 2] {
            pool.add(destination(port), ()).expect("the ports differ");
        }
        pool
    }

    fn templates(netmask: Option<Netmask>) -> Templates<()> {
        let timeout = PersistenceTimeout::new(10).expect("a timeout");
        let mut persistence = Persistence::new(timeout, Family::Inet);
        persistence.netmask = netmask.unwrap_or(persistence.netmask);
        Templates::new(&persistence)
    }

    fn flow(client: [u8; 4], seconds: u64) -> Flow {
        let address = |ip: [u8; 4]| std::net::SocketAddr::from((ip, 80));
        Flow::tcp(address(client), address([192, 0, 2, 9])).at(Duration::from_secs(seconds))
    }

    const CLIENT: [u8; 4] = [198, 51, 100, 1];

    /// The port of the real server that the client is bound to.
    fn bound(it: &mut Templates<()>, flow: &Flow) -> Option<u16> {
        it.connect(flow).map(|(connection, _)| connection.endpoint().port)
    }

    #[test]
    fn each_connection_starts_the_timeout_again() {
        let (pool, mut it) = (two(), templates(None));
        assert_eq!(bound(&mut it, &flow(CLIENT, 0)), None);
        let first = pool.picker().connect(&flow(CLIENT, 0)).expect("two are up");
        drop(it.bind(&flow(CLIENT, 0), &first));
        let port = first.endpoint().port;
        assert_eq!(bound(&mut it, &flow(CLIENT, 9)), Some(port));
        assert_eq!(bound(&mut it, &flow(CLIENT, 18)), Some(port));
        assert_eq!(bound(&mut it, &flow(CLIENT, 28)), None);
        assert_eq!(bound(&mut it, &flow([198, 51, 100, 2], 9)), None);
    }

    #[test]
    fn an_open_connection_keeps_the_binding() {
        let (pool, mut it) = (two(), templates(None));
        let mut picker = pool.picker();
        let first = picker.connect(&flow(CLIENT, 0)).expect("two are up");
        let open = it.bind(&flow(CLIENT, 0), &first);
        assert_eq!(bound(&mut it, &flow(CLIENT, 1000)), Some(first.endpoint().port));
        drop(open);
        assert_eq!(bound(&mut it, &flow(CLIENT, 2000)), None);
        let other = picker.retry(&flow(CLIENT, 2000), &[first.id()]).expect("two are up");
        drop(it.bind(&flow(CLIENT, 2000), &other));
        assert_eq!(bound(&mut it, &flow(CLIENT, 2009)), Some(other.endpoint().port));
    }

    #[test]
    fn a_quiesced_server_keeps_its_clients_and_a_removed_one_does_not() {
        let (pool, mut it) = (two(), templates(None));
        let first = pool.picker().connect(&flow(CLIENT, 0)).expect("two are up");
        drop(it.bind(&flow(CLIENT, 0), &first));
        let port = first.endpoint().port;
        assert_eq!(pool.destinations().iter().map(|member| member.counts().persistent).sum::<u32>(), 1);
        pool.update(destination(port).with_weight(Weight::ZERO)).expect("it is there");
        assert_eq!(bound(&mut it, &flow(CLIENT, 1)), Some(port));
        pool.remove(destination(port).endpoint).expect("it is there");
        assert_eq!(bound(&mut it, &flow(CLIENT, 2)), None);
    }

    #[test]
    fn clients_of_one_network_share_a_binding() {
        let (pool, mut it) = (two(), templates(Some(Netmask::Inet([255, 255, 255, 0].into()))));
        let first = pool.picker().connect(&flow(CLIENT, 0)).expect("two are up");
        drop(it.bind(&flow(CLIENT, 0), &first));
        assert_eq!(bound(&mut it, &flow([198, 51, 100, 77], 1)), Some(first.endpoint().port));
        assert_eq!(bound(&mut it, &flow([198, 51, 101, 1], 1)), None);
    }

    #[test]
    fn forgotten_clients_take_no_room() {
        let (pool, mut it) = (two(), templates(None));
        let mut picker = pool.picker();
        for number in 0..10_000_u32 {
            let flow = flow(number.to_be_bytes(), number.into());
            let connection = picker.connect(&flow).expect("two are up");
            drop(it.bind(&flow, &connection));
        }
        assert!(it.clients.len() <= 2 * SWEEP, "{}", it.clients.len());
    }
}
