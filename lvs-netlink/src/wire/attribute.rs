//! Attributes: typed, nested values of four-byte alignment, read as borrowed slices and written into a caller's buffer.
//!
//! ```
//! use lvs_netlink::wire::{Attributes, put_nest, put_u16, put_u32};
//!
//! # fn main() -> Result<(), lvs_netlink::wire::WireError> {
//! let mut buffer = Vec::new();
//! put_nest(&mut buffer, 1, |nest| {
//!     put_u16(nest, 1, 2);
//!     put_u32(nest, 5, 7);
//! });
//!
//! for attribute in Attributes::new(&buffer) {
//!     let service = attribute?;
//!     assert_eq!(service.kind(), 1);
//!     for field in service.attributes() {
//!         let field = field?;
//!         match field.kind() {
//!             1 => assert_eq!(field.u16()?, 2),
//!             5 => assert_eq!(field.u32()?, 7),
//!             other => panic!("attribute {other}"),
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use super::WireError;

const HEADER: usize = 4;
const KIND_MASK: u16 = 0x3fff;
const NESTED: u16 = 0x8000;

/// This rounds a length up to the four bytes on which the next attribute or message begins.
pub(crate) const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// This is one attribute: its number and its value, borrowed from the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attribute<'a> {
    kind: u16,
    value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// This is the attribute's number, without the two flag bits that netlink keeps beside it.
    #[must_use]
    pub const fn kind(&self) -> u16 {
        self.kind & KIND_MASK
    }

    /// This tells whether `NLA_F_NESTED` is set; IPVS accepts nests with and without it and sends them without.
    #[must_use]
    pub const fn is_marked_nested(&self) -> bool {
        self.kind & NESTED != 0
    }

    /// This is the value as it stands, without padding.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.value
    }

    /// This reads the value as attributes of its own.
    #[must_use]
    pub const fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.value)
    }

    /// This reads a byte; further bytes are ignored, as the kernel does.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when the value is empty.
    pub fn u8(&self) -> Result<u8, WireError> {
        self.leading::<1>("at least 1").map(|[byte]| byte)
    }

    /// This reads a 16-bit number in the machine's byte order.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when there are fewer than two bytes.
    pub fn u16(&self) -> Result<u16, WireError> {
        self.leading("at least 2").map(u16::from_ne_bytes)
    }

    /// This reads a 16-bit number in network byte order: a port.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when there are fewer than two bytes.
    pub fn port(&self) -> Result<u16, WireError> {
        self.leading("at least 2").map(u16::from_be_bytes)
    }

    /// This reads a 32-bit number in the machine's byte order.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when there are fewer than four bytes.
    pub fn u32(&self) -> Result<u32, WireError> {
        self.leading("at least 4").map(u32::from_ne_bytes)
    }

    /// This reads a 64-bit number in the machine's byte order.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when there are fewer than eight bytes.
    pub fn u64(&self) -> Result<u64, WireError> {
        self.leading("at least 8").map(u64::from_ne_bytes)
    }

    /// This reads the first `N` bytes, in the order in which they stand.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when there are fewer.
    pub fn leading<const N: usize>(&self, expected: &'static str) -> Result<[u8; N], WireError> {
        self.value.first_chunk().copied().ok_or_else(|| self.wrong_length(expected))
    }

    /// This reads an address of up to 16 bytes in network order; a shorter one is extended with zeros.
    ///
    /// # Errors
    /// [`WireError::ValueLength`] when there are more than 16 bytes.
    pub fn address(&self) -> Result<[u8; 16], WireError> {
        let mut address = [0; 16];
        address.get_mut(..self.value.len()).ok_or_else(|| self.wrong_length("at most 16"))?.copy_from_slice(self.value);
        Ok(address)
    }

    /// This reads a string up to its NUL, which must stand within `limit` bytes.
    ///
    /// # Errors
    /// [`WireError::UnterminatedString`] when it does not.
    pub fn string(&self, limit: usize) -> Result<&'a [u8], WireError> {
        let end = self.value.iter().take(limit).position(|&byte| byte == 0);
        end.and_then(|end| self.value.get(..end)).ok_or(WireError::UnterminatedString { attribute: self.kind(), limit })
    }

    fn wrong_length(&self, expected: &'static str) -> WireError {
        WireError::ValueLength { attribute: self.kind(), length: self.value.len(), expected }
    }
}

