//! The client against the in-memory kernel, in the weather that a real one seldom has.
#![cfg(feature = "test-util")]

mod tables;

use std::cell::RefCell;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lvs_model::{Change, Destination, Endpoint, SchedulerName, Service, ServiceKey, SyncRole, Table};
use lvs_netlink::fake::{Fault, Kernel, Socket};
use lvs_netlink::sync::Snapshot;
use lvs_netlink::wire::{Request, WireError};
use lvs_netlink::{Acknowledgement, Client, Connector, Errno, Error, ErrorKind, SocketRole, Transport, Upserted};
use proptest::prelude::*;
use tables::Extent;

fn service(port: u16) -> Service {
    Service::new(ServiceKey::tcp(Endpoint::new([10, 9, 0, 1].into(), port)), SchedulerName::Rr)
}

fn destination(last: u8) -> Destination {
    Destination::new(Endpoint::new([10, 8, 0, last].into(), 80))
}

fn connect(kernel: &Kernel) -> Client {
    Client::with_connector(kernel.clone()).unwrap().with_timeout(Duration::from_millis(20))
}

/// One socket that is opened again and again, with its queue: what a client must not be confused by.
#[derive(Clone)]
struct SameSocket(Arc<Mutex<State>>);

struct State {
    socket: Socket,
    opened: usize,
    /// The next receives say that the time is over, and leave the answer in the queue.
    late: usize,
    /// The next receives say that the datagram was longer than the buffer.
    cut: usize,
    /// The next receives say that answers were lost.
    lost: usize,
}

impl SameSocket {
    fn new(kernel: &Kernel) -> Self {
        Self(Arc::new(Mutex::new(State { socket: kernel.socket(), opened: 0, late: 0, cut: 0, lost: 0 })))
    }
}

impl Connector for SameSocket {
    fn open(&mut self, _: SocketRole) -> io::Result<Box<dyn Transport>> {
        self.0.lock().unwrap().opened += 1;
        Ok(Box::new(self.clone()))
    }
}

impl Transport for SameSocket {
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
        self.0.lock().unwrap().socket.send(datagram, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        if state.late > 0 {
            state.late -= 1;
            return Err(io::ErrorKind::TimedOut.into());
        }
        if state.lost > 0 {
            state.lost -= 1;
            return Err(io::Error::from_raw_os_error(Errno::ENOBUFS.number() as i32));
        }
        let length = state.socket.receive(buffer, deadline)?;
        if state.cut > 0 {
            state.cut -= 1;
            return Ok(buffer.len() + 1);
        }
        Ok(length)
    }
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken_for_another_s() {
    let kernel = Kernel::new();
    let socket = SameSocket::new(&kernel);
    let mut client = Client::with_connector(socket.clone()).unwrap();
    client.add_service(&service(80)).unwrap();
    socket.0.lock().unwrap().late = 1;
    // It is there, so the answer that stays behind is a refusal.
    let error = client.add_service(&service(80)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut(_)), "{error}");
    assert_eq!(socket.0.lock().unwrap().opened, 1);
    client.add_service(&service(81)).unwrap();
    assert_eq!(socket.0.lock().unwrap().opened, 2);
    assert_eq!(client.services().unwrap().len(), 2);
}

#[test]
fn a_dump_that_was_cut_is_read_again_with_a_larger_buffer() {
    let kernel = Kernel::new();
    let socket = SameSocket::new(&kernel);
    let mut client = Client::with_connector(socket.clone()).unwrap();
    client.add_service(&service(80)).unwrap();
    client.add_destination(service(80).key(), &destination(1)).unwrap();
    socket.0.lock().unwrap().cut = 2;
    assert_eq!(client.destinations(service(80).key()).unwrap().len(), 1);
    socket.0.lock().unwrap().cut = 100;
    let error = client.destinations(service(80).key()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Malformed(WireError::Truncated { .. })), "{error:?}");
}

#[test]
fn answers_that_get_lost_every_time_are_no_changing_table() {
    let kernel = Kernel::new();
    let socket = SameSocket::new(&kernel);
    let mut client = Client::with_connector(socket.clone()).unwrap();
    socket.0.lock().unwrap().lost = 3;
    assert_eq!(client.services().unwrap(), []);
    socket.0.lock().unwrap().lost = 100;
    for error in [client.services().unwrap_err(), client.info().unwrap_err(), Snapshot::read(&mut client).unwrap_err()]
    {
        assert!(matches!(error.kind(), ErrorKind::AnswersLost), "{error}");
    }
}

#[test]
fn a_stuck_socket_is_replaced() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    client.add_service(&service(80)).unwrap();
    kernel.inject(Fault::Stuck);
    let error = client.add_service(&service(81)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot add service tcp 10.9.0.1:81: no answer within 20ms: what was asked for may still be carried out: list \
         before going on"
    );
    client.add_service(&service(81)).unwrap();
    kernel.inject(Fault::Stuck);
    assert!(matches!(client.list().unwrap_err().kind(), ErrorKind::TimedOut(_)));
    assert_eq!(client.list().unwrap().len(), 2);
}

