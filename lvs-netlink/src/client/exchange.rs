//! Requests out, answers in: windows, acknowledgements, deadlines, and what to do when the family's id went stale.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::Client;
use super::error::{Error, ErrorKind, Object, Operation};
use super::link::{Failure, Link};
use super::refusal::{error, reason};
use crate::wire::{
    Body, CONTROLLER, FAMILY_NAME, FamilyRecord, GET_FAMILY, GenericMessage, Header, MessageFlags, NEW_FAMILY, Request,
    WireError,
};
use crate::{Errno, SocketRole};

/// How often a dump is begun again when the kernel says, or its contents show, that it was disturbed.
pub(super) const DUMP_ATTEMPTS: usize = 4;

/// What a longer timeout is cut to: the clock ends some time.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// This is when the kernel acknowledges the requests of a window.
///
/// It always reports every refusal. So an acknowledgement of the last request alone, which comes after the
/// refusals of those before, says as much and saves a quarter of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Acknowledgement {
    /// Every request is acknowledged.
    #[default]
    Each,
    /// Only the last one of each window is.
    Last,
}

/// This is how the kernel answered a question.
enum Answer {
    Complete,
    Interrupted,
    Refused(Errno),
}

/// What became of a request in a window: nothing known yet, or done, or refused.
pub(super) type Outcome = Option<Result<(), Errno>>;

/// Something was not found: by IPVS, or by generic netlink.
const MISSING: Outcome = Some(Err(Errno::ENOENT));

