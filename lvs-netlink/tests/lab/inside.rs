//! The way of a test into a network namespace.

/// Runs something on a thread inside a network namespace; sockets made there stay in it.
pub(crate) fn inside<T: Send>(path: &str, make: impl FnOnce() -> T + Send) -> T {
    let namespace = std::fs::File::open(path).unwrap();
    std::thread::scope(|scope| {
        let entered = scope.spawn(|| {
            use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
            use std::os::fd::AsFd as _;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            make()
        });
        entered.join().unwrap()
    })
}
