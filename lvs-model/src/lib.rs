#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod apply;
mod destination;
mod difference;
mod endpoint;
mod error;
mod family;
mod forwarding;
mod persistence;
mod protocol;
mod scheduler;
mod serde_impl;
mod service;
mod service_key;
mod status;
mod sync_daemon;
mod table;
mod thresholds;
mod timeouts;
mod weight;

pub use crate::{
    destination::Destination,
    difference::{ApplyError, Change, Difference},
    endpoint::Endpoint,
    error::{OutOfRange, ParseError},
    family::Family,
    forwarding::{Forwarding, InvalidTunnel, OtherForwarding, OtherTunnel, Tunnel, TunnelFlags},
    persistence::{Netmask, Persistence, PersistenceEngine, PersistenceTimeout, PrefixLength},
    protocol::Protocol,
    scheduler::{ModuleName, SchedulerFlags, SchedulerName},
    service::{FamilyMismatch, OnePacket, Service},
    service_key::{Fwmark, ServiceKey},
    status::{ConnectionCounts, DestinationStatus, Info, Rates, ServiceStatus, Statistics, Version},
    sync_daemon::{InterfaceName, MulticastGroup, NotMulticast, SyncDaemon, SyncId, SyncRole},
    table::{DuplicateService, InsertError, KeyMismatch, Table, VirtualServer},
    thresholds::{InvalidThresholds, Thresholds},
    timeouts::{ProtocolTimeout, Timeouts, TimeoutsUpdate},
    weight::Weight,
};
