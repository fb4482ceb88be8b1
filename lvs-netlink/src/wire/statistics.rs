//! The ten numbers that the kernel keeps of a service or destination, in 32 and in 64 bits.

use super::attribute::{put_nest, put_u32, put_u64};
use super::{Attributes, WireError};

const CONNECTIONS: u16 = 1;
const PACKETS_IN: u16 = 2;
const PACKETS_OUT: u16 = 3;
const BYTES_IN: u16 = 4;
const BYTES_OUT: u16 = 5;
const CONNECTION_RATE: u16 = 6;
const PACKET_RATE_IN: u16 = 7;
const PACKET_RATE_OUT: u16 = 8;
const BYTE_RATE_IN: u16 = 9;
const BYTE_RATE_OUT: u16 = 10;

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
    /// This reads the nest with 64-bit numbers (`IPVS_SVC_ATTR_STATS64`); padding attributes are skipped.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode64(attributes: Attributes<'_>) -> Result<Self, WireError> {
        let mut record = Self::default();
        for attribute in attributes {
            let attribute = attribute?;
            if let Some(field) = record.field(attribute.kind()) {
                *field = attribute.u64()?;
            }
        }
        Ok(record)
    }

    /// This reads the nest with 32-bit numbers (`IPVS_SVC_ATTR_STATS`), in which only bytes have 64.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode32(attributes: Attributes<'_>) -> Result<Self, WireError> {
        let mut record = Self::default();
        for attribute in attributes {
            let attribute = attribute?;
            let wide = matches!(attribute.kind(), BYTES_IN | BYTES_OUT);
            if let Some(field) = record.field(attribute.kind()) {
                *field = if wide { attribute.u64()? } else { attribute.u32()?.into() };
            }
        }
        Ok(record)
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

    fn field(&mut self, kind: u16) -> Option<&mut u64> {
        Some(match kind {
            CONNECTIONS => &mut self.connections,
            PACKETS_IN => &mut self.packets_in,
            PACKETS_OUT => &mut self.packets_out,
            BYTES_IN => &mut self.bytes_in,
            BYTES_OUT => &mut self.bytes_out,
            CONNECTION_RATE => &mut self.connection_rate,
            PACKET_RATE_IN => &mut self.packet_rate_in,
            PACKET_RATE_OUT => &mut self.packet_rate_out,
            BYTE_RATE_IN => &mut self.byte_rate_in,
            BYTE_RATE_OUT => &mut self.byte_rate_out,
            _ => return None,
        })
    }

    const fn numbers(&self) -> [(u16, u64); 10] {
        [
            (CONNECTIONS, self.connections),
            (PACKETS_IN, self.packets_in),
            (PACKETS_OUT, self.packets_out),
            (BYTES_IN, self.bytes_in),
            (BYTES_OUT, self.bytes_out),
            (CONNECTION_RATE, self.connection_rate),
            (PACKET_RATE_IN, self.packet_rate_in),
            (PACKET_RATE_OUT, self.packet_rate_out),
            (BYTE_RATE_IN, self.byte_rate_in),
            (BYTE_RATE_OUT, self.byte_rate_out),
        ]
    }
}