#[test]
fn a_lost_acknowledgement_is_a_timeout_and_what_came_before_is_reported() {
    for (acknowledgement, known) in [(Acknowledgement::Each, 5), (Acknowledgement::Last, 0)] {
        let kernel = Kernel::new();
        let mut client = connect(&kernel).with_acknowledgement(acknowledgement);
        let services: Vec<_> = (1..=10).map(service).collect();
        let requests: Vec<_> = services.iter().map(Request::AddService).collect();
        kernel.inject_after(5, Fault::LoseAcknowledgements(5));
        let mut reported = 0;
        let error = client
            .submit(&requests, |at, result| {
                assert_eq!((at, result.is_ok()), (reported, true));
                reported += 1;
                ControlFlow::Continue(())
            })
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TimedOut(_)), "{error}");
        assert_eq!(reported, known, "{acknowledgement:?}");
        // All of it was carried out, which only a list can tell.
        assert_eq!(client.services().unwrap().len(), 10);
    }
}

#[test]
fn an_overrun_window_has_an_unknown_outcome_and_an_overrun_dump_is_read_again() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    let services: Vec<_> = (1..=10).map(service).collect();
    let requests: Vec<_> = services.iter().map(Request::AddService).collect();
    kernel.inject_after(3, Fault::Overrun);
    let error = client.submit(&requests, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::AnswersLost), "{error}");
    kernel.inject(Fault::Overrun);
    assert_eq!(client.services().unwrap().len(), 10);
}

#[test]
fn an_interrupted_dump_is_read_again_and_given_up_in_the_end() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    client.add_service(&service(80)).unwrap();
    kernel.inject(Fault::InterruptDump);
    assert_eq!(client.services().unwrap().len(), 1);
    for moment in 0..40 {
        kernel.inject_after(moment, Fault::InterruptDump);
    }
    let error = client.services().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Inconsistent), "{error}");
}

#[test]
fn a_module_that_is_reloaded_at_any_moment_is_found_again() {
    for moment in 0..32 {
        for acknowledgement in [Acknowledgement::Each, Acknowledgement::Last] {
            let kernel = Kernel::new();
            let mut client = connect(&kernel).with_window(8).with_acknowledgement(acknowledgement);
            let services: Vec<_> = (1..=32).map(service).collect();
            let requests: Vec<_> = services.iter().map(Request::AddService).collect();
            kernel.inject_after(moment, Fault::Reload);
            client
                .submit(&requests, |at, result| {
                    result.unwrap_or_else(|error| panic!("reload after {moment}, request {at}: {error}"));
                    ControlFlow::Continue(())
                })
                .unwrap();
            // What was added before is gone with the module, what came after stays.
            assert_eq!(client.services().unwrap().len(), 32 - moment as usize);
        }
    }
}

#[test]
fn a_missing_destination_is_no_stale_family() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    client.add_service(&service(80)).unwrap();
    let error = client.remove_destination(service(80).key(), destination(1).endpoint).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DestinationMissing), "{error}");
}

#[test]
fn a_kernel_without_ipvs_says_what_to_load() {
    let kernel = Kernel::builder().without_module().build();
    let error = Client::with_connector(kernel).unwrap_err();
    assert_eq!(error.to_string(), "cannot connect to IPVS: ip_vs is not in this kernel (ENOENT): modprobe ip_vs");
}

#[test]
fn a_refusal_that_has_no_name_keeps_its_number() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    kernel.inject(Fault::Refuse { command: 17, errno: 92, times: 1 });
    let error = client.flush().unwrap_err();
    assert_eq!(error.to_string(), "cannot remove everything: the kernel said no (ENOPROTOOPT)");
    client.flush().unwrap();
}

#[test]
fn an_upsert_survives_a_rival_between_its_two_halves() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    client.add_service(&service(80)).unwrap();
    // The addition is refused because it is there, the edit because it is gone, and then it is added.
    let mut calls = 0;
    kernel.set_rival(move |rival| {
        calls += 1;
        if calls == 2 {
            rival.flush();
        }
    });
    assert_eq!(client.upsert_service(&service(80)).unwrap(), Upserted::Added);
}

#[test]
fn the_parts_of_the_client_can_cross_threads() {
    fn send<T: Send>() {}
    send::<Client>();
    fn both<T: Send + Sync>() {}
    both::<Error>();
}

