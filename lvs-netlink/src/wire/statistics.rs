//! The ten numbers that the kernel keeps of a service or destination, in 32 and in 64 bits.

use super::attribute::{put_nest, put_u32, put_u64};
use super::{Attributes, WireError};

const BYTES_IN: u16 = 4;
const BYTES_OUT: u16 = 5;

/// Attributes 1 to 10 are the fields of the record in their order; 11 is padding.
const NUMBERS: usize = 10;

/// This holds counters and rates as they travel (`IPVS_STATS_ATTR_*`), whatever their width.
///
/// The kernel sends both widths. Of the older one (`IPVS_SVC_ATTR_STATS`) everything but the bytes is cut
/// to 32 bits, so the newer one (`…_STATS64`) is to be preferred. An absent number is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct StatisticsRecord {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients.
    pub packets_out: u64,
    /// Bytes from clients, with IP headers.
    pub bytes_in: u64,
    /// Bytes to clients, with IP headers.
    pub bytes_out: u64,
    /// Connections per second.
    pub connection_rate: u64,
    /// Packets from clients per second.
    pub packet_rate_in: u64,
    /// Packets to clients per second.
    pub packet_rate_out: u64,
    /// Bytes from clients per second.
    pub byte_rate_in: u64,
    /// Bytes to clients per second.
    pub byte_rate_out: u64,
}

impl StatisticsRecord {
    /// This reads the counters in full if they are there, else those of 32 bits, else zeros.
    pub(super) fn decode_either(full: Option<Attributes<'_>>, cut: Option<Attributes<'_>>) -> Result<Self, WireError> {
        match (full, cut) {
            (Some(full), _) => Self::decode64(full),
            (None, Some(cut)) => Self::decode32(cut),
            (None, None) => Ok(Self::default()),
        }
    }

    /// This reads the nest with 64-bit numbers (`IPVS_SVC_ATTR_STATS64`); padding attributes are skipped.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode64(attributes: Attributes<'_>) -> Result<Self, WireError> {
        let mut numbers = [0; NUMBERS];
        for attribute in attributes {
            let attribute = attribute?;
            if let Some(number) = numbers.get_mut(usize::from(attribute.kind().wrapping_sub(1))) {
                *number = attribute.u64()?;
            }
        }
        Ok(Self::from_numbers(numbers))
    }

    /// This reads the nest with 32-bit numbers (`IPVS_SVC_ATTR_STATS`), in which only bytes have 64.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode32(attributes: Attributes<'_>) -> Result<Self, WireError> {
        let mut numbers = [0; NUMBERS];
        for attribute in attributes {
            let attribute = attribute?;
            if let Some(number) = numbers.get_mut(usize::from(attribute.kind().wrapping_sub(1))) {
                let wide = matches!(attribute.kind(), BYTES_IN | BYTES_OUT);
                *number = if wide { attribute.u64()? } else { attribute.u32()?.into() };
            }
        }
        Ok(Self::from_numbers(numbers))
    }

    /// This appends the nest with 64-bit numbers.
    pub fn encode64(&self, buffer: &mut Vec<u8>, kind: u16) {
        put_nest(buffer, kind, |nest| {
            for (kind, value) in self.numbers() {
                put_u64(nest, kind, value);
            }
        });
    }

    /// This appends the nest with 32-bit numbers: everything but bytes loses its upper half, as in the kernel.
    pub fn encode32(&self, buffer: &mut Vec<u8>, kind: u16) {
        put_nest(buffer, kind, |nest| {
            for (kind, value) in self.numbers() {
                match kind {
                    BYTES_IN | BYTES_OUT => put_u64(nest, kind, value),
                    _ => put_u32(nest, kind, value as u32),
                }
            }
        });
    }

    /// From the numbers in the order of their attributes, which count from 1.
    const fn from_numbers(numbers: [u64; NUMBERS]) -> Self {
        let [connections, packets_in, packets_out, bytes_in, bytes_out, rates @ ..] = numbers;
        let [connection_rate, packet_rate_in, packet_rate_out, byte_rate_in, byte_rate_out] = rates;
        Self {
            connections,
            packets_in,
            packets_out,
            bytes_in,
            bytes_out,
            connection_rate,
            packet_rate_in,
            packet_rate_out,
            byte_rate_in,
            byte_rate_out,
        }
    }

    fn numbers(&self) -> impl Iterator<Item = (u16, u64)> {
        let numbers: [u64; NUMBERS] = [
            self.connections,
            self.packets_in,
            self.packets_out,
            self.bytes_in,
            self.bytes_out,
            self.connection_rate,
            self.packet_rate_in,
            self.packet_rate_out,
            self.byte_rate_in,
            self.byte_rate_out,
        ];
        (1..).zip(numbers)
    }
}
