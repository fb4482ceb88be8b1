//! Views of `ipvsadm -L` read back, because people paste them.

use lvs_model::{
    ConnectionCounts, Destination, DestinationStatus, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket,
    Persistence, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, ServiceStatus, Statistics, Tunnel,
    Weight,
};

use super::number;
use crate::ipvsadm::address;
use crate::ipvsadm::resolver::Resolver;

/// This error says why a text is not a view of `ipvsadm -L`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[error("line {line}: expected {expected}, found `{found}`")]
pub struct ViewError {
    /// The line, from 1.
    pub line: usize,
    /// What would have been accepted.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

/// This is a service with its counters, as `ipvsadm -L --stats` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ServiceStatistics {
    /// The service.
    pub key: ServiceKey,
    /// Its counters.
    pub statistics: Statistics,
    /// Its destinations with theirs.
    pub destinations: Vec<(Endpoint, Statistics)>,
}

/// This reads what `ipvsadm -L` shows by default.
///
/// Headers, empty lines and blanks around lines do not matter. The view has no thresholds and no details of tunnels, so
/// that these are read as none and as `ipip`. Numbers are read without `names` too.
///
/// ```
/// use lvs_config::ipvsadm::{NoNames, read_list};
///
/// let services = read_list("
///     TCP  192.0.2.10:80 wlc persistent 360
///       -> 10.0.0.1:80                  Route   1      3          12
/// ", &NoNames)?;
/// assert_eq!(services[0].service.to_string(), "-t 192.0.2.10:80 -s wlc -p 360");
/// assert_eq!(services[0].destinations[0].counts.inactive, 12);
/// # Ok::<(), lvs_config::ipvsadm::ViewError>(())
/// ```
///
/// # Errors
///
/// A line that is no service, no destination and no header.
pub fn read_list(text: &str, names: &dyn Resolver) -> Result<Vec<ServiceStatus>, ViewError> {
    let mut services: Vec<ServiceStatus> = Vec::new();
    for (line, words) in rows(text) {
        if let ["->", rest @ ..] = &words[..] {
            let expected = "a destination: `-> ADDRESS:PORT Forward Weight ActiveConn InActConn`";
            let error = || ViewError { line, expected, found: words.join(" ") };
            let last = services.last_mut().ok_or_else(error)?;
            let destination = destination(rest, last.service.key().protocol(), names).ok_or_else(error)?;
            last.destinations.push(destination);
        } else {
            let expected = "a service: `TCP|UDP|SCTP ADDRESS:PORT` or `FWM MARK [IPv6]`, its scheduler and flags";
            let service = service(&words, names);
            services.push(service.ok_or_else(|| ViewError { line, expected, found: words.join(" ") })?.into());
        }
    }
    Ok(services)
}

/// This reads what `ipvsadm -L --stats` shows; a letter behind a number is a power of 1000.
///
/// ```
/// use lvs_config::ipvsadm::{NoNames, read_statistics};
///
/// let services = read_statistics("TCP  192.0.2.10:80    12  340K  170  1000M  0\n", &NoNames)?;
/// assert_eq!(services[0].statistics.packets_in, 340_000);
/// # Ok::<(), lvs_config::ipvsadm::ViewError>(())
/// ```
///
/// # Errors
///
/// A line that is no service, no destination and no header.
pub fn read_statistics(text: &str, names: &dyn Resolver) -> Result<Vec<ServiceStatistics>, ViewError> {
    let mut services: Vec<ServiceStatistics> = Vec::new();
    for (line, words) in rows(text) {
        let expected = "a service or `-> ADDRESS:PORT`, and five counters";
        let error = || ViewError { line, expected, found: words.join(" ") };
        if let ["->", real, numbers @ ..] = &words[..] {
            let last = services.last_mut().ok_or_else(error)?;
            let real = endpoint(real, last.key.protocol(), names).ok_or_else(error)?;
            last.destinations.push((real, five(numbers).ok_or_else(error)?));
        } else {
            let (key, numbers) = key(&words, names).ok_or_else(error)?;
            let statistics = five(numbers).ok_or_else(error)?;
            services.push(ServiceStatistics { key, statistics, destinations: Vec::new() });
        }
    }
    Ok(services)
}

