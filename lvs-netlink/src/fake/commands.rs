//! What each command of the family does to the tables.

use super::answer;
use super::attributes::{Rule, parse, word};
use super::errno::{EINVAL, EOPNOTSUPP, ERANGE, ESRCH};
use super::message::{self, Request};
use super::request::{self, DestinationId, DestinationSettings, Needs, ServiceId};
use super::state::State;

/// The attributes at the top of a message.
const TOP: [Rule; 7] =
    [Rule::Any, Rule::Nest, Rule::Nest, Rule::Nest, Rule::AtLeast(4), Rule::AtLeast(4), Rule::AtLeast(4)];

/// A listing that goes on from datagram to datagram, by counting what it has passed, as the kernel's does.
#[derive(Clone, Debug)]
pub(super) enum Listing {
    Services,
    /// `None` where the request named no service that exists: the listing is then empty.
    Destinations(Option<ServiceId>),
    Daemons,
}

/// The listing that a dump request asks for.
pub(super) fn listing(request: &Request<'_>) -> Result<Listing, i32> {
    match request.command() {
        4 => Ok(Listing::Services),
        8 => {
            // What is wrong with the request makes the listing empty, not fail.
            let service = parse(request.attributes(), &TOP).map(|top| top[1]).unwrap_or_default();
            Ok(Listing::Destinations(request::service_id(service).ok()))
        }
        11 => Ok(Listing::Daemons),
        _ => Err(EOPNOTSUPP),
    }
}

/// Appends what comes at or after `start` and fits; returns where to go on, or `None` when nothing is left.
pub(super) fn fill(
    out: &mut Vec<u8>,
    state: &State,
    request: &Request<'_>,
    family: u16,
    listing: &Listing,
    (start, size, interrupted): (usize, usize, bool),
) -> usize {
    let mut passed = start;
    let mut one = |command: u8, write: &dyn Fn(&mut Vec<u8>)| {
        let before = out.len();
        message::part(out, request, family, command, interrupted, write);
        let fits = out.len() <= size;
        if fits {
            passed += 1;
        } else {
            out.truncate(before);
        }
        fits
    };
    match listing {
        Listing::Services => {
            for service in state.services().skip(start) {
                if !one(1, &|out| answer::service(out, state, service)) {
                    break;
                }
            }
        }
        Listing::Destinations(id) => {
            let service = id.as_ref().and_then(|id| state.service(id));
            for destination in service.iter().flat_map(|service| service.destinations()).skip(start) {
                if !one(5, &|out| answer::destination(out, state, destination)) {
                    break;
                }
            }
        }
        Listing::Daemons => {
            for daemon in state.daemons().skip(start) {
                if !one(9, &|out| answer::daemon(out, daemon)) {
                    break;
                }
            }
        }
    }
    passed
}

/// Runs a request that is no dump; a reply comes back for those that ask for one.
pub(super) fn run(state: &mut State, request: &Request<'_>, family: u16) -> Result<Option<Vec<u8>>, i32> {
    let command = request.command();
    if !(1..=17).contains(&command) || [8, 11, 14].contains(&command) {
        return Err(EOPNOTSUPP);
    }
    let top = parse(request.attributes(), &TOP).map_err(|_| ERANGE)?;
    let [_, service, destination, daemon, ..] = top;
    match command {
        1 => {
            let (id, settings) = request::service(service)?;
            state.add_service(id, settings)?;
        }
        2 => {
            let (id, settings) = request::service(service)?;
            state.set_service(&id, settings)?;
        }
        3 => state.delete_service(&request::service_id(service)?)?,
        4 => {
            let id = request::service_id(service)?;
            let found = state.service(&id).ok_or(ESRCH)?;
            return Ok(Some(message::reply(request, family, 1, |out| answer::service(out, state, found))));
        }
        5 => {
            let (service, id, settings) = destination_of(state, service, destination, Needs::Settings)?;
            state.add_destination(&service, id, settings)?;
        }
        6 => {
            let (service, id, settings) = destination_of(state, service, destination, Needs::Settings)?;
            state.set_destination(&service, &id, settings)?;
        }
        7 => {
            let (service, id, _) = destination_of(state, service, destination, Needs::Identity)?;
            state.delete_destination(&service, &id)?;
        }
        9 => state.start_daemon(request::daemon(daemon)?)?,
        10 => state.stop_daemon(request::daemon_state(daemon)?)?,
        12 => {
            let [.., tcp, tcp_fin, udp] = top;
            state.set_timeouts([tcp, tcp_fin, udp].map(|timeout| timeout.map_or(0, word)))?;
        }
        13 => return Ok(Some(message::reply(request, family, 12, |out| answer::timeouts(out, state)))),
        15 => return Ok(Some(message::reply(request, family, 14, |out| answer::info(out, state)))),
        16 => match service {
            Some(_) => state.zero(Some(&request::service_id(service)?))?,
            None => state.zero(None)?,
        },
        17 => state.flush(),
        _ => return Err(EINVAL),
    }
    Ok(None)
}

/// The service must exist before the destination is even looked at.
fn destination_of(
    state: &State,
    service: Option<&[u8]>,
    destination: Option<&[u8]>,
    needs: Needs,
) -> Result<(ServiceId, DestinationId, DestinationSettings), i32> {
    let service = request::service_id(service)?;
    state.service(&service).ok_or(ESRCH)?;
    let (id, settings) = request::destination(destination, service.family, needs)?;
    Ok((service, id, settings))
}
