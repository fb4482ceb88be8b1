//! A short lock: one atomic operation to take it, one plain store to give it back.
//!
//! Sections under it are some tens of nanoseconds. Two threads that meet back off with growing pauses, which costs a third of what a queue
//! costs; one that waits for long (the holder was preempted) yields its time slice.

#[cfg(not(loom))]
mod imp {
    pub(crate) use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, Ordering};

    use spin::mutex::{SpinMutex, SpinMutexGuard};

    #[derive(Debug, Default)]
    pub(crate) struct Lock<T>(SpinMutex<T>);

    impl<T> Lock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(SpinMutex::new(value))
        }

        #[inline]
        pub(crate) fn lock(&self) -> SpinMutexGuard<'_, T> {
            match self.0.try_lock() {
                Some(guard) => guard,
                None => self.wait(),
            }
        }

        #[cold]
        fn wait(&self) -> SpinMutexGuard<'_, T> {
            const LONGEST: u32 = 1 << 9;
            const PATIENCE: u32 = 1 << 12;
            let (mut pauses, mut waited) = (64, 0);
            loop {
                if waited < PATIENCE {
                    (0..pauses).for_each(|_| core::hint::spin_loop());
                    waited += pauses;
                    pauses = (pauses * 2).min(LONGEST);
                } else {
                    std::thread::yield_now();
                }
                if let Some(guard) = (!self.0.is_locked()).then(|| self.0.try_lock()).flatten() {
                    return guard;
                }
            }
        }
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, Ordering};
    use loom::sync::{Mutex, MutexGuard};

    #[derive(Debug)]
    pub(crate) struct Lock<T>(Mutex<T>);

    impl<T> Lock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

pub(crate) use imp::{AtomicI32, AtomicU8, AtomicU64, Lock, Ordering};

/// A value alone on its cache lines: what many threads write must not share a line with what they read.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> core::ops::Deref for Padded<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