/// The lines that say something, split into words.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    text.lines().enumerate().map(|(i, line)| (i + 1, line.split_whitespace().collect::<Vec<_>>())).filter(
        |(_, words)| {
            !matches!(
                &words[..],
                [] | ["IP", "Virtual", "Server", ..] | ["Prot", ..] | ["->", "RemoteAddress:Port", ..]
            )
        },
    )
}

fn key<'w, 't>(words: &'w [&'t str], names: &dyn Resolver) -> Option<(ServiceKey, &'w [&'t str])> {
    let (tag, rest) = words.split_first()?;
    let (what, rest) = rest.split_first()?;
    let protocol = match *tag {
        "TCP" => Protocol::TCP,
        "UDP" => Protocol::UDP,
        "SCTP" => Protocol::SCTP,
        "FWM" => {
            // The tool prints marks as signed numbers.
            let number: i64 = what.parse().ok()?;
            let number = if number < 0 { number + (1 << 32) } else { number };
            let mark = Fwmark::new(u32::try_from(number).ok()?).ok()?;
            return match rest {
                ["IPv6", rest @ ..] => Some((ServiceKey::fwmark(Family::Inet6, mark), rest)),
                _ => Some((ServiceKey::fwmark(Family::Inet, mark), rest)),
            };
        }
        _ => return None,
    };
    Some((ServiceKey::Socket { protocol, endpoint: endpoint(what, protocol, names)? }, rest))
}

fn endpoint(text: &str, protocol: Protocol, names: &dyn Resolver) -> Option<Endpoint> {
    let address = address::endpoint(text.as_bytes(), Some(protocol), names).ok()?;
    address.has_port.then_some(address.endpoint)
}

fn service(words: &[&str], names: &dyn Resolver) -> Option<Service> {
    let (key, rest) = key(words, names)?;
    let (scheduler, mut rest) = rest.split_first()?;
    let scheduler: SchedulerName = scheduler.parse().ok()?;
    let mut service = Service::new(key, scheduler);
    let mut persistence = None;
    while let Some((word, more)) = rest.split_first() {
        rest = more;
        if let Some(flags) = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')) {
            // The tool shows `()` for a flag that it has no name for.
            let flags =
                if flags.is_empty() { Ok(SchedulerFlags::THIRD) } else { SchedulerFlags::parse(scheduler, flags) };
            service = service.with_flags(flags.ok()?);
            continue;
        }
        if *word == "ops" {
            service = service.with_one_packet(OnePacket::On);
            continue;
        }
        let (value, more) = rest.split_first()?;
        rest = more;
        match *word {
            "persistent" => persistence = Some(Persistence::new(value.parse().ok()?, key.family())),
            "mask" => persistence.as_mut()?.netmask = value.parse::<Netmask>().ok()?,
            // An engine without persistence has no effect and no place in the model.
            "pe" => {
                let engine = value.parse().ok()?;
                if let Some(persistence) = &mut persistence {
                    persistence.engine = Some(engine);
                }
            }
            _ => return None,
        }
    }
    match persistence {
        Some(persistence) => service.with_persistence(persistence).ok(),
        None => Some(service),
    }
}

fn destination(words: &[&str], protocol: Protocol, names: &dyn Resolver) -> Option<DestinationStatus> {
    let [real, method, weight, active, inactive] = words else { return None };
    let forwarding = match *method {
        "Masq" => Forwarding::Masquerade,
        "Local" => Forwarding::Local,
        "Tunnel" => Forwarding::Tunnel(Tunnel::Ipip),
        "Route" => Forwarding::DirectRouting,
        _ => return None,
    };
    let weight: Weight = weight.parse().ok()?;
    let destination =
        Destination::new(endpoint(real, protocol, names)?).with_weight(weight).with_forwarding(forwarding);
    let counts = ConnectionCounts { active: active.parse().ok()?, inactive: inactive.parse().ok()?, persistent: 0 };
    Some(DestinationStatus { counts, ..destination.into() })
}

fn five(words: &[&str]) -> Option<Statistics> {
    let [connections, packets_in, packets_out, bytes_in, bytes_out] = words else { return None };
    Some(Statistics {
        connections: number::read(connections)?,
        packets_in: number::read(packets_in)?,
        packets_out: number::read(packets_out)?,
        bytes_in: number::read(bytes_in)?,
        bytes_out: number::read(bytes_out)?,
    })
}
