//! Waiting for the last connection of a destination.

use alloc::{sync::Arc, vec::Vec};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// This tells when the last connection of a destination has ended.
///
/// Wait for it in a thread ([`wait`](Self::wait), [`wait_timeout`](Self::wait_timeout)), await it in any async runtime, or look now and then
/// ([`is_done`](Self::is_done)). It ends once and stays so, even when connections come again later.
///
/// ```
/// use lvs_model::{Destination, Endpoint, Weight};
/// use lvs_sched::{Pool, algo::Flow};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::named("wlc".parse()?)?;
/// let endpoint: Endpoint = "10.0.0.1:80".parse()?;
/// pool.add(Destination::new(endpoint), ())?;
/// let connection = pool.picker().connect(&Flow::default()).ok_or("nobody there")?;
///
/// let drain = pool.drain(endpoint)?;
/// assert!(pool.picker().pick(&Flow::default()).is_none(), "a quiesced destination gets no new connections");
/// assert!(!drain.is_done());
/// drop(connection);
/// drain.wait();
/// pool.remove(endpoint)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Drain {
    watch: Arc<Watch>,
    /// The name under which a waker waits.
    waiting: Option<u64>,
}

impl Drain {
    pub(super) const fn new(watch: Arc<Watch>) -> Self {
        Self { watch, waiting: None }
    }

    /// Says whether the last connection has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.watch.state().ended
    }

    /// Blocks until the last connection has ended.
    pub fn wait(&self) {
        let state = self.watch.state();
        drop(self.watch.signal.wait_while(state, |state| !state.ended));
    }

    /// Blocks until the last connection has ended, but not longer than this; says whether it has.
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let state = self.watch.state();
        let waited = self.watch.signal.wait_timeout_while(state, timeout, |state| !state.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

impl Future for Drain {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { watch, waiting } = self.get_mut();
        let mut state = watch.state();
        if state.ended {
            return Poll::Ready(());
        }
        let name = *waiting.get_or_insert_with(|| {
            state.names += 1;
            state.names
        });
        match state.wakers.iter_mut().find(|(waiting, _)| *waiting == name) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => state.wakers.push((name, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Clone for Drain {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.watch))
    }
}

impl Drop for Drain {
    /// Who gives up waiting leaves nothing behind.
    fn drop(&mut self) {
        if let Some(name) = self.waiting {
            let mut state = self.watch.state();
            let at = state.wakers.iter().position(|(waiting, _)| *waiting == name);
            let waker = at.map(|at| state.wakers.swap_remove(at));
            drop(state);
            // It may run a runtime's code, outside of the lock.
            drop(waker);
        }
    }
}

/// The end of a destination's last connection, as it is shared by those who wait and those who release.
#[derive(Debug, Default)]
pub(super) struct Watch {
    state: Mutex<State>,
    signal: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    wakers: Vec<(u64, Waker)>,
    names: u64,
}

impl Watch {
    pub(super) fn ended() -> Self {
        Self { state: Mutex::new(State { ended: true, ..State::default() }), signal: Condvar::new() }
    }

    pub(super) fn end(&self) {
        let wakers = {
            let mut state = self.state();
            state.ended = true;
            core::mem::take(&mut state.wakers)
        };
        self.signal.notify_all();
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    // A waiter that panicked leaves a flag and a list behind, which are whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
