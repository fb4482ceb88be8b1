//! What can be wrong with bytes that came from a socket.

use thiserror::Error;

/// This says why bytes are not the message that they claim to be.
///
/// The kernel never sends such bytes; a test double, a fuzzer or memory gone bad do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum WireError {
    /// A header does not fit into what is left of the datagram.
    #[error("{what} needs {needed} bytes, but only {available} are left")]
    Truncated {
        /// The thing that was being read.
        what: &'static str,
        /// How many bytes it needs.
        needed: usize,
        /// How many there were.
        available: usize,
    },
    /// A netlink message gives a length that is shorter than its header or longer than the datagram.
    #[error("a message says that it is {length} bytes long, but 16 to {available} are possible")]
    MessageLength {
        /// The length in its header.
        length: u32,
        /// What is left of the datagram.
        available: usize,
    },
    /// An attribute gives a length that is shorter than its header or longer than what surrounds it.
    #[error("attribute {attribute} says that it is {length} bytes long, but 4 to {available} are possible")]
    AttributeLength {
        /// The attribute's number in its nest.
        attribute: u16,
        /// The length in its header.
        length: u16,
        /// What is left of the nest.
        available: usize,
    },
    /// An attribute's value is shorter or longer than its type allows.
    #[error("attribute {attribute} holds {length} bytes, expected {expected}")]
    ValueLength {
        /// The attribute's number in its nest.
        attribute: u16,
        /// How many bytes it holds.
        length: usize,
        /// What its type asks for.
        expected: &'static str,
    },
    /// A string has no terminating NUL within the allowed length.
    #[error("attribute {attribute} is a string without a NUL within {limit} bytes")]
    UnterminatedString {
        /// The attribute's number in its nest.
        attribute: u16,
        /// The longest that the string may be, with its NUL.
        limit: usize,
    },
    /// An attribute that the record cannot do without is absent.
    #[error("{record} without its {attribute}")]
    Missing {
        /// Which record.
        record: &'static str,
        /// Which attribute, in the field's words.
        attribute: &'static str,
    },
    /// A value is outside of what the field can hold.
    #[error("{record} has an impossible {attribute}: {value}")]
    Value {
        /// Which record.
        record: &'static str,
        /// Which attribute, in the field's words.
        attribute: &'static str,
        /// The value found.
        value: u64,
    },
    /// A name is not 1 to 15 printable characters.
    #[error("{record} has a {attribute} that is no name")]
    Name {
        /// Which record.
        record: &'static str,
        /// Which attribute, in the field's words.
        attribute: &'static str,
    },
    /// A message of another kind came where an answer was expected.
    #[error("message type {kind} with command {command} is not an answer to what was asked")]
    Unexpected {
        /// The message's type (family id).
        kind: u16,
        /// The generic netlink command.
        command: u8,
    },
}
