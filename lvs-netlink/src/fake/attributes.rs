//! Netlink attributes as the kernel reads and writes them.
//!
//! The kernel's old parsing is lenient in one way and strict in another: what it does not know it skips, what it knows must have its size.
//! The client's own codec is not used here on purpose, so that a mistake in one is seen by the other.

/// The length of an attribute's header.
const HEADER: usize = 4;
/// The bits of an attribute's type that name it; the upper two are the nested and the byte-order mark.
const TYPE: u16 = 0x3fff;

/// What the kernel's policy asks of one attribute.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// At least this many bytes; more are ignored.
    AtLeast(usize),
    /// At most this many bytes; what is missing counts as zero.
    AtMost(usize),
    /// A text of at most this many bytes before its NUL, which must be there.
    Name(usize),
    /// Attributes within the attribute.
    Nest,
    /// Not looked at.
    Any,
}

/// This is the refusal of an attribute that does not obey its [`Rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// Reads attributes into slots by their type; of repeated ones the last wins, unknown ones and trailing bytes are skipped.
pub(super) fn parse<'a, const N: usize>(
    mut bytes: &'a [u8],
    rules: &[Rule; N],
) -> Result<[Option<&'a [u8]>; N], Invalid> {
    let mut found = [None; N];
    while let Some((kind, payload, rest)) = next(bytes) {
        bytes = rest;
        let slot = usize::from(kind);
        let (Some(rule), Some(place)) = (rules.get(slot), found.get_mut(slot)) else { continue };
        if slot == 0 {
            continue;
        }
        let obeys = match *rule {
            Rule::AtLeast(size) => payload.len() >= size,
            Rule::AtMost(size) => payload.len() <= size,
            Rule::Name(size) => {
                // Behind the first NUL anything may follow, but not more than there is room for.
                let length = payload.len() - usize::from(payload.ends_with(&[0]));
                length <= size && payload.iter().take(size + 1).any(|&byte| byte == 0)
            }
            Rule::Nest => payload.is_empty() || payload.len() >= HEADER,
            Rule::Any => true,
        };
        if !obeys {
            return Err(Invalid);
        }
        *place = Some(payload);
    }
    Ok(found)
}

fn next(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let header = bytes.first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
    let kind = u16::from_ne_bytes([header[2], header[3]]) & TYPE;
    let payload = bytes.get(HEADER..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, payload, rest))
}

pub(super) fn byte(payload: &[u8]) -> u8 {
    payload.first().copied().unwrap_or_default()
}

pub(super) fn short(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

/// A port: the one kind of number that travels in network order.
pub(super) fn short_big_endian(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn word(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

/// Up to sixteen bytes, filled up with zeros.
pub(super) fn padded<const N: usize>(payload: &[u8]) -> [u8; N] {
    let mut full = [0; N];
    for (to, from) in full.iter_mut().zip(payload) {
        *to = *from;
    }
    full
}

/// The text before the first NUL.
pub(super) fn name(payload: &[u8]) -> Vec<u8> {
    payload.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// Appends one attribute with its padding.
pub(super) fn put(out: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    let length = u16::try_from(HEADER + payload.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Appends an attribute made of the attributes that `fill` writes. As the kernel's replies do, without the nested mark.
pub(super) fn put_nest(out: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    put(out, kind, &[]);
    fill(out);
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    for (to, from) in out.iter_mut().skip(start).zip(length.to_ne_bytes()) {
        *to = from;
    }
}

/// Appends a text with its NUL.
pub(super) fn put_name(out: &mut Vec<u8>, kind: u16, text: &[u8]) {
    let mut terminated = text.to_vec();
    terminated.push(0);
    put(out, kind, &terminated);
}
