//! Error numbers as the kernel answers them, with the names that people search for.
//!
//! ```
//! use lvs_netlink::Errno;
//!
//! assert_eq!(Errno::ESRCH.to_string(), "ESRCH");
//! assert_eq!(Errno::new(3), Errno::ESRCH);
//! assert_eq!(Errno::new(4000).to_string(), "errno 4000");
//! ```

use core::fmt;

/// This is an error number of the Linux kernel, always positive (`ESRCH` is 3).
///
/// A netlink answer carries it negated; [`Errno::new`] takes either sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(u32);

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Errno = Errno($number);)*

            /// This names the number as C does (`"ESRCH"`), for those that IPVS and netlink answer with.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    /// Operation not permitted: no `CAP_NET_ADMIN` in the initial user namespace.
    EPERM = 1;
    /// No such file or directory: no such destination, scheduler or engine, or a stale family id.
    ENOENT = 2;
    /// No such process: IPVS says this of a service, or a sync daemon, that is not there.
    ESRCH = 3;
    /// Interrupted system call.
    EINTR = 4;
    /// Input or output error.
    EIO = 5;
    /// Try again: nothing has been received yet.
    EAGAIN = 11;
    /// Out of memory.
    ENOMEM = 12;
    /// Permission denied.
    EACCES = 13;
    /// Device or resource busy: a second dump on one socket.
    EBUSY = 16;
    /// File exists: the service, destination or daemon is there already.
    EEXIST = 17;
    /// No such device: the sync daemon's interface is unknown.
    ENODEV = 19;
    /// Invalid argument.
    EINVAL = 22;
    /// Too many open files.
    EMFILE = 24;
    /// Numerical result out of range: a weight or threshold.
    ERANGE = 34;
    /// Message too long.
    EMSGSIZE = 90;
    /// Protocol not available: the module is being unloaded.
    ENOPROTOOPT = 92;
    /// Protocol not supported: the kernel has no generic netlink.
    EPROTONOSUPPORT = 93;
    /// Operation not supported: an unknown command, or one used as a dump that is none.
    EOPNOTSUPP = 95;
    /// Address family not supported.
    EAFNOSUPPORT = 97;
    /// Address already in use: another program has the sync daemon's port.
    EADDRINUSE = 98;
    /// Cannot assign requested address: the sync daemon's interface has no address of the group's family.
    EADDRNOTAVAIL = 99;
    /// Network is down.
    ENETDOWN = 100;
    /// Network is unreachable: the sync daemon's interface is down.
    ENETUNREACH = 101;
    /// No buffer space: the receive queue overflowed and answers were lost.
    ENOBUFS = 105;
    /// Connection timed out.
    ETIMEDOUT = 110;
}

impl Errno {
    /// This takes a number of either sign: `3` and `-3` are both [`Errno::ESRCH`].
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number.unsigned_abs())
    }

    /// This is the positive number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
