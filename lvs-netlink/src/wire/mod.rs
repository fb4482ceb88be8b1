//! The codec: bytes of the generic netlink family `IPVS`, both directions, without a socket and on any system.
//!
//! A [`Request`] is encoded into a caller's buffer. A datagram that came back is walked over with [`Messages`],
//! and its attributes are borrowed slices whose lengths have been checked. The records ([`ServiceRecord`],
//! [`DestinationRecord`], [`DaemonRecord`], …) hold every attribute that the kernel knows, in requests and in
//! answers alike; what this crate does not know is kept in `unknown` and written back.

mod attribute;
mod block;
mod command;
mod controller;
mod convert;
mod daemon;
mod destination;
mod error;
mod message;
mod name;
mod payload;
mod request;
mod service;
mod statistics;

pub use attribute::{
    Attribute, Attributes, UnknownAttributes, put_bytes, put_nest, put_port, put_string, put_u8, put_u16, put_u32,
    put_u64,
};
pub use command::{Command, FAMILY_NAME, FAMILY_VERSION};
pub use controller::{CONTROLLER, FamilyRecord, GET_FAMILY, NEW_FAMILY};
pub use daemon::DaemonRecord;
pub use destination::DestinationRecord;
pub use error::WireError;
pub use message::{
    Body, Explanation, GenericMessage, Header, Message, MessageFlags, MessageWriter, Messages, put_acknowledgement,
    put_done,
};
pub use name::Name;
pub use payload::{InfoRecord, Payload, TimeoutsRecord};
pub use request::Request;
pub use service::{FlagWord, ServiceRecord};
pub use statistics::StatisticsRecord;
