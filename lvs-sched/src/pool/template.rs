//! The guard of a client's persistence.

use alloc::sync::Arc;
use core::fmt;

use lvs_model::Endpoint;

use super::{
    connection::{Connection, Entry},
    shared::Activity,
};
use crate::algo::DestinationId;

/// This keeps a client with one destination: a persistence template, counted as persistent (`PersistConn` of `ipvsadm -L`) until its drop.
///
/// As in the kernel, the scheduler is asked once, for the template, and its connections go to the same destination whether it is quiesced
/// or overloaded by then; only removal ends that, until the same destination is added again. The data is that of the destination when the
/// template was made. Keep one per client (by address, by cookie), for as long as the client shall stay.
///
/// ```
/// use lvs_model::{Destination, Endpoint};
/// use lvs_sched::{Pool, algo::Flow};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::named("wlc".parse()?)?;
/// let endpoint: Endpoint = "10.0.0.1:80".parse()?;
/// pool.add(Destination::new(endpoint), ())?;
/// let flow = Flow::default();
/// let client = pool.picker().template(&flow).ok_or("nobody there")?;
///
/// let drain = pool.drain(endpoint)?;
/// let connection = client.connect(&flow).ok_or("removed")?;
/// assert_eq!(pool.destinations()[0].counts().persistent, 1);
/// assert_eq!(connection.endpoint(), client.endpoint());
///
/// pool.remove(endpoint)?;
/// assert!(client.connect(&flow).is_none());
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it ends the persistence"]
pub struct Template<T> {
    entry: Arc<Entry<T>>,
}

impl<T> Template<T> {
    /// Counts a template to a destination; `None` if it was removed.
    pub(super) fn new(entry: &Arc<Entry<T>>) -> Option<Self> {
        entry.accounts.bind_template(entry.id).then(|| Self { entry: Arc::clone(entry) })
    }

    /// Counts a connection of the client; `None` if the destination was removed, so that a new template is due.
    #[must_use]
    pub fn connect(&self, flow: &crate::algo::Flow) -> Option<Connection<T>> {
        let activity = Activity::of(flow);
        let known = self.entry.accounts.bind(self.entry.id, activity);
        known.then(|| Connection::new(Arc::clone(&self.entry), activity))
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

    /// The lasting name of the destination.
    #[must_use]
    pub fn id(&self) -> DestinationId {
        self.entry.id
    }
}

impl<T> Drop for Template<T> {
    fn drop(&mut self) {
        self.entry.accounts.release_template(self.entry.id);
    }
}

impl<T> fmt::Debug for Template<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}
