//! Where the end of a drain is kept when no program keeps it.

use lvs_model::Thresholds;
use std::time::{Duration, SystemTime};

/// This is the latest moment at which a draining destination is removed.
///
/// A program that is restarted, or that runs once a minute, does not know when a destination began to drain, and the kernel keeps no time of it either.
/// So the moment must come from outside ([`At`](Self::At)) or be written down where it survives, which is with the destination itself:
/// [`After`](Self::After) stores it in the destination's thresholds. They decide which *new* connections it takes, and at weight 0 it takes none, so they are free.
/// `ipvsadm -Ln --thresholds` shows the mark while the destination drains: both thresholds are the deadline in seconds since the beginning of 2026 (UTC).
/// When the destination is wanted again, its own thresholds are restored together with its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Deadline {
    /// It waits for as long as connections live.
    Never,
    /// A fixed moment, the same for every destination: the end of a maintenance window, or of the grace that a new configuration gives.
    At(SystemTime),
    /// So long after its weight was set to 0. Kept in the kernel to the second, and no further than to the year 2094.
    After(Duration),
}

/// 2026-01-01 00:00 UTC, from which the marks count.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);
/// A mark that passed longer ago than this is somebody's real thresholds.
const STALE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Where a deadline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Passed,
    Ahead(Option<SystemTime>),
    /// It counts from the beginning of the drain, and there is no mark of one.
    Unknown,
}

impl Deadline {
    /// The thresholds that a destination gets when it begins to drain now; `None` leaves its own.
    pub(super) fn begin(self, now: SystemTime) -> Option<Thresholds> {
        let Self::After(grace) = self else { return None };
        let end = since_epoch(now).saturating_add(grace).as_secs().min(i32::MAX.unsigned_abs().into());
        let mark = u32::try_from(end).unwrap_or(i32::MAX.unsigned_abs());
        // Two equal numbers are never out of order.
        Thresholds::new(mark, mark).ok()
    }

    pub(super) fn state(self, thresholds: Thresholds, now: SystemTime) -> State {
        match self {
            Self::Never => State::Ahead(None),
            Self::At(end) if end <= now => State::Passed,
            Self::At(end) => State::Ahead(Some(end)),
            Self::After(grace) => {
                let mark = Duration::from_secs(thresholds.upper().into());
                let now = since_epoch(now);
                if thresholds.upper() == 0
                    || thresholds.lower() != thresholds.upper()
                    || mark > now.saturating_add(grace)
                {
                    State::Unknown
                } else if mark > now {
                    State::Ahead(SystemTime::UNIX_EPOCH.checked_add(EPOCH + mark))
                } else if mark + STALE >= now {
                    State::Passed
                } else {
                    State::Unknown
                }
            }
        }
    }
}

/// Whole seconds since [`EPOCH`]; a clock that stands before it counts as being there.
fn since_epoch(now: SystemTime) -> Duration {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(seconds.saturating_sub(EPOCH.as_secs()))
}
