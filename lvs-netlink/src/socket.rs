//! The real socket: generic netlink by way of `rustix`, non-blocking receives in front of a poll with a deadline.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Connector, SocketRole, Transport};

/// Answers count with what they occupy, about 800 bytes each; the largest window has 1024 of them.
const RECEIVE_QUEUE: usize = 1 << 20;
/// A window is sent in one piece, which the kernel's default of 208 KiB might not take.
const SEND_QUEUE: usize = 1 << 20;

/// This opens sockets to the running kernel.
///
/// [`Kernel::current`] stays with the network namespace in which it was made, even when the thread that
/// later opens a socket again has moved to another one.
#[derive(Debug)]
pub struct Kernel {
    namespace: Namespace,
}

#[derive(Debug)]
enum Namespace {
    /// Where the maker was; none when /proc could not tell.
    Current(Option<File>),
    Named(File),
}

impl Kernel {
    /// This connects to the network namespace of the calling thread.
    #[must_use]
    pub fn current() -> Self {
        Self { namespace: Namespace::Current(File::open("/proc/thread-self/ns/net").ok()) }
    }

    /// This connects to the namespace that a path names: `/run/netns/NAME` (`ip netns add NAME`) or `/proc/PID/ns/net`.
    ///
    /// Sockets are opened on a thread that is made for it, so no caller's thread ever changes its namespace. That
    /// needs `CAP_SYS_ADMIN` besides `CAP_NET_ADMIN`.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn namespace(path: impl AsRef<Path>) -> io::Result<Self> {
        File::open(path).map(|file| Self { namespace: Namespace::Named(file) })
    }

    /// This connects to the namespace that an open descriptor stands for.
    #[must_use]
    pub fn namespace_descriptor(descriptor: OwnedFd) -> Self {
        Self { namespace: Namespace::Named(File::from(descriptor)) }
    }
}

impl Connector for Kernel {
    fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>> {
        let descriptor = match &self.namespace {
            Namespace::Current(None) => open_socket()?,
            Namespace::Current(Some(made_in)) if is_here(made_in) => open_socket()?,
            Namespace::Current(Some(file)) | Namespace::Named(file) => open_elsewhere(file)?,
        };
        if role == SocketRole::Commands {
            // Without CAP_NET_ADMIN the kernel refuses this, and everything else that the socket is for.
            let _ = sockopt::set_socket_recv_buffer_size_force(&descriptor, RECEIVE_QUEUE);
            let _ = sockopt::set_socket_send_buffer_size_force(&descriptor, SEND_QUEUE);
        }
        Ok(Box::new(Socket { descriptor }))
    }
}

/// This talks over a descriptor that was opened elsewhere: by a privileged parent, or in another namespace.
///
/// It must be a generic netlink socket. There is only this one, so after a timeout it cannot be opened again
/// and every further operation fails with [`io::ErrorKind::NotConnected`].
#[derive(Debug)]
pub struct GivenDescriptor {
    descriptor: OwnedFd,
    commands_opened: bool,
    destinations_opened: bool,
    /// Whether an exchange failed, after which late answers may come.
    is_spoiled: Arc<AtomicBool>,
}

impl GivenDescriptor {
    /// This wraps a generic netlink socket.
    #[must_use]
    pub fn new(descriptor: OwnedFd) -> Self {
        Self { descriptor, commands_opened: false, destinations_opened: false, is_spoiled: Arc::default() }
    }
}

impl Connector for GivenDescriptor {
    fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>> {
        let opened = match role {
            SocketRole::Commands => &mut self.commands_opened,
            SocketRole::Destinations => &mut self.destinations_opened,
        };
        if std::mem::replace(opened, true) || self.is_spoiled.load(Ordering::Relaxed) {
            return Err(spoiled());
        }
        let socket = Socket { descriptor: self.descriptor.try_clone()? };
        Ok(Box::new(GivenSocket { socket, is_spoiled: Arc::clone(&self.is_spoiled) }))
    }
}

fn spoiled() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection was made from a descriptor and cannot be opened again")
}

/// One of the two uses of a given descriptor. The client drops it when an exchange failed, which ends the other use, too.
#[derive(Debug)]
struct GivenSocket {
    socket: Socket,
    is_spoiled: Arc<AtomicBool>,
}

impl Transport for GivenSocket {
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
        if self.is_spoiled.load(Ordering::Relaxed) { Err(spoiled()) } else { self.socket.send(datagram, deadline) }
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        self.socket.receive(buffer, deadline)
    }
}

impl Drop for GivenSocket {
    fn drop(&mut self) {
        self.is_spoiled.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Socket {
    descriptor: OwnedFd,
}

impl Transport for Socket {
    fn send(&mut self, datagram: &[u8], _deadline: Instant) -> io::Result<()> {
        loop {
            match rustix::net::send(&self.descriptor, datagram, SendFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        loop {
            match rustix::net::recv(&self.descriptor, &mut *buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
                Ok((_, length)) => return Ok(length),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => self.wait(deadline)?,
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Socket {
    fn wait(&self, deadline: Instant) -> io::Result<()> {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining == Duration::ZERO {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let timeout = Timespec::try_from(remaining).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 });
        match poll(&mut [PollFd::new(&self.descriptor, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Binding lets the kernel choose the port; connecting makes it refuse datagrams from anybody but itself.
fn open_socket() -> io::Result<OwnedFd> {
    let descriptor = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::GENERIC),
    )?;
    rustix::net::bind(&descriptor, &SocketAddrNetlink::new(0, 0))?;
    rustix::net::connect(&descriptor, &SocketAddrNetlink::new(0, 0))?;
    Ok(descriptor)
}

/// A namespace sticks to a thread, so the thread that enters one ends there.
fn open_elsewhere(namespace: &File) -> io::Result<OwnedFd> {
    let namespace = namespace.try_clone()?;
    let thread = std::thread::Builder::new().name("lvs-netlink namespace".into()).spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        open_socket()
    })?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that enters the namespace died")))
}

fn is_here(made_in: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let here = std::fs::metadata("/proc/thread-self/ns/net").map(|there| (there.dev(), there.ino()));
    let there = made_in.metadata().map(|here| (here.dev(), here.ino()));
    matches!((here, there), (Ok(here), Ok(there)) if here == there)
}