impl Client {
    /// This carries out requests in windows and reports the result of each, in order.
    ///
    /// A refusal does not hold back the rest of its window, so results after it are reported too. Breaking stops
    /// before the next window. What is asked should change something; data in the answers are dropped.
    ///
    /// # Errors
    /// The first [`Error`] of the connection itself: a timeout, lost answers, a broken socket. Then the requests
    /// without a reported result may or may not have been carried out. Refusals are reported, not returned.
    pub fn submit(
        &mut self,
        requests: &[Request<'_>],
        mut report: impl FnMut(usize, Result<(), Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut outcomes = Vec::with_capacity(self.window.min(requests.len()));
        for (number, window) in requests.chunks(self.window).enumerate() {
            let unanswered = self.window(window, &mut outcomes);
            let mut flow = ControlFlow::Continue(());
            for (at, (request, outcome)) in window.iter().zip(&outcomes).enumerate() {
                let Some(outcome) = outcome else { break };
                let result = outcome.map_err(|errno| error(request, reason(request, errno)));
                if report(number * self.window + at, result).is_break() {
                    flow = ControlFlow::Break(());
                }
            }
            unanswered?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// This carries out one request that changes something.
    pub(super) fn command(&mut self, request: &Request<'_>) -> Result<(), Error> {
        let mut outcome = Ok(());
        self.submit(std::slice::from_ref(request), |_, result| {
            outcome = result;
            ControlFlow::Break(())
        })?;
        outcome
    }

    /// This asks for data and decodes each message of the answer.
    pub(super) fn ask<T>(
        &mut self,
        request: &Request<'_>,
        decode: impl Fn(GenericMessage<'_>) -> Result<T, WireError>,
    ) -> Result<Vec<T>, Error> {
        let role = match request {
            Request::Destinations(_) => SocketRole::Destinations,
            _ => SocketRole::Commands,
        };
        let mut resolved_again = false;
        let mut answers = Vec::new();
        let mut given_up = ErrorKind::Inconsistent;
        for _ in 0..DUMP_ATTEMPTS {
            answers.clear();
            let family = self.family()?;
            let mut each = |message: GenericMessage<'_>| {
                answers.push(decode(message)?);
                Ok(())
            };
            match self.ask_once(role, family, request, &mut each) {
                Ok(Answer::Complete) => return Ok(answers),
                Ok(Answer::Interrupted) => given_up = ErrorKind::Inconsistent,
                Ok(Answer::Refused(Errno::ENOENT)) if !resolved_again => {
                    resolved_again = true;
                    self.family = None;
                }
                Ok(Answer::Refused(errno)) => return Err(error(request, reason(request, errno))),
                Err(failure @ Failure::Lost) => given_up = self.kind_of(failure),
                Err(failure @ Failure::Cut { length, .. }) => {
                    self.enlarge(role, length);
                    given_up = self.kind_of(failure);
                }
                Err(failure) => return Err(error(request, self.kind_of(failure))),
            }
        }
        Err(error(request, given_up))
    }

    /// This asks for data that comes in exactly one message.
    pub(super) fn ask_one<T>(
        &mut self,
        request: &Request<'_>,
        decode: impl Fn(GenericMessage<'_>) -> Result<T, WireError>,
    ) -> Result<T, Error> {
        let missing = WireError::Missing { record: "an answer", attribute: "message" };
        let answer = self.ask(request, decode)?.pop();
        answer.ok_or_else(|| error(request, ErrorKind::Malformed(missing)))
    }

    /// This sends a request with another one behind it as a barrier, and says whether it was acknowledged at all.
    ///
    /// The kernel swallows the acknowledgement of a sync daemon that is stopped before it ever ran.
    pub(super) fn command_with_barrier(&mut self, request: &Request<'_>, barrier: &Request<'_>) -> Result<bool, Error> {
        let family = self.family()?;
        let mut result = self.send_with_barrier(family, request, barrier);
        if let Ok(Some(Err(Errno::ENOENT))) = result {
            self.family = None;
            let again = self.family()?;
            if again != family {
                result = self.send_with_barrier(again, request, barrier);
            }
        }
        match result.map_err(|failure| error(request, self.kind_of(failure)))? {
            Some(Err(errno)) => Err(error(request, reason(request, errno))),
            answered => Ok(answered.is_some()),
        }
    }

    /// This finds the family's id, which is kept until it turns out to be stale.
    pub(super) fn family(&mut self) -> Result<u16, Error> {
        if let Some(family) = self.family {
            return Ok(family);
        }
        let connect = |kind| Error::new(Operation::Connect, Object::None, kind);
        let family = match self.resolve() {
            Ok(Ok(family)) => family,
            Ok(Err(Errno::ENOENT)) => return Err(connect(ErrorKind::IpvsMissing)),
            Ok(Err(Errno::EPERM)) => return Err(connect(ErrorKind::NoPermission)),
            Ok(Err(errno)) => return Err(connect(ErrorKind::Refused(errno))),
            Err(failure) => return Err(connect(self.kind_of(failure))),
        };
        self.family = Some(family);
        Ok(family)
    }

    /// This carries out one window; outcomes that are not known stay empty when it fails.
    fn window(&mut self, requests: &[Request<'_>], outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
        outcomes.clear();
        let first_unknown = |outcomes: &[Outcome]| outcomes.iter().position(Option::is_none).unwrap_or(0);
        let family = self.family()?;
        if let Err(failure) = self.send_window(family, requests, outcomes) {
            outcomes.iter_mut().filter(|outcome| **outcome == MISSING).for_each(|outcome| *outcome = None);
            let kind = self.kind_of(failure);
            return Err(requests
                .get(first_unknown(outcomes))
                .map_or(Error::new(Operation::Connect, Object::None, ErrorKind::AnswersLost), |at| error(at, kind)));
        }
        self.recheck(family, requests, outcomes)
    }

    /// `ENOENT` comes from IPVS, or from generic netlink when the family's id is stale. As long as it is not known which, nothing is known.
    fn recheck(&mut self, family: u16, requests: &[Request<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
        let doubtful: Vec<usize> = (0..outcomes.len()).filter(|&at| outcomes[at] == MISSING).collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        doubtful.iter().for_each(|&at| outcomes[at] = None);
        self.family = None;
        let again = self.family()?;
        for at in doubtful {
            outcomes[at] = if again == family { MISSING } else { self.repeat(again, &requests[at])? };
        }
        Ok(())
    }

    /// Sends a request once more that never reached IPVS.
    fn repeat(&mut self, family: u16, request: &Request<'_>) -> Result<Outcome, Error> {
        let mut outcomes = Vec::new();
        let sent = self.send_window(family, std::slice::from_ref(request), &mut outcomes);
        sent.map_err(|failure| error(request, self.kind_of(failure)))?;
        Ok(outcomes.pop().flatten())
    }

    fn send_window(
        &mut self,
        family: u16,
        requests: &[Request<'_>],
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Failure> {
        outcomes.clear();
        outcomes.resize(requests.len(), None);
        let Some(last) = requests.len().checked_sub(1) else { return Ok(()) };
        let first = self.sequences(requests.len());
        self.outgoing.clear();
        for (at, request) in requests.iter().enumerate() {
            let acknowledged = at == last || self.acknowledgement == Acknowledgement::Each;
            let flags = if acknowledged { MessageFlags::ACK } else { MessageFlags::NONE };
            request.encode(&mut self.outgoing, family, first.wrapping_add(at as u32), flags);
        }
        let deadline = self.deadline();
        let mut link = self.take(SocketRole::Commands)?;
        link.send(&self.outgoing, deadline)?;
        let each = self.acknowledgement == Acknowledgement::Each;
        let mut missing = if each { requests.len() } else { 1 };
        link.receive(deadline, |message| {
            let at = message.header.sequence.wrapping_sub(first) as usize;
            let Some(outcome) = outcomes.get_mut(at) else { return Ok(ControlFlow::Continue(())) };
            let answer = match message.body().map_err(ErrorKind::Malformed)? {
                Body::Acknowledged | Body::Done(None) => Ok(()),
                Body::Refused(errno) | Body::Done(Some(errno)) => Err(errno),
                Body::Overrun => return Err(ErrorKind::AnswersLost),
                Body::Noop | Body::Generic(_) => return Ok(ControlFlow::Continue(())),
            };
            if outcome.replace(answer).is_none() && (each || at == last) {
                missing -= 1;
            }
            Ok(if missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        self.put_back(SocketRole::Commands, link);
        for outcome in outcomes {
            outcome.get_or_insert(Ok(()));
        }
        Ok(())
    }

    fn send_with_barrier(
        &mut self,
        family: u16,
        request: &Request<'_>,
        barrier: &Request<'_>,
    ) -> Result<Outcome, Failure> {
        let first = self.sequences(2);
        let second = first.wrapping_add(1);
        self.outgoing.clear();
        request.encode(&mut self.outgoing, family, first, MessageFlags::ACK);
        barrier.encode(&mut self.outgoing, family, second, MessageFlags::NONE);
        let deadline = self.deadline();
        let mut link = self.take(SocketRole::Commands)?;
        link.send(&self.outgoing, deadline)?;
        let mut outcome = None;
        link.receive(deadline, |message| {
            match message.body().map_err(ErrorKind::Malformed)? {
                _ if message.header.sequence == second => return Ok(ControlFlow::Break(())),
                Body::Acknowledged if message.header.sequence == first => outcome = Some(Ok(())),
                Body::Refused(errno) if message.header.sequence == first => outcome = Some(Err(errno)),
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.put_back(SocketRole::Commands, link);
        Ok(outcome)
    }

    fn ask_once(
        &mut self,
        role: SocketRole,
        family: u16,
        request: &Request<'_>,
        each: &mut dyn FnMut(GenericMessage<'_>) -> Result<(), WireError>,
    ) -> Result<Answer, Failure> {
        let sequence = self.sequences(1);
        self.outgoing.clear();
        request.encode(&mut self.outgoing, family, sequence, MessageFlags::NONE);
        let expected = request.command().reply().map(crate::wire::Command::number);
        let deadline = self.deadline();
        let mut link = self.take(role)?;
        link.send(&self.outgoing, deadline)?;
        let mut interrupted = false;
        let answer = link.receive(deadline, |message| {
            if message.header.sequence != sequence {
                return Ok(ControlFlow::Continue(()));
            }
            interrupted |= message.header.flags.contains(MessageFlags::DUMP_INTERRUPTED);
            Ok(match message.body().map_err(ErrorKind::Malformed)? {
                Body::Noop => ControlFlow::Continue(()),
                Body::Overrun => return Err(ErrorKind::AnswersLost),
                Body::Refused(errno) | Body::Done(Some(errno)) => ControlFlow::Break(Answer::Refused(errno)),
                Body::Acknowledged | Body::Done(None) if interrupted => ControlFlow::Break(Answer::Interrupted),
                Body::Acknowledged | Body::Done(None) => ControlFlow::Break(Answer::Complete),
                Body::Generic(generic) if Some(generic.command) != expected => {
                    let (kind, command) = (message.header.kind, generic.command);
                    return Err(ErrorKind::Malformed(WireError::Unexpected { kind, command }));
                }
                Body::Generic(generic) => {
                    each(generic).map_err(ErrorKind::Malformed)?;
                    if request.is_dump() { ControlFlow::Continue(()) } else { ControlFlow::Break(Answer::Complete) }
                }
            })
        })?;
        self.put_back(role, link);
        Ok(answer)
    }

    fn resolve(&mut self) -> Result<Result<u16, Errno>, Failure> {
        let sequence = self.sequences(1);
        self.outgoing.clear();
        let header = Header::new(CONTROLLER, MessageFlags::REQUEST, sequence);
        FamilyRecord::named(FAMILY_NAME).encode(&mut self.outgoing, header, GET_FAMILY);
        let deadline = self.deadline();
        let mut link = self.take(SocketRole::Commands)?;
        link.send(&self.outgoing, deadline)?;
        let family = link.receive(deadline, |message| {
            if message.header.sequence != sequence {
                return Ok(ControlFlow::Continue(()));
            }
            match message.body().map_err(ErrorKind::Malformed)? {
                Body::Refused(errno) => Ok(ControlFlow::Break(Err(errno))),
                Body::Generic(generic) if generic.command == NEW_FAMILY => {
                    let record = FamilyRecord::decode(generic.attributes).map_err(ErrorKind::Malformed)?;
                    let missing = WireError::Missing { record: "a family", attribute: "id" };
                    Ok(ControlFlow::Break(Ok(record.id.ok_or(ErrorKind::Malformed(missing))?)))
                }
                _ => Ok(ControlFlow::Continue(())),
            }
        })?;
        self.put_back(SocketRole::Commands, link);
        Ok(family)
    }

    fn take(&mut self, role: SocketRole) -> Result<Link, Failure> {
        if let Some(link) = self.slot(role).take() {
            return Ok(link);
        }
        let transport = self.connector.open(role).map_err(|error| Failure::Broken(ErrorKind::Io(error)))?;
        let size = match role {
            SocketRole::Commands => self.buffer_sizes.0,
            SocketRole::Destinations => self.buffer_sizes.1,
        };
        Ok(Link::new(transport, size))
    }

    fn put_back(&mut self, role: SocketRole, link: Link) {
        *self.slot(role) = Some(link);
    }

    const fn slot(&mut self, role: SocketRole) -> &mut Option<Link> {
        match role {
            SocketRole::Commands => &mut self.commands,
            SocketRole::Destinations => &mut self.destinations,
        }
    }

    fn enlarge(&mut self, role: SocketRole, needed: usize) {
        let size = match role {
            SocketRole::Commands => &mut self.buffer_sizes.0,
            SocketRole::Destinations => &mut self.buffer_sizes.1,
        };
        *size = needed.next_power_of_two().max(*size);
    }

    const fn sequences(&mut self, count: usize) -> u32 {
        let first = self.sequence;
        self.sequence = self.sequence.wrapping_add(count as u32);
        first
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.timeout).unwrap_or(now + FOR_EVER)
    }

    fn kind_of(&self, failure: Failure) -> ErrorKind {
        match failure {
            Failure::TimedOut => ErrorKind::TimedOut(self.timeout),
            Failure::Lost => ErrorKind::AnswersLost,
            Failure::Cut { length, room } => {
                ErrorKind::Malformed(WireError::Truncated { what: "a receive buffer", needed: length, available: room })
            }
            Failure::Broken(kind) => kind,
        }
    }
}
