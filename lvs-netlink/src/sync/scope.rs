//! Which services are ours.

use lvs_model::ServiceKey;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// This says which services a plan may touch; what is outside it is neither changed nor removed, whoever made it.
///
/// There is no default on purpose. Most reports against programs that keep IPVS in step say that they removed what another program had made.
///
/// ```
/// use lvs_model::ServiceKey;
/// use lvs_netlink::sync::Scope;
///
/// let web: ServiceKey = "tcp 10.0.0.1:80".parse()?;
/// let dns: ServiceKey = "udp 10.0.0.2:53".parse()?;
///
/// let listed = Scope::keys([web]);
/// assert!(listed.contains(&web) && !listed.contains(&dns));
///
/// let mine = Scope::matching(|key| key.endpoint().is_some_and(|virtual_address| virtual_address.port == 53));
/// assert!(!mine.contains(&web) && mine.contains(&dns));
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Scope(Kind);

#[derive(Clone)]
enum Kind {
    Everything,
    Keys(Arc<HashSet<ServiceKey>>),
    Matching(Arc<dyn Fn(&ServiceKey) -> bool + Send + Sync>),
}

impl Scope {
    /// Every service in the network namespace, for a program that is alone there. Services that it does not know are removed.
    #[must_use]
    pub fn everything() -> Self {
        Self(Kind::Everything)
    }

    /// The services that are listed.
    ///
    /// A service that has left the desired table is only removed while it is still listed here, so list those that you made before, too.
    #[must_use]
    pub fn keys(keys: impl IntoIterator<Item = ServiceKey>) -> Self {
        Self(Kind::Keys(Arc::new(keys.into_iter().collect())))
    }

    /// The services that a rule says yes to: an address range, a range of marks. The rule must always answer the same.
    #[must_use]
    pub fn matching(rule: impl Fn(&ServiceKey) -> bool + Send + Sync + 'static) -> Self {
        Self(Kind::Matching(Arc::new(rule)))
    }

    /// Whether a service is ours.
    #[must_use]
    pub fn contains(&self, key: &ServiceKey) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Keys(keys) => keys.contains(key),
            Kind::Matching(rule) => rule(key),
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Everything => f.write_str("Scope::everything()"),
            Kind::Keys(keys) => f.debug_tuple("Scope::keys").field(keys).finish(),
            Kind::Matching(_) => f.write_str("Scope::matching(..)"),
        }
    }
}
