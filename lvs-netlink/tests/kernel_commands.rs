//! Every command against the real kernel, one at a time, with what the real `ipvsadm` says afterwards.

#[path = "lab/inside.rs"]
mod inside;
mod lab;

use std::num::NonZeroU16;
use std::ops::ControlFlow;

use inside::inside;
use lab::Namespace;
use lvs_model::{
    Change, Destination, Endpoint, Family, Forwarding, Fwmark, InterfaceName, MulticastGroup, OnePacket, Persistence,
    PersistenceTimeout, ProtocolTimeout, SchedulerFlags, SchedulerName, Service, ServiceKey, SyncDaemon, SyncId,
    SyncRole, Table, Thresholds, Timeouts, TimeoutsUpdate, Tunnel, TunnelFlags, Weight,
};
use lvs_netlink::sync::Snapshot;
use lvs_netlink::wire::Request;
use lvs_netlink::{Acknowledgement, Client, Errno, Error, ErrorKind, GivenDescriptor, Operation, Upserted};

fn key(text: &str) -> ServiceKey {
    ServiceKey::tcp(text.parse::<Endpoint>().unwrap())
}

fn web() -> Service {
    Service::new(key("10.9.0.1:80"), SchedulerName::Wrr)
}

fn destination(text: &str) -> Destination {
    Destination::new(text.parse().unwrap())
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    let error = result.unwrap_err();
    println!("{error}");
    error_kind(&error)
}

/// Errors are not `Clone`; tests compare those kinds that hold nothing of importance.
fn error_kind(error: &Error) -> ErrorKind {
    match error.kind() {
        ErrorKind::ServiceExists => ErrorKind::ServiceExists,
        ErrorKind::ServiceMissing => ErrorKind::ServiceMissing,
        ErrorKind::DestinationExists => ErrorKind::DestinationExists,
        ErrorKind::DestinationMissing => ErrorKind::DestinationMissing,
        ErrorKind::DaemonExists => ErrorKind::DaemonExists,
        ErrorKind::DaemonMissing => ErrorKind::DaemonMissing,
        ErrorKind::SchedulerOrEngineMissing => ErrorKind::SchedulerOrEngineMissing,
        ErrorKind::InterfaceMissing => ErrorKind::InterfaceMissing,
        ErrorKind::Invalid(likely) => ErrorKind::Invalid(likely),
        ErrorKind::OutOfRange => ErrorKind::OutOfRange,
        ErrorKind::AnswersLost => ErrorKind::AnswersLost,
        other => panic!("{other:?}"),
    }
}