#[test]
fn random_tables_are_written_and_read() {
    let kernel = Kernel::new();
    let client = RefCell::new(connect(&kernel));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    runner
        .run(&tables::table(10, Extent::Kernel), |table| {
            let mut client = client.borrow_mut();
            client.flush().unwrap();
            client.apply(&Table::new().difference(&table)).unwrap();
            prop_assert_eq!(client.table().unwrap(), table);
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_a_stale_family_refused_is_not_taken_for_ipvs_s_own_refusal() {
    // The module is gone when the requests come, and the socket falls silent when they are repeated.
    for silent_after in 4..9 {
        let kernel = Kernel::new();
        let mut client = connect(&kernel);
        let services: Vec<_> = (1..=4).map(service).collect();
        let requests: Vec<_> = services.iter().map(Request::AddService).collect();
        kernel.inject(Fault::Reload);
        kernel.inject_after(silent_after, Fault::LoseAcknowledgements(1));
        let mut reported = 0;
        let ended = client.submit(&requests, |at, result| {
            result.unwrap_or_else(|error| panic!("request {at}: {error}"));
            reported += 1;
            ControlFlow::Continue(())
        });
        match ended {
            Ok(()) => assert_eq!(reported, 4),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::TimedOut(_)) && reported < 4, "{error}, {reported}");
            }
        }
    }
}

#[test]
fn a_daemon_is_stopped_after_a_reload_too() {
    let kernel = Kernel::new();
    let mut client = connect(&kernel);
    kernel.inject(Fault::Reload);
    let error = client.stop_daemon(SyncRole::Master).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DaemonMissing), "{error}");
}

/// Does something between the request for a list of destinations and its first answer.
struct Between {
    kernel: Kernel,
    change: Arc<Mutex<Option<Change>>>,
}

struct BetweenSocket {
    socket: Socket,
    kernel: Kernel,
    change: Option<Arc<Mutex<Option<Change>>>>,
}

impl Connector for Between {
    fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>> {
        let change = (role == SocketRole::Destinations).then(|| Arc::clone(&self.change));
        Ok(Box::new(BetweenSocket { socket: self.kernel.socket(), kernel: self.kernel.clone(), change }))
    }
}

impl Transport for BetweenSocket {
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
        self.socket.send(datagram, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        if let Some(change) = self.change.as_ref().and_then(|change| change.lock().unwrap().take()) {
            self.kernel.change(&change).unwrap();
        }
        self.socket.receive(buffer, deadline)
    }
}

#[test]
fn a_list_that_was_disturbed_is_read_again_however_short_it_is() {
    for length in [1, 2, 9, 10, 11, 40] {
        let kernel = Kernel::new();
        let mut writer = connect(&kernel);
        writer.add_service(&service(80)).unwrap();
        for last in 1..=length {
            writer.add_destination(service(80).key(), &destination(last)).unwrap();
        }
        let change = Change::AddDestination { service: *service(80).key(), destination: destination(99) };
        let between = Between { kernel, change: Arc::new(Mutex::new(Some(change))) };
        let list = Client::with_connector(between).unwrap().list().unwrap();
        let mut endpoints: Vec<_> = list[0].destinations.iter().map(|status| status.destination.endpoint).collect();
        endpoints.sort();
        endpoints.dedup();
        assert_eq!(endpoints.len(), list[0].destinations.len());
        assert_eq!(endpoints.len(), usize::from(length) + 1);
    }
}

/// Answers only before the deadline, as the real socket does.
struct Punctual(Socket);

impl Transport for Punctual {
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
        self.0.send(datagram, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        if deadline <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.0.receive(buffer, deadline)
    }
}

struct PunctualKernel(Kernel);

impl Connector for PunctualKernel {
    fn open(&mut self, _: SocketRole) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Punctual(self.0.socket())))
    }
}

#[test]
fn a_timeout_may_be_for_ever() {
    let client = Client::with_connector(PunctualKernel(Kernel::new())).unwrap();
    client.with_timeout(Duration::MAX).info().unwrap();
}

#[test]
fn a_given_descriptor_is_not_used_any_more_after_one_timeout() {
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::empty(), None).unwrap();
    // A kernel that lists no destinations for a long time.
    let peer = std::thread::spawn(move || {
        let kernel = Kernel::new();
        let mut socket = kernel.socket();
        let (mut request, mut answer) = ([0; 4096], [0; 4096]);
        loop {
            let (_, length) = recv(&theirs, &mut request[..], RecvFlags::empty()).unwrap();
            if length == 0 {
                return;
            }
            let deadline = Instant::now();
            socket.send(&request[..length], deadline).unwrap();
            // The command stands behind the header of sixteen bytes.
            while let Ok(length) = socket.receive(&mut answer, deadline) {
                if request[16] != 8 {
                    send(&theirs, &answer[..length], SendFlags::empty()).unwrap();
                }
            }
        }
    });
    let mut client = Client::from_descriptor(ours).unwrap().with_timeout(Duration::from_millis(50));
    client.flush().unwrap();
    let error = client.destinations(service(80).key()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut(_)), "{error}");
    for _ in 0..2 {
        let error = client.flush().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io(io) if io.kind() == io::ErrorKind::NotConnected), "{error}");
    }
    drop(client);
    peer.join().unwrap();
}
