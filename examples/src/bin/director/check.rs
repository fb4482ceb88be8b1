//! When a health check runs, and what its result means: keepalived's rules as a function of results, without clock and sockets.
//!
//! A server that is up goes down after `retry` + 1 failures in a row, one that is down comes up with the first success,
//! and the very first failure after the start counts at once.

use std::time::Duration;

/// The times and counts of one check.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timing {
    /// Between two checks.
    pub(crate) delay_loop: Duration,
    /// How many more failures in a row a server that is up may have.
    pub(crate) retry: u32,
    /// Between a failure that does not count yet and the next check.
    pub(crate) delay_before_retry: Duration,
    /// The first check comes at a random moment of this span, so that a thousand checks do not come at once.
    pub(crate) warmup: Duration,
    /// How the server counts until the first check: up, or (keepalived's `alpha`) down.
    pub(crate) start: Health,
}

/// What a check says about a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// What follows from a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The new health, when it changed.
    pub(crate) change: Option<Health>,
    /// How long to wait before the next check.
    pub(crate) next: Duration,
}

/// The memory of one check.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    timing: Timing,
    health: Health,
    has_run: bool,
    tries: u32,
}

impl Check {
    pub(crate) fn new(timing: Timing) -> Self {
        Self { health: timing.start, has_run: false, tries: timing.retry, timing }
    }

    /// The time before the first check; `random` is a number from 0 to 1.
    pub(crate) fn first(&self, random: f64) -> Duration {
        // keepalived's first second is for the addresses of the machine to settle: a warm-up of nothing leaves it out.
        if self.timing.warmup.is_zero() {
            return Duration::ZERO;
        }
        Duration::from_secs(1) + self.timing.warmup.mul_f64(random.clamp(0.0, 1.0))
    }

    /// Takes the result of a check.
    pub(crate) fn result(&mut self, seen: Health) -> Verdict {
        let first = !self.has_run;
        self.has_run = true;
        match seen {
            Health::Up => {
                self.tries = 0;
                Verdict { change: self.become_health(Health::Up), next: self.timing.delay_loop }
            }
            Health::Down if (self.health == Health::Up || first) && self.tries >= self.timing.retry => {
                self.tries = 0;
                Verdict { change: self.become_health(Health::Down), next: self.timing.delay_loop }
            }
            Health::Down if self.health == Health::Up => {
                self.tries += 1;
                Verdict { change: None, next: self.timing.delay_before_retry }
            }
            Health::Down => Verdict { change: None, next: self.timing.delay_loop },
        }
    }

    fn become_health(&mut self, health: Health) -> Option<Health> {
        let changed = self.health != health;
        self.health = health;
        changed.then_some(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Down, Up};

    fn check(retry: u32, start: Health) -> Check {
        let second = Duration::from_secs(1);
        Check::new(Timing { delay_loop: 6 * second, retry, delay_before_retry: second, warmup: 10 * second, start })
    }

    /// Plays results and gives (the change, the seconds to the next check) of each.
    fn play(mut check: Check, results: &[Health]) -> Vec<(Option<Health>, u64)> {
        let verdicts = results.iter().map(|r| check.result(*r));
        verdicts.map(|v| (v.change, v.next.as_secs())).collect()
    }

    #[test]
    fn the_very_first_failure_counts_at_once() {
        assert_eq!(play(check(3, Up), &[Down, Down]), [(Some(Down), 6), (None, 6)]);
    }

    #[test]
    fn a_server_that_is_up_goes_down_after_retry_plus_one_failures_in_a_row() {
        let seen = play(check(2, Up), &[Up, Down, Down, Up, Down, Down, Down, Down, Up, Down]);
        let expected = [
            (None, 6),
            (None, 1),
            (None, 1),
            (None, 6),
            (None, 1),
            (None, 1),
            (Some(Down), 6),
            (None, 6),
            (Some(Up), 6),
            (None, 1),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn without_retry_each_failure_counts() {
        assert_eq!(play(check(0, Up), &[Up, Down, Up]), [(None, 6), (Some(Down), 6), (Some(Up), 6)]);
    }

    #[test]
    fn a_server_that_starts_down_comes_up_with_its_first_success() {
        assert_eq!(play(check(1, Down), &[Down, Down, Up]), [(None, 6), (None, 6), (Some(Up), 6)]);
    }

    #[test]
    fn the_first_check_comes_within_the_warm_up() {
        assert_eq!(check(1, Up).first(0.0), Duration::from_secs(1));
        assert_eq!(check(1, Up).first(0.5), Duration::from_secs(6));
        assert_eq!(check(1, Up).first(7.0), Duration::from_secs(11));
        let at_once = Timing { warmup: Duration::ZERO, ..check(1, Up).timing };
        assert_eq!(Check::new(at_once).first(0.5), Duration::ZERO);
    }
}
