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
#[derive(Debug, Clone)]
pub struct Drain {
    watch: Arc<Watch>,
}

impl Drain {
    pub(super) const fn new(watch: Arc<Watch>) -> Self {
        Self { watch }
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
        let mut state = self.watch.state();
        if state.ended {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
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
    wakers: Vec<Waker>,
}

impl Watch {
    pub(super) fn ended() -> Self {
        Self { state: Mutex::new(State { ended: true, wakers: Vec::new() }), signal: Condvar::new() }
    }

    pub(super) fn end(&self) {
        let wakers = {
            let mut state = self.state();
            state.ended = true;
            core::mem::take(&mut state.wakers)
        };
        self.signal.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    // A waiter that panicked leaves a flag and a list behind, which are whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
