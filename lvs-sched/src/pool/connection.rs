//! The guard that counts a connection.

use alloc::sync::Arc;
use core::{fmt, ops::Deref};

use lvs_model::Endpoint;

use super::{
    drain::Drain,
    shared::{Accounts, Activity},
    template::Template,
};
use crate::algo::DestinationId;

/// A destination of a pool with the caller's data.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) id: DestinationId,
    pub(super) endpoint: Endpoint,
    pub(super) data: T,
    pub(super) accounts: Arc<dyn Accounts>,
}

/// This is one connection to a destination, counted from the pick to its drop.
///
/// It dereferences to the caller's data of the destination. It can be moved to any thread and kept for as long as you like: after its
/// destination was removed, and after the pool is gone.
///
/// # When is a connection active, and when does it end?
///
/// | | active | inactive | ends |
/// |---|---|---|---|
/// | TCP in the kernel | from the SYN on, while established | after a FIN or RST of either side | when its timer ends: 120 s after a FIN, 10 s after a RST |
/// | UDP in the kernel | never | from the first datagram on | 300 s after the last datagram of either side |
/// | SCTP in the kernel | while established | before and after | when its timer ends |
/// | a proxy | from the pick on, while bytes may flow | optionally, while it lingers (kept alive, half closed) | when you drop the guard |
///
/// [`Picker::connect`](super::Picker::connect) counts TCP flows as active and all others as inactive, as the kernel does at the first
/// packet. A proxy for UDP that wants sed, nq or ovf to see its sessions calls [`activate`](Self::activate). An idle connection that
/// goes back to a pool of connections may be [deactivated](Self::deactivate): for lc and wlc it then weighs a 256th.
#[must_use = "dropping it ends the connection"]
pub struct Connection<T> {
    entry: Arc<Entry<T>>,
    activity: Activity,
}

impl<T> Connection<T> {
    pub(super) const fn new(entry: Arc<Entry<T>>, activity: Activity) -> Self {
        Self { entry, activity }
    }

    /// The caller's data of the destination.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.entry.data
    }

    /// The address and port of the destination.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.entry.endpoint
    }

    /// The lasting name of the destination, for [`Picker::retry`](super::Picker::retry).
    #[must_use]
    pub fn id(&self) -> DestinationId {
        self.entry.id
    }

    /// Says whether it is counted as active.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.activity == Activity::Active
    }

    /// Counts it as active from now on. Doing so twice is the same as once.
    pub fn activate(&mut self) {
        self.set(Activity::Active);
    }

    /// Counts it as inactive from now on. Doing so twice is the same as once.
    pub fn deactivate(&mut self) {
        self.set(Activity::Inactive);
    }

    /// Keeps the client at this destination: what [`Picker::template`](super::Picker::template) does, for a destination that has been
    /// connected to already, such as one that [took over](super::Picker::retry). `None` if it was removed.
    ///
    /// ```
    /// use lvs_model::Destination;
    /// use lvs_sched::{Pool, algo::Flow};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::named("rr".parse()?)?;
    /// for endpoint in ["10.0.0.1:80", "10.0.0.2:80"] {
    ///     pool.add(Destination::new(endpoint.parse()?), ())?;
    /// }
    /// let (mut picker, flow) = (pool.picker(), Flow::default());
    /// let first = picker.connect(&flow).ok_or("nobody")?;
    /// let client = first.template().ok_or("removed")?;
    /// let second = client.connect(&flow).ok_or("removed")?;
    /// assert_eq!(second.endpoint(), first.endpoint());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn template(&self) -> Option<Template<T>> {
        Template::new(&self.entry)
    }

    /// Tells when the last connection of the destination has ended; this one is among them.
    #[must_use]
    pub fn watch(&self) -> Drain {
        Drain::new(self.entry.accounts.watch(self.entry.id))
    }

    fn set(&mut self, activity: Activity) {
        if self.activity != activity {
            self.activity = activity;
            self.entry.accounts.change(self.entry.id, activity);
        }
    }
}

impl<T> Drop for Connection<T> {
    #[inline]
    fn drop(&mut self) {
        self.entry.accounts.release(self.entry.id, self.activity);
    }
}

impl<T> Deref for Connection<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data()
    }
}

impl<T> fmt::Debug for Connection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint()).field("active", &self.is_active()).finish()
    }
}