/// This walks over the attributes in a slice, checking every length.
///
/// After an error the walk is over. Fewer than four bytes at the end are padding and ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// This walks over `bytes`, which begin with an attribute's header.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// This is what has not been walked over yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let [l0, l1, k0, k1]: [u8; HEADER] = *self.rest.first_chunk()?;
        let (length, kind) = (u16::from_ne_bytes([l0, l1]), u16::from_ne_bytes([k0, k1]));
        let end = usize::from(length);
        let Some(value) = self.rest.get(HEADER..end) else {
            let available = self.rest.len();
            self.rest = &[];
            return Some(Err(WireError::AttributeLength { attribute: kind & KIND_MASK, length, available }));
        };
        self.rest = self.rest.get((end + 3) & !3..).unwrap_or(&[]);
        Some(Ok(Attribute { kind, value }))
    }
}

/// This walks over those attributes of a nest that the decoder does not know: what a newer kernel brings.
///
/// They survive: a record that is encoded again carries them behind the known ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UnknownAttributes<'a> {
    walk: Attributes<'a>,
    highest_known: u16,
}

impl<'a> UnknownAttributes<'a> {
    pub(crate) const fn new(walk: Attributes<'a>, highest_known: u16) -> Self {
        Self { walk, highest_known }
    }
}

impl<'a> Iterator for UnknownAttributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let highest = self.highest_known;
        self.walk.by_ref().map_while(Result::ok).find(|attribute| attribute.kind() == 0 || attribute.kind() > highest)
    }
}

/// This appends an attribute with the given value and pads it to four bytes.
///
/// A value longer than an attribute can be (65,531 bytes) is cut there.
pub fn put_bytes(buffer: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX) - HEADER).unwrap_or(value);
    let length = (HEADER + value.len()) as u16;
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(value);
    buffer.resize(aligned(buffer.len()), 0);
}

/// Header and a value of up to four bytes go in at once; most attributes are such.
#[inline]
fn put_word(buffer: &mut Vec<u8>, kind: u16, length: u16, [a, b, c, d]: [u8; 4]) {
    let ([l0, l1], [k0, k1]) = ((HEADER as u16 + length).to_ne_bytes(), kind.to_ne_bytes());
    buffer.extend_from_slice(&[l0, l1, k0, k1, a, b, c, d]);
}

/// This appends a byte.
pub fn put_u8(buffer: &mut Vec<u8>, kind: u16, value: u8) {
    put_word(buffer, kind, 1, [value, 0, 0, 0]);
}

/// This appends a 16-bit number in the machine's byte order.
pub fn put_u16(buffer: &mut Vec<u8>, kind: u16, value: u16) {
    let [a, b] = value.to_ne_bytes();
    put_word(buffer, kind, 2, [a, b, 0, 0]);
}

/// This appends a 16-bit number in network byte order: a port.
pub fn put_port(buffer: &mut Vec<u8>, kind: u16, value: u16) {
    let [a, b] = value.to_be_bytes();
    put_word(buffer, kind, 2, [a, b, 0, 0]);
}

/// This appends a 32-bit number in the machine's byte order.
pub fn put_u32(buffer: &mut Vec<u8>, kind: u16, value: u32) {
    put_word(buffer, kind, 4, value.to_ne_bytes());
}

/// This appends an address of 16 bytes as it stands.
pub(super) fn put_address(buffer: &mut Vec<u8>, kind: u16, address: &[u8; 16]) {
    let mut bytes = [0; HEADER + 16];
    bytes[..2].copy_from_slice(&(HEADER as u16 + 16).to_ne_bytes());
    bytes[2..HEADER].copy_from_slice(&kind.to_ne_bytes());
    bytes[HEADER..].copy_from_slice(address);
    buffer.extend_from_slice(&bytes);
}

/// This appends a 64-bit number in the machine's byte order.
pub fn put_u64(buffer: &mut Vec<u8>, kind: u16, value: u64) {
    put_bytes(buffer, kind, &value.to_ne_bytes());
}

/// This appends a string with its terminating NUL.
pub fn put_string(buffer: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = (HEADER + value.len() + 1) as u16;
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(value);
    buffer.push(0);
    buffer.resize(aligned(buffer.len()), 0);
}

/// This appends an attribute whose value is what `fill` appends: other attributes.
pub fn put_nest(buffer: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER]);
    fill(buffer);
    let length = (buffer.len() - start) as u16;
    if let Some(header) = buffer.get_mut(start..start + HEADER) {
        header[..2].copy_from_slice(&length.to_ne_bytes());
        header[2..].copy_from_slice(&kind.to_ne_bytes());
    }
}
