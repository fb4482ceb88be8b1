//! Short names as the kernel has them: a scheduler's, an engine's, an interface's.

use core::fmt;

use super::{Attribute, WireError};

/// This is a name of at most 15 bytes (16 for a persistence engine), kept in place, without its NUL.
///
/// ```
/// use lvs_netlink::wire::Name;
///
/// let name = Name::new("wrr").expect("it is short enough");
/// assert_eq!(name.as_bytes(), b"wrr");
/// assert!(Name::new("a name that is much too long").is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name {
    bytes: [u8; Self::LIMIT],
    length: u8,
}

impl Name {
    const LIMIT: usize = 16;

    /// This is a name, if it is at most 16 bytes long and has no NUL in it.
    #[must_use]
    pub fn new(name: impl AsRef<[u8]>) -> Option<Self> {
        let name = name.as_ref();
        let mut bytes = [0; Self::LIMIT];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        (!name.contains(&0)).then_some(Self { bytes, length: name.len() as u8 })
    }

    /// This reads a string attribute whose NUL stands within `limit` bytes, at most 17.
    pub(super) fn decode(attribute: &Attribute<'_>, limit: usize) -> Result<Self, WireError> {
        let (mut bytes, mut length) = ([0; Self::LIMIT], 0);
        for (at, &byte) in attribute.bytes().iter().take(limit).enumerate() {
            match (byte, bytes.get_mut(at)) {
                (0, _) => return Ok(Self { bytes, length }),
                (byte, Some(place)) => *place = byte,
                (_, None) => break,
            }
            length += 1;
        }
        Err(WireError::UnterminatedString { attribute: attribute.kind(), limit })
    }

    /// This is the name without its NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }

    /// This is the name as text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.as_bytes()).ok()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}
