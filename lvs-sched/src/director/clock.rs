//! This counts time in ticks, as the kernel's timers do.

use core::time::Duration;

/// This is the length of a tick: timers run at multiples of it. It is that of a kernel with HZ=250.
pub const TICK: Duration = Duration::from_millis(4);

const PER_SECOND: u64 = 250;

/// Far beyond any lifetime, and small enough that every deadline after it fits the timer wheel.
const LAST: u64 = 1 << 46;

/// Time stands still from here on, some 9,000 years after the origin.
pub(super) const END: Duration = Duration::from_secs(LAST / PER_SECOND);

/// A point in time, in ticks since the caller's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Tick(pub(super) u64);

impl Tick {
    pub(super) fn at(now: Duration) -> Self {
        let millis = now.as_millis() / TICK.as_millis();
        Self(u64::try_from(millis).unwrap_or(LAST).min(LAST))
    }

    pub(super) fn after_seconds(self, seconds: u32) -> Self {
        Self(self.0 + u64::from(seconds) * PER_SECOND)
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The time from `now` until this tick, zero if it is past.
    pub(super) fn since(self, now: Self) -> Duration {
        let ticks = self.0.saturating_sub(now.0);
        Duration::new(ticks / PER_SECOND, (ticks % PER_SECOND) as u32 * TICK.subsec_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_as_many_ticks_as_it_says() {
        assert_eq!(Duration::from_secs(1), TICK * PER_SECOND as u32);
        let now = Tick::at(Duration::from_millis(1_234));
        assert_eq!(now.after_seconds(3).since(now), Duration::from_secs(3));
    }

    #[test]
    fn the_end_of_time_is_a_tick() {
        let end = Tick::at(Duration::MAX);
        assert_eq!(end, Tick(LAST));
        assert!(end.after_seconds(u32::MAX).0 < 1 << 48);
    }
}
