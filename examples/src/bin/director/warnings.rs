//! What many clients run into at once is told once a second, with the number of those for whom it was not told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{debug, warn};

/// The time between two warnings of the same.
const INTERVAL: Duration = Duration::from_secs(1);

/// Warnings about single clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warnings(Arc<Mutex<Recent>>);

impl Warnings {
    /// Warns that this happened to the client. `what` follows its address, as in "10.0.0.7:4711 could not be served".
    pub(crate) fn client(&self, client: SocketAddr, what: String) {
        if !self.lock().is_new(&what) {
            debug!("{client} {what}");
            return;
        }
        warn!("{client} {what}");
        let warnings = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let more = warnings.lock().settle(&what);
                match more {
                    None => return,
                    Some(1) => warn!("1 more client {what}"),
                    Some(more) => warn!("{more} more clients {what}"),
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was told within the last interval, each with the number of clients that ran into it since. There are as many as
/// real servers and reasons to fail, so they need no bound.
#[derive(Debug, Default)]
struct Recent(HashMap<String, u64>);

impl Recent {
    /// Whether this was not told lately; it counts as told now.
    fn is_new(&mut self, what: &str) -> bool {
        if let Some(more) = self.0.get_mut(what) {
            *more += 1;
            return false;
        }
        self.0.insert(what.to_owned(), 0);
        true
    }

    /// At the end of an interval: how many there were within it, and a new interval begins. When there was none, it is forgotten.
    fn settle(&mut self, what: &str) -> Option<u64> {
        let more = self.0.get_mut(what).map(std::mem::take).filter(|more| *more > 0);
        if more.is_none() {
            self.0.remove(what);
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_without_any_is_forgotten() {
        let mut recent = Recent::default();
        assert_eq!([recent.is_new("refused"), recent.is_new("refused"), recent.is_new("hung")], [true, false, true]);
        assert_eq!((recent.settle("refused"), recent.settle("hung")), (Some(1), None));
        // The second that begins with the number belongs to it.
        assert_eq!([recent.is_new("refused"), recent.is_new("hung")], [false, true]);
        assert_eq!((recent.settle("refused"), recent.settle("refused")), (Some(1), None));
        assert!(recent.is_new("refused"));
    }
}
