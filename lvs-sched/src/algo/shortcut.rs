//! What may be published of a scheduler so that many threads pick at once.
#![cfg_attr(not(feature = "std"), expect(dead_code, reason = "pools take shortcuts"))]

use alloc::sync::Arc;

use super::{Slot, dh, mh, sh, twos::Chances};

/// This is how picks may be made without asking the scheduler, until anything changes.
///
/// The built-in schedulers have shortcuts of their own kinds. One of a user's can say that the next pick is known beforehand
/// ([`KNOWN`](Self::KNOWN)), that picks go round a table ([`turns`](Self::turns)), or nothing ([`ASK`](Self::ASK)): then each pick takes
/// the pool's lock.
#[derive(Debug, Clone)]
pub struct Shortcut(pub(crate) Kind);

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Ask,
    Later,
    Known,
    Turns(Arc<[Slot]>),
    Dh(dh::Table),
    Sh(sh::Table),
    Mh(mh::Table),
    Draw(Arc<Chances>),
}

impl Shortcut {
    /// Every pick asks the scheduler.
    pub const ASK: Self = Self(Kind::Ask);

    /// There is none worth its cost yet: ask again after the next pick.
    pub const LATER: Self = Self(Kind::Later);

    /// The next pick is known: picking changes nothing and looks at no flow.
    ///
    /// [`Scheduler::next_pick`](super::Scheduler::next_pick) is asked after every change then, and what it says is published.
    pub const KNOWN: Self = Self(Kind::Known);

    /// Picks go round this table from its beginning, passing over destinations that are overloaded, until something is edited.
    ///
    /// [`Scheduler::taken`](super::Scheduler::taken) then says how far they went.
    #[must_use]
    pub const fn turns(table: Arc<[Slot]>) -> Self {
        Self(Kind::Turns(table))
    }
}
