//! The same client for asynchronous programs: on a thread of its own, since the kernel works inside `send(2)`.
//!
//! Readiness of the socket gains nothing here: a command is carried out before the system call that sends it
//! returns, and a change of a scheduler takes 10 to 20 milliseconds in there. So the executor is spared by another
//! thread, not by a non-blocking socket.
//!
//! ```
//! # #[cfg(feature = "test-util")] {
//! use lvs_netlink::{AsyncClient, Client, fake};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let client = AsyncClient::start(|| Client::with_connector(fake::Kernel::new())).await?;
//! let info = client.run(Client::info).await?;
//! assert_eq!(info.version.to_string(), "1.2.1");
//! # Ok::<(), lvs_netlink::Error>(())
//! # })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::oneshot;

use crate::{Client, Error, ErrorKind, Object, Operation};

type Job = Box<dyn FnOnce(&mut Client) + Send>;

/// This drives a [`Client`] on a worker thread; clones share the thread and its one connection.
///
/// Jobs are done one after the other, in the order in which their futures were first polled.
///
/// # Cancellation
/// Dropping the future of [`run`](Self::run) before its job was begun means that it is never begun. After that it
/// goes on to its end on the thread and only its result is lost: what the kernel was told is told. A window of
/// changes is never torn apart; to be able to stop between windows, make each a job of its own.
///
/// # End
/// The thread ends when the last clone is gone and the last job is done. Should a job panic, the thread ends too:
/// the futures that wait, and all later ones, give [`ErrorKind::Io`] with [`io::ErrorKind::BrokenPipe`].
#[derive(Clone)]
pub struct AsyncClient {
    jobs: Sender<Job>,
}

impl AsyncClient {
    /// This starts the thread and connects on it to the network namespace in which the calling thread is.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect() -> Result<Self, Error> {
        let kernel = crate::Kernel::current();
        Self::start(move || Client::with_connector(kernel)).await
    }

    /// This starts the thread and has `connect` make the client on it.
    ///
    /// # Errors
    /// Those of `connect`, and [`ErrorKind::Io`] when no thread can be started.
    pub async fn start(connect: impl FnOnce() -> Result<Client, Error> + Send + 'static) -> Result<Self, Error> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (connected, answer) = oneshot::channel();
        let work = move || {
            let mut client = match connect() {
                Ok(client) => client,
                Err(error) => return drop(connected.send(Err(error))),
            };
            // Nobody waits any more: then nobody holds the other end of the queue either.
            let _ = connected.send(Ok(()));
            for job in queue {
                job(&mut client);
            }
        };
        let thread = thread::Builder::new().name("lvs-netlink".into()).spawn(work);
        thread.map_err(|error| Error::new(Operation::Connect, Object::None, ErrorKind::Io(error)))?;
        answer.await.unwrap_or_else(|_| Err(gone()))?;
        Ok(Self { jobs })
    }

    /// This does something with the client on its thread and gives what comes of it.
    ///
    /// # Errors
    /// Those of the job, and [`ErrorKind::Io`] when the thread has ended.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Client) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (result, answer) = oneshot::channel();
        let unless_cancelled = move |client: &mut Client| {
            if !result.is_closed() {
                // The future may be dropped meanwhile, and with it the wish to know.
                let _ = result.send(job(client));
            }
        };
        self.jobs.send(Box::new(unless_cancelled)).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> Error {
    let error = io::Error::new(io::ErrorKind::BrokenPipe, "the client's thread has ended");
    Error::new(Operation::Connect, Object::None, ErrorKind::Io(error))
}

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient").finish_non_exhaustive()
    }
}
