//! This counts packets and bytes, and estimates rates as the kernel does.

use lvs_model::{Rates, Statistics};

/// Totals of one service or destination, with the state of its rate estimator.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    total: Statistics,
    /// The totals when they were last set to zero.
    zero: Statistics,
    /// The totals at the last estimate.
    last: Statistics,
    /// Connections and packets in 1/1024, bytes in 1/32 per second.
    estimate: Rates,
}

impl Counters {
    pub(super) const fn connection(&mut self) {
        self.total.connections += 1;
    }

    pub(super) fn packet_in(&mut self, length: u32) {
        self.total.packets_in += 1;
        self.total.bytes_in += u64::from(length);
    }

    pub(super) fn packet_out(&mut self, length: u32) {
        self.total.packets_out += 1;
        self.total.bytes_out += u64::from(length);
    }

    /// What was counted since the last [`zero`](Self::zero).
    pub(super) const fn statistics(&self) -> Statistics {
        let (total, zero) = (&self.total, &self.zero);
        Statistics {
            connections: total.connections - zero.connections,
            packets_in: total.packets_in - zero.packets_in,
            packets_out: total.packets_out - zero.packets_out,
            bytes_in: total.bytes_in - zero.bytes_in,
            bytes_out: total.bytes_out - zero.bytes_out,
        }
    }

    pub(super) const fn rates(&self) -> Rates {
        let estimate = &self.estimate;
        Rates {
            connections: (estimate.connections + 0x1ff) >> 10,
            packets_in: (estimate.packets_in + 0x1ff) >> 10,
            packets_out: (estimate.packets_out + 0x1ff) >> 10,
            bytes_in: (estimate.bytes_in + 0xf) >> 5,
            bytes_out: (estimate.bytes_out + 0xf) >> 5,
        }
    }

    pub(super) fn zero(&mut self) {
        self.zero = self.total;
        self.estimate = Rates::default();
    }

    /// One step of the estimator: two seconds have passed since the step before. The new rate has a weight of a quarter.
    pub(super) fn estimate(&mut self) {
        let (total, last, estimate) = (&self.total, &self.last, &mut self.estimate);
        for (total, last, estimate, shift) in [
            (total.connections, last.connections, &mut estimate.connections, 9),
            (total.packets_in, last.packets_in, &mut estimate.packets_in, 9),
            (total.packets_out, last.packets_out, &mut estimate.packets_out, 9),
            (total.bytes_in, last.bytes_in, &mut estimate.bytes_in, 4),
            (total.bytes_out, last.bytes_out, &mut estimate.bytes_out, 4),
        ] {
            let rate = (total - last) << shift;
            let step = rate.wrapping_sub(*estimate).cast_signed() >> 2;
            *estimate = estimate.wrapping_add_signed(step);
        }
        self.last = self.total;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn rates_follow_the_series_that_a_kernel_showed() {
        let mut counters = Counters::default();
        let series = [(7, 203), (20, 640), (1, 35), (0, 0), (0, 0), (3, 132), (500, 23_500), (0, 0)];
        let shown: Vec<(u64, u64)> = series
            .into_iter()
            .map(|(connections, bytes)| {
                counters.total.connections += connections;
                counters.total.bytes_in += bytes;
                counters.estimate();
                (counters.rates().connections, counters.rates().bytes_in)
            })
            .collect();
        let expected = [(1, 25), (3, 99), (2, 79), (2, 59), (1, 44), (1, 50), (64, 2975), (48, 2231)];
        assert_eq!(shown, expected);
    }
}