macro_rules! fails {
    ($result:expr, $kind:pat) => {{
        let kind = kind($result);
        assert!(matches!(kind, $kind), "{kind:?}");
    }};
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn services_are_added_edited_upserted_and_removed() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    assert_eq!(client.list().unwrap(), []);
    fails!(client.service(web().key()), ErrorKind::ServiceMissing);
    fails!(client.edit_service(&web()), ErrorKind::ServiceMissing);
    fails!(client.remove_service(web().key()), ErrorKind::ServiceMissing);

    client.add_service(&web()).unwrap();
    fails!(client.add_service(&web()), ErrorKind::ServiceExists);
    let sticky = web().with_scheduler(SchedulerName::Sh).with_flags(SchedulerFlags::PORT);
    let sticky =
        sticky.with_persistence(Persistence::new(PersistenceTimeout::new(300).unwrap(), Family::Inet)).unwrap();
    client.edit_service(&sticky).unwrap();
    assert_eq!(client.service(web().key()).unwrap().service, sticky);
    assert_eq!(namespace.exec("ipvsadm -Sn"), "-A -t 10.9.0.1:80 -s sh -p 300 -b sh-port\n");

    assert_eq!(client.upsert_service(&web()).unwrap(), Upserted::Edited);
    let other = Service::new(ServiceKey::fwmark(Family::Inet6, Fwmark::new(7).unwrap()), SchedulerName::None);
    assert_eq!(client.upsert_service(&other).unwrap(), Upserted::Added);
    let unknown = Service::new(key("10.9.0.1:81"), "nosuch".parse().unwrap());
    fails!(client.add_service(&unknown), ErrorKind::SchedulerOrEngineMissing);
    assert_eq!(client.services().unwrap().len(), 2);
    client.remove_service(web().key()).unwrap();
    assert_eq!(client.services().unwrap()[0].service, other);
    client.flush().unwrap();
    assert_eq!(client.list().unwrap(), []);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn one_flag_is_edited_without_the_others() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let service = Service::new(key("10.9.0.1:80"), SchedulerName::Mh).with_flags(SchedulerFlags::PORT);
    let service =
        service.with_persistence(Persistence::new(PersistenceTimeout::new(300).unwrap(), Family::Inet)).unwrap();
    client.add_service(&service).unwrap();
    client.edit_service_flags(service.key(), SchedulerFlags::FALLBACK, SchedulerFlags::EMPTY).unwrap();
    let both = SchedulerFlags::FALLBACK.union(SchedulerFlags::PORT);
    assert_eq!(client.service(service.key()).unwrap().service, service.clone().with_flags(both));
    client.edit_service_flags(service.key(), SchedulerFlags::EMPTY, SchedulerFlags::PORT).unwrap();
    let fallback = service.clone().with_flags(SchedulerFlags::FALLBACK);
    assert_eq!(client.service(service.key()).unwrap().service, fallback);
    assert_eq!(namespace.exec("ipvsadm -Sn"), "-A -t 10.9.0.1:80 -s mh -p 300 -b mh-fallback\n");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn destinations_are_added_edited_upserted_and_removed() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let (web, one) = (web(), destination("10.8.0.1:8080"));
    fails!(client.add_destination(web.key(), &one), ErrorKind::ServiceMissing);
    client.add_service(&web).unwrap();
    assert_eq!(client.destinations(web.key()).unwrap(), []);
    fails!(client.edit_destination(web.key(), &one), ErrorKind::DestinationMissing);
    fails!(client.remove_destination(web.key(), one.endpoint), ErrorKind::DestinationMissing);
    client.add_destination(web.key(), &one).unwrap();
    fails!(client.add_destination(web.key(), &one), ErrorKind::DestinationExists);

    let gue = Tunnel::from_raw(1, 6080, TunnelFlags::CSUM).unwrap();
    let tunnel = one.with_forwarding(Forwarding::Tunnel(gue)).with_thresholds(Thresholds::new(9, 4).unwrap());
    client.edit_destination(web.key(), &tunnel).unwrap();
    assert_eq!(client.destinations(web.key()).unwrap()[0].destination, tunnel);
    assert_eq!(client.set_weight(web.key(), one.endpoint, Weight::MAX).unwrap(), tunnel);
    assert_eq!(client.destinations(web.key()).unwrap()[0].destination, tunnel.with_weight(Weight::MAX));
    fails!(client.set_weight(web.key(), "10.8.0.9:1".parse().unwrap(), Weight::ONE), ErrorKind::DestinationMissing);

    let crossing = destination("[fd00::8]:80").with_forwarding(Forwarding::Tunnel(Tunnel::Ipip));
    assert_eq!(client.upsert_destination(web.key(), &crossing).unwrap(), Upserted::Added);
    assert_eq!(client.upsert_destination(web.key(), &one).unwrap(), Upserted::Edited);
    let listed: Vec<_> = client.destinations(web.key()).unwrap().iter().map(|status| status.destination).collect();
    assert_eq!(listed, [crossing, one]);
    client.remove_destination(web.key(), crossing.endpoint).unwrap();
    assert_eq!(namespace.exec("ipvsadm -Sn"), "-A -t 10.9.0.1:80 -s wrr\n-a -t 10.9.0.1:80 -r 10.8.0.1:8080 -m -w 1\n");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn what_the_kernel_calls_invalid_gets_advice() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let web = web();
    client.add_service(&web).unwrap();
    let v6 = Service::new(key("[fd00::1]:80"), SchedulerName::Rr);
    client.add_service(&v6).unwrap();
    let mut advice = |service: &Service, text: &str| {
        let error = client.add_destination(service.key(), &destination(text)).unwrap_err();
        assert_eq!(error.operation(), Operation::AddDestination);
        assert!(matches!(error.kind(), ErrorKind::Invalid(_)), "{error}");
        error.advice().unwrap()
    };
    assert!(advice(&web, "224.0.0.1:80").contains("unicast"));
    assert!(advice(&web, "255.255.255.255:80").contains("unicast"));
    assert!(advice(&web, "0.0.0.0:80").contains("unicast"));
    assert!(advice(&web, "[fd00::9]:80").contains("only tunnels"));
    assert!(advice(&v6, "[fe80::1]:80").contains("link-local"));
    assert!(advice(&v6, "10.8.0.1:80").contains("only tunnels"));

    let dark = Namespace::without_lo("dark");
    let mut client = dark.client();
    client.add_service(&web).unwrap();
    let error = client.add_destination(web.key(), &destination("10.8.0.1:80")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot add destination 10.8.0.1:80 of tcp 10.9.0.1:80: the kernel calls it invalid (EINVAL): is lo up in this \
         network namespace? without it (ip link set lo up) every IPv4 destination is invalid"
    );
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn timeouts_are_set_one_by_one() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    assert_eq!(client.timeouts().unwrap(), Timeouts::default());
    let seconds = |seconds| Some(ProtocolTimeout::new(seconds).unwrap());
    client.set_timeouts(&TimeoutsUpdate { tcp: seconds(901), tcp_fin: None, udp: seconds(301) }).unwrap();
    assert_eq!(client.timeouts().unwrap().to_string(), "901 120 301");
    assert!(namespace.exec("ipvsadm -L --timeout").contains("901 120 301"));
    namespace.exec("ipvsadm --set 0 122 0");
    assert_eq!(client.timeouts().unwrap().to_string(), "901 122 301");
    client.set_timeouts(&TimeoutsUpdate::default()).unwrap();
    assert_eq!(client.timeouts().unwrap().to_string(), "901 122 301");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn version_and_size_are_what_ipvsadm_prints() {
    let namespace = Namespace::new();
    let info = namespace.client().info().unwrap();
    let printed = format!("IP Virtual Server version {} (size={})", info.version, info.connection_table_size);
    assert_eq!(namespace.exec("ipvsadm -Ln").lines().next(), Some(printed.as_str()));
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn addresses_that_are_local_are_destinations_of_the_kernel_and_unicast_ones_of_a_snapshot() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let service = Service::new(key("[fd00::9]:80"), SchedulerName::Rr);
    client.add_service(&service).unwrap();
    let holds = |table: &Table, endpoint| table.get(service.key()).unwrap().destination(endpoint).is_some();
    for (address, unicast) in [("fe80::99", true), ("ff05::99", false)] {
        let destination = destination(&format!("[{address}]:80"));
        fails!(client.add_destination(service.key(), &destination), ErrorKind::Invalid(_));
        namespace.ip(&format!("-6 route add local {address} dev lo"));
        client.add_destination(service.key(), &destination).unwrap();
        assert!(holds(&client.table().unwrap(), destination.endpoint));
        let snapshot = Snapshot::read(&mut client).unwrap();
        assert_eq!(holds(&snapshot.table(), destination.endpoint), unicast);
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn sync_daemons_carry_all_their_options() {
    let namespace = Namespace::new();
    namespace.ip("link add dummy0 type dummy");
    namespace.ip("addr add 10.7.0.1/24 dev dummy0");
    namespace.ip("link set dummy0 up");
    let mut client = namespace.client();
    assert_eq!(client.daemons().unwrap(), []);
    let interface: InterfaceName = "dummy0".parse().unwrap();
    let mut master = SyncDaemon::new(SyncRole::Master, interface.clone());
    master.sync_id = SyncId::from(21);
    master.max_length = 1400.try_into().ok();
    master.group = Some(MulticastGroup::new("224.0.0.99".parse().unwrap()).unwrap());
    master.port = 9000.try_into().ok();
    master.ttl = 3.try_into().ok();
    client.start_daemon(&master).unwrap();
    fails!(client.start_daemon(&master), ErrorKind::DaemonExists);
    assert_eq!(client.daemons().unwrap(), [master.clone()]);
    let listed = namespace.exec("ipvsadm -L --daemon");
    for part in
        ["master sync daemon", "mcast=dummy0", "syncid=21", "maxlen=1400", "group=224.0.0.99", "port=9000", "ttl=3"]
    {
        assert!(listed.contains(part), "{part} in {listed}");
    }

    client.add_service(&web()).unwrap();
    let crossing = destination("[fd00::8]:80").with_forwarding(Forwarding::Tunnel(Tunnel::Ipip));
    let error = client.add_destination(web().key(), &crossing).unwrap_err();
    assert!(error.advice().unwrap().contains("while a sync daemon runs"), "{error}");
    client.stop_daemon(SyncRole::Master).unwrap();
    fails!(client.stop_daemon(SyncRole::Master), ErrorKind::DaemonMissing);
    client.add_destination(web().key(), &crossing).unwrap();
    fails!(client.start_daemon(&master), ErrorKind::Invalid(_));
    client.flush().unwrap();

    let nowhere = SyncDaemon::new(SyncRole::Backup, "nosuch0".parse().unwrap());
    fails!(client.start_daemon(&nowhere), ErrorKind::InterfaceMissing);
    client.start_daemon(&SyncDaemon::new(SyncRole::Backup, interface)).unwrap();
    let filled = client.daemons().unwrap();
    assert_eq!((filled[0].role, filled[0].port.map(u16::from)), (SyncRole::Backup, Some(8848)));
    assert_eq!(filled[0].group, Some(MulticastGroup::DEFAULT));
    client.stop_daemon(SyncRole::Backup).unwrap();
    assert_eq!(client.daemons().unwrap(), []);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_kernel_brings_the_length_of_sync_messages_within_its_limits() {
    let namespace = Namespace::new();
    namespace.ip("link add dummy0 type dummy");
    namespace.ip("addr add fd00::1/64 dev dummy0 nodad");
    namespace.ip("link set dummy0 up");
    let mut client = namespace.client();
    for (role, group, given, kept) in [
        (SyncRole::Master, "224.0.0.81", 65535, 65507),
        (SyncRole::Master, "224.0.0.81", 1, 1),
        (SyncRole::Master, "ff05::51", 65535, 65487),
        (SyncRole::Backup, "224.0.0.81", 1, 1024),
    ] {
        let mut daemon = SyncDaemon::new(role, "dummy0".parse().unwrap());
        daemon.group = Some(group.parse().unwrap());
        daemon.max_length = NonZeroU16::new(given);
        client.start_daemon(&daemon).unwrap();
        assert_eq!(client.daemons().unwrap()[0].max_length, NonZeroU16::new(kept));
        client.stop_daemon(role).unwrap();
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_daemon_whose_interface_or_port_is_not_ready_is_refused_with_advice() {
    let namespace = Namespace::new();
    namespace.ip("link add dummy0 type dummy");
    let mut client = namespace.client();
    let on = |role, group: Option<&str>| {
        let mut daemon = SyncDaemon::new(role, "dummy0".parse().unwrap());
        daemon.group = group.map(|group| group.parse().unwrap());
        daemon
    };
    let mut refused = |daemon: &SyncDaemon| {
        let error = client.start_daemon(daemon).unwrap_err();
        println!("{error}");
        assert!(error.advice().is_some());
        error
    };
    let down = refused(&on(SyncRole::Master, None));
    assert!(matches!(down.kind(), ErrorKind::GroupUnreachable(Errno::ENETUNREACH)), "{down:?}");
    namespace.sysctl("net.ipv6.conf.dummy0.addr_gen_mode", "1");
    namespace.ip("link set dummy0 up");
    let without_address = refused(&on(SyncRole::Master, Some("ff05::51")));
    assert!(matches!(without_address.kind(), ErrorKind::GroupUnreachable(Errno::EADDRNOTAVAIL)), "{without_address:?}");
    let other = inside(&namespace.path(), || std::net::UdpSocket::bind("0.0.0.0:8848").unwrap());
    let taken = refused(&on(SyncRole::Backup, None));
    assert!(matches!(taken.kind(), ErrorKind::PortTaken), "{taken:?}");
    drop(other);
    client.start_daemon(&on(SyncRole::Backup, None)).unwrap();
    client.start_daemon(&on(SyncRole::Master, None)).unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_daemon_that_is_stopped_at_once_does_not_hang_the_client() {
    let namespace = Namespace::new();
    namespace.ip("link add dummy0 type dummy");
    namespace.ip("link set dummy0 up");
    let mut client = namespace.client();
    for _ in 0..20 {
        for role in [SyncRole::Master, SyncRole::Backup] {
            client.start_daemon(&SyncDaemon::new(role, "dummy0".parse().unwrap())).unwrap();
            client.stop_daemon(role).unwrap();
        }
    }
    assert_eq!(client.daemons().unwrap(), []);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn counters_go_back_to_zero() {
    let namespace = Namespace::new();
    namespace.ip("addr add 10.9.0.1/32 dev lo");
    let mut client = namespace.client();
    let web = web();
    client.add_service(&web).unwrap();
    client.add_destination(web.key(), &destination("127.0.0.1:80").with_forwarding(Forwarding::DirectRouting)).unwrap();
    let listener = inside(&namespace.path(), || std::net::TcpListener::bind("0.0.0.0:80").unwrap());
    drop(inside(&namespace.path(), || std::net::TcpStream::connect("10.9.0.1:80").unwrap()));
    let status = lab::wait_for("the copy that the kernel makes of its counters every two seconds", || {
        let status = client.service(web.key()).unwrap();
        let [destination] = &status.destinations[..] else { panic!("{status:?}") };
        let copied = status.statistics.packets_in >= 3 && destination.statistics == status.statistics;
        copied.then_some(status)
    });
    assert_eq!(status.statistics.connections, 1);
    let counts = status.destinations[0].counts;
    assert_eq!((counts.active + counts.inactive, counts.persistent), (1, 0));
    client.zero_service(web.key()).unwrap();
    assert_eq!(client.service(web.key()).unwrap().statistics.connections, 0);
    fails!(client.zero_service(&key("10.9.0.9:80")), ErrorKind::ServiceMissing);
    client.zero().unwrap();
    drop(listener);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn windows_of_any_size_report_each_result_in_order() {
    let namespace = Namespace::new();
    let services: Vec<_> =
        (0..1200_u16).map(|port| Service::new(key(&format!("10.9.0.1:{}", 1 + port)), SchedulerName::Rr)).collect();
    for acknowledgement in [Acknowledgement::Each, Acknowledgement::Last] {
        for window in [1, 7, 128, 1024] {
            let mut client = namespace.client().with_window(window).with_acknowledgement(acknowledgement);
            client.flush().unwrap();
            // Every third one is there already.
            for service in services.iter().step_by(3) {
                client.add_service(service).unwrap();
            }
            let requests: Vec<_> = services.iter().map(Request::AddService).collect();
            let mut results = Vec::new();
            let report = |at: usize, result: Result<(), Error>| {
                results.push((at, result.is_ok()));
                ControlFlow::Continue(())
            };
            client.submit(&requests, report).unwrap();
            let expected: Vec<_> = (0..services.len()).map(|at| (at, at % 3 != 0)).collect();
            assert_eq!(results, expected, "{acknowledgement:?}, window {window}");
            assert_eq!(client.services().unwrap().len(), services.len());
        }
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn breaking_stops_before_the_next_window() {
    let namespace = Namespace::new();
    let mut client = namespace.client().with_window(4);
    let services: Vec<_> =
        (1..=20_u16).map(|port| Service::new(key(&format!("10.9.0.1:{port}")), SchedulerName::Rr)).collect();
    client.add_service(&services[5]).unwrap();
    let requests: Vec<_> = services.iter().map(Request::AddService).collect();
    let stop =
        |_, result: Result<(), Error>| if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    client.submit(&requests, stop).unwrap();
    assert_eq!(client.services().unwrap().len(), 8);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_single_change_is_applied() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let service = Service::new(ServiceKey::udp("10.9.0.1:53".parse::<Endpoint>().unwrap()), SchedulerName::Rr)
        .with_one_packet(OnePacket::On);
    client.apply_change(&Change::AddService(service.clone())).unwrap();
    fails!(client.apply_change(&Change::AddService(service.clone())), ErrorKind::ServiceExists);
    assert_eq!(client.service(service.key()).unwrap().service, service);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_given_descriptor_serves_until_answers_are_lost() {
    let descriptor = || {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};
        let flags = SocketFlags::CLOEXEC;
        socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::GENERIC)).unwrap()
    };
    let mut client = Client::from_descriptor(descriptor()).unwrap();
    client.flush().unwrap();
    client.add_service(&web()).unwrap();
    for number in 0..500_u16 {
        let text = format!("10.8.{}.{}:80", number / 200, 1 + number % 200);
        client.add_destination(web().key(), &destination(&text)).unwrap();
    }
    assert_eq!(client.service(web().key()).unwrap().destinations.len(), 500);
    client.flush().unwrap();

    let narrow = descriptor();
    rustix::net::sockopt::set_socket_recv_buffer_size(&narrow, 4096).unwrap();
    let mut client = Client::with_connector(GivenDescriptor::new(narrow)).unwrap();
    let services: Vec<_> =
        (1..=128_u16).map(|port| Service::new(key(&format!("10.9.0.1:{port}")), SchedulerName::Rr)).collect();
    let requests: Vec<_> = services.iter().map(Request::AddService).collect();
    fails!(client.submit(&requests, |_, _| ControlFlow::Continue(())), ErrorKind::AnswersLost);
    let error = client.info().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotConnected), "{error}");
    let mut client = Client::connect().unwrap();
    assert_eq!(client.services().unwrap().len(), 128);
    client.flush().unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_connector_stays_in_the_namespace_where_it_was_made() {
    let (here, there) = (Namespace::new(), Namespace::new());
    here.client().add_service(&web()).unwrap();
    let enter = |namespace: &Namespace| {
        use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
        let file = std::fs::File::open(namespace.path()).unwrap();
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network)).unwrap();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            enter(&here);
            let kernel = lvs_netlink::Kernel::current();
            enter(&there);
            // It opens its sockets only now, and does not leave this thread's namespace changed.
            assert_eq!(Client::with_connector(kernel).unwrap().services().unwrap().len(), 1);
            assert_eq!(Client::connect().unwrap().services().unwrap().len(), 0);
        });
    });
    let descriptor = std::fs::File::open(here.path()).unwrap().into();
    let kernel = lvs_netlink::Kernel::namespace_descriptor(descriptor);
    assert_eq!(Client::with_connector(kernel).unwrap().services().unwrap().len(), 1);
    let error = Client::connect_to_namespace("/run/netns/nosuch").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::NotFound), "{error}");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_reloaded_module_is_found_again() {
    let mut client = Client::connect().unwrap();
    client.flush().unwrap();
    client.add_service(&web()).unwrap();
    let reload = || {
        lab::run("ipvsadm", &["-C"]);
        lab::unload();
    };
    reload();
    client.info().unwrap();
    reload();
    client.add_service(&web()).unwrap();
    client.add_destination(web().key(), &destination("10.8.0.1:80")).unwrap();
    reload();
    assert_eq!(client.list().unwrap(), []);
    fails!(client.remove_service(web().key()), ErrorKind::ServiceMissing);
    client.add_service(&web()).unwrap();
    fails!(client.remove_destination(web().key(), "10.8.0.1:80".parse().unwrap()), ErrorKind::DestinationMissing);
    client.flush().unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn without_capabilities_the_error_says_what_is_needed() {
    // This program runs itself in a user namespace of its own, where root is nobody.
    if std::env::var_os("LVS_WITHOUT_CAPABILITIES").is_some() {
        println!("{}", Client::connect().and_then(|mut client| client.info()).unwrap_err());
        return;
    }
    let output = std::process::Command::new("unshare")
        .args(["-Urn"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "without_capabilities_the_error_says_what_is_needed"])
        .env("LVS_WITHOUT_CAPABILITIES", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = "no permission (EPERM): run as root with CAP_NET_ADMIN in the initial user namespace";
    assert!(text.contains(expected), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
