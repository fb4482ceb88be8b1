//! The in-memory kernel behind its lock: tables, family number, faults and rival.

use super::commands;
use super::errno::{EBUSY, EMSGSIZE, ENOENT, ENOTCONN, EPERM};
use super::fault::{Fault, Faults};
use super::message::{self, ACK, CONTROLLER, FIRST_FAMILY, HEADER, REQUEST, Request};
use super::port::Port;
use super::state::{Build, State};
use super::{Rival, answer, attributes};

/// What one send may carry with the default send buffer.
const LARGEST_SEND: usize = 212_960;
/// The number that the family had on the kernels that were recorded.
const FIRST_NUMBER: u16 = 28;

type Hook = Box<dyn FnMut(&mut Rival<'_>) + Send>;

pub(super) struct World {
    pub(super) state: State,
    pub(super) loaded: bool,
    pub(super) privileged: bool,
    family: u16,
    pub(super) faults: Faults,
    hook: Option<Hook>,
    sockets: u64,
    /// Sockets up to this number never answer again.
    stuck: u64,
    pub(super) executed: u64,
}

impl World {
    pub(super) fn new(build: Build) -> Self {
        Self {
            state: State::new(build),
            loaded: true,
            privileged: true,
            family: FIRST_NUMBER,
            faults: Faults::default(),
            hook: None,
            sockets: 0,
            stuck: 0,
            executed: 0,
        }
    }

    pub(super) fn family(&self) -> u16 {
        self.family
    }

    pub(super) fn rival(&mut self, hook: Option<Hook>) {
        self.hook = hook;
    }

    pub(super) fn open(&mut self) -> Port {
        self.sockets += 1;
        Port::new(self.sockets)
    }

    pub(super) fn reload(&mut self) {
        self.state = State::new(self.state.build.clone());
        self.family += 1;
        self.loaded = true;
    }

    /// Lets the rival and the faults have their moment before a command or a part of a dump.
    fn moment(&mut self) {
        if let Some(mut hook) = self.hook.take() {
            hook(&mut Rival::new(&mut self.state, self.executed));
            self.hook = Some(hook);
        }
        for fault in self.faults.begin() {
            match fault {
                Fault::Stuck => self.stuck = self.sockets,
                Fault::Reload => self.reload(),
                _ => {}
            }
        }
    }

    /// Executes a datagram of requests within the send, as the kernel does.
    pub(super) fn send(&mut self, port: &mut Port, datagram: &[u8]) -> Result<(), i32> {
        if datagram.len() > LARGEST_SEND {
            return Err(EMSGSIZE);
        }
        for request in message::requests(datagram) {
            if port.number > self.stuck && !self.faults.is_unreachable() {
                self.one(port, &request);
            }
        }
        if self.faults.is_unreachable() { Err(ENOTCONN) } else { Ok(()) }
    }

    fn one(&mut self, port: &mut Port, request: &Request<'_>) {
        if request.flags & REQUEST == 0 || request.family < FIRST_FAMILY {
            if request.flags & ACK != 0 {
                port.queue(message::outcome(request, 0));
            }
            return;
        }
        if request.family == CONTROLLER {
            return self.controller(port, request);
        }
        self.moment();
        if port.number <= self.stuck || self.faults.is_unreachable() {
            return;
        }
        self.executed += 1;
        let outcome = self.execute(port, request);
        let errno = match outcome {
            Ok(Started) => return,
            Err(errno) => errno,
        };
        if self.faults.lose() || (errno == 0 && request.flags & ACK == 0) {
            return;
        }
        if self.faults.overrun() {
            return port.overrun();
        }
        port.queue(message::outcome(request, errno));
    }

    /// A dump that started, or the errno to answer with, zero for success.
    fn execute(&mut self, port: &mut Port, request: &Request<'_>) -> Result<Started, i32> {
        let known = self.loaded && request.family == self.family && request.bytes.len() >= message::GENERIC;
        if !known {
            return Err(ENOENT);
        }
        let command = request.command();
        let listing = request.wants_dump().then(|| commands::listing(request)).transpose()?;
        if !self.privileged && (1..=17).contains(&command) {
            return Err(EPERM);
        }
        if let Some(errno) = self.faults.refusal(command) {
            return Err(errno);
        }
        if let Some(listing) = listing {
            if port.dumps() {
                return Err(EBUSY);
            }
            let interrupted = self.faults.interrupt();
            port.start_dump(&self.state, request, self.family, listing, interrupted);
            return Ok(Started);
        }
        if let Some(reply) = commands::run(&mut self.state, request, self.family)? {
            port.queue(reply);
        }
        Err(0)
    }

    /// Tells the family's number to those who ask for it by name.
    fn controller(&mut self, port: &mut Port, request: &Request<'_>) {
        const GET_FAMILY: u8 = 3;
        const NEW_FAMILY: u8 = 1;
        let rules = [attributes::Rule::Any, attributes::Rule::AtLeast(2), attributes::Rule::Name(15)];
        let named = attributes::parse(request.attributes(), &rules).ok().and_then(|found| found[2]);
        let known = self.loaded && named.map(attributes::name).as_deref() == Some(b"IPVS");
        if request.command() == GET_FAMILY && request.bytes.len() > HEADER && known {
            let family = self.family;
            port.queue(message::reply(request, CONTROLLER, NEW_FAMILY, |out| answer::family(out, family)));
            if request.flags & ACK != 0 {
                port.queue(message::outcome(request, 0));
            }
        } else {
            port.queue(message::outcome(request, ENOENT));
        }
    }

    /// The next datagram for a socket, after which the dump it may be reading goes on.
    pub(super) fn receive(&mut self, port: &mut Port, buffer: usize) -> Result<Option<Vec<u8>>, i32> {
        if port.number <= self.stuck {
            return Ok(None);
        }
        let datagram = port.receive(buffer)?;
        if datagram.is_some() && port.dumps() {
            self.moment();
            port.continue_dump(&self.state);
        }
        Ok(datagram)
    }
}

/// A dump is on its way: there is no acknowledgement.
struct Started;
