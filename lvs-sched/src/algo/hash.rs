//! The kernel's hash functions for addresses.

use core::net::IpAddr;

/// Folds an address to 32 bits: an IPv4 address as a number, the four words of an IPv6 address by exclusive or.
#[inline]
pub(super) fn fold(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits(),
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            let halves = (bits >> 64) as u64 ^ bits as u64;
            (halves >> 32) as u32 ^ halves as u32
        }
    }
}

/// Multiplicative hashing to `bits` bits (dh, sh, lblc, lblcr).
#[inline]
pub(super) const fn multiplicative(value: u32, bits: u32) -> u32 {
    value.wrapping_mul(0x61c8_8647) >> (32 - bits)
}

/// Division by a number that is known long before, by multiplication.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Modulus {
    divisor: u32,
    inverse: u64,
}

impl Modulus {
    /// The divisor must not be 0.
    pub(super) const fn new(divisor: u32) -> Self {
        Self { divisor, inverse: (u64::MAX / divisor as u64).wrapping_add(1) }
    }

    /// The remainder, which is the fraction of the quotient times the divisor.
    #[inline]
    pub(super) const fn remainder(self, value: u32) -> u32 {
        let fraction = self.inverse.wrapping_mul(value as u64);
        ((fraction as u128 * self.divisor as u128) >> 64) as u32
    }
}

/// SipHash-1-3 of four little-endian bytes with a key of two equal halves, cut to 32 bits (mh, 64-bit kernels).
///
/// What depends on the key alone is worked out beforehand: half of the first round, and the length. Picks read it from memory, because of
/// a constant the compiler makes double shifts (`shrd`), which are many steps on some processors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sip([u64; 5]);

const LENGTH: u64 = 4 << 56;

impl Sip {
    pub(super) const fn new(key: u64) -> Self {
        let v1 = 0x646f_7261_6e64_6f6d ^ key;
        let v0 = v1.wrapping_add(0x736f_6d65_7073_6575 ^ key);
        let v1 = v1.rotate_left(13) ^ v0;
        let (v2, v3) = (0x6c79_6765_6e65_7261 ^ key, 0x7465_6462_7974_6573 ^ key ^ LENGTH);
        Self([v0.rotate_left(32), v1, v1.rotate_left(17), v2, v3])
    }

    #[inline]
    pub(super) const fn hash(&self, value: u32) -> u32 {
        let [mut v0, v1, turned, mut v2, mut v3] = self.0;
        v3 ^= value as u64;
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v0 ^= LENGTH | value as u64;
        let v = round(round(round([v0, turned ^ v2, v2.rotate_left(32) ^ 0xff, v3])));
        (v[0] ^ v[1] ^ v[2] ^ v[3]) as u32
    }
}

#[inline]
const fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    v0 = v0.wrapping_add(v1);
    v1 = v1.rotate_left(13) ^ v0;
    v0 = v0.rotate_left(32);
    v2 = v2.wrapping_add(v3);
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.wrapping_add(v3);
    v3 = v3.rotate_left(21) ^ v0;
    v2 = v2.wrapping_add(v1);
    v1 = v1.rotate_left(17) ^ v2;
    v2 = v2.rotate_left(32);
    [v0, v1, v2, v3]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = 2_654_435_761;
    const SECOND: u64 = 2_654_446_892;

    #[test]
    fn sip_gives_the_kernels_numbers() {
        let vectors = [
            (0, FIRST, 0x1D5A_77C2),
            (0, SECOND, 0xF882_433F),
            (1, FIRST, 0x16EC_66B2),
            (1, SECOND, 0x8210_AAD1),
            (0x0A00_0001, FIRST, 0x0308_0CE4),
            (u32::MAX, FIRST, 0x22C5_D719),
            (u32::MAX, SECOND, 0xF75A_0F5D),
        ];
        for (value, key, expected) in vectors {
            assert_eq!(Sip::new(key).hash(value), expected, "{value:#x} {key:#x}");
        }
    }

    proptest::proptest! {
        #[test]
        fn remainders_are_exact(value: u32, divisor in 1..=u32::MAX, small in 1..200_000u32) {
            for divisor in [divisor, small] {
                proptest::prop_assert_eq!(Modulus::new(divisor).remainder(value), value % divisor);
            }
        }
    }

    #[test]
    fn addresses_fall_into_the_kernels_slots() {
        let slots = |prefix: &str| -> [u32; 8] {
            core::array::from_fn(|i| {
                let addr = alloc::format!("{prefix}{}", i + 1).parse().expect("an address");
                multiplicative(fold(addr), 8)
            })
        };
        assert_eq!(slots("10.9.0."), [224, 66, 163, 5, 103, 201, 42, 140]);
        assert_eq!(slots("10.0.0."), [39, 137, 235, 77, 174, 16, 114, 212]);
        assert_eq!(slots("fd00:1::"), [43, 80, 238, 19, 178, 215, 117, 155]);
    }
}
