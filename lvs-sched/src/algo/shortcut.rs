//! What may be published of a scheduler so that many threads pick at once.

use super::Slot;

/// This is how picks may be made without asking the scheduler, until anything changes.
///
/// The built-in schedulers have shortcuts of their own kinds. One of a user's can say that the pick is known beforehand
/// ([`same`](Self::same)), or nothing ([`NONE`](Self::NONE)): then each pick takes the pool's lock.
#[derive(Debug, Clone)]
pub struct Shortcut(pub(crate) Kind);

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    None,
    Same(Option<Slot>),
}

impl Shortcut {
    /// Every pick asks the scheduler.
    pub const NONE: Self = Self(Kind::None);

    /// Every pick until the next change gives this destination (or none): picking changes nothing and looks at no flow.
    #[must_use]
    pub const fn same(pick: Option<Slot>) -> Self {
        Self(Kind::Same(pick))
    }
}
