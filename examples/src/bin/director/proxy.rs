//! Bytes both ways between a client and its real server, until both directions have ended.
//!
//! A side that has said all it has to say closes its half; the other half goes on. A side that breaks off resets the other,
//! so that nobody takes half an answer for a whole one. A peer that vanished says nothing at all: silence ends as a reset.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::Instant;

/// What one direction holds at most.
const BUFFER: usize = 16 * 1024;

/// How often a silent connection is looked at, at least.
const LOOK: Duration = Duration::from_secs(1);

/// How long nothing may come from either side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silence {
    /// While both directions are open: the kernel's ESTABLISHED.
    pub(crate) open: Duration,
    /// When a side has closed its half: the kernel's FIN_WAIT.
    pub(crate) half_closed: Duration,
}

/// How a connection ended, which decides how long it stays in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides closed: the kernel's TIME_WAIT.
    Closed,
    /// One side broke off: the kernel's CLOSE.
    Reset,
}

/// Copies until the end. `closing` is called when a side closes its half: from the first one on the kernel counts the
/// connection as inactive.
pub(crate) async fn copy(
    mut client: TcpStream,
    mut server: TcpStream,
    silence: Silence,
    closing: impl Fn() + Copy,
) -> End {
    // Small messages must not wait for each other's acknowledgements; a socket that refuses the option works without it.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    let last = Last { start: Instant::now(), heard: AtomicU64::new(0), half_closed: AtomicBool::new(false) };
    let closing = || {
        last.half_closed.store(true, Relaxed);
        closing();
    };
    let copying = async {
        tokio::try_join!(one_way(client_in, server_out, &last, closing), one_way(server_in, client_out, &last, closing))
    };
    let done = tokio::select! {
        done = copying => done.is_ok(),
        () = last.silent(silence) => false,
    };
    if done {
        return End::Closed;
    }
    // Without lingering, the kernel sends a reset when the socket is dropped.
    let _ = client.set_zero_linger();
    let _ = server.set_zero_linger();
    End::Reset
}

/// When something came last from either side, and whether one has closed its half. One task writes and reads it.
struct Last {
    start: Instant,
    /// Milliseconds since the start.
    heard: AtomicU64,
    half_closed: AtomicBool,
}

impl Last {
    fn heard(&self) {
        self.heard.store(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Waits for a silence that is too long.
    async fn silent(&self, silence: Silence) {
        loop {
            let patience = if self.half_closed.load(Relaxed) { silence.half_closed } else { silence.open };
            let since = Duration::from_millis(self.heard.load(Relaxed));
            let left = since.saturating_add(patience).saturating_sub(self.start.elapsed());
            if left.is_zero() {
                return;
            }
            // A half that is closed meanwhile shortens the silence.
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}

async fn one_way(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, last: &Last, closing: impl Fn()) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        last.heard();
        if length == 0 {
            closing();
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    const MINUTE: Duration = Duration::from_secs(60);
    const LONG: Silence = Silence { open: MINUTE, half_closed: MINUTE };

    /// A client and a server with `copy` between them.
    async fn joined(
        silence: Silence,
        closings: &'static AtomicUsize,
    ) -> io::Result<(TcpStream, TcpStream, tokio::task::JoinHandle<End>)> {
        let (front, back) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let client = TcpStream::connect(front.local_addr()?).await?;
        let (accepted, _) = front.accept().await?;
        let connected = TcpStream::connect(back.local_addr()?).await?;
        let (server, _) = back.accept().await?;
        let copying = tokio::spawn(copy(accepted, connected, silence, || {
            closings.fetch_add(1, Ordering::Relaxed);
        }));
        Ok((client, server, copying))
    }

    #[tokio::test]
    async fn an_answer_comes_after_the_question_is_closed() -> io::Result<()> {
        static CLOSINGS: AtomicUsize = AtomicUsize::new(0);
        let (mut client, mut server, copying) = joined(LONG, &CLOSINGS).await?;
        let question = vec![7; 1_000_000];
        let asked = question.clone();
        let asking = tokio::spawn(async move {
            client.write_all(&asked).await?;
            client.shutdown().await?;
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await?;
            io::Result::Ok(answer)
        });
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await?;
        assert_eq!(heard, question);
        assert_eq!(CLOSINGS.load(Ordering::Relaxed), 1);
        server.write_all(b"answer").await?;
        drop(server);
        assert_eq!(asking.await??, b"answer");
        assert_eq!(copying.await?, End::Closed);
        Ok(())
    }

    #[tokio::test]
    async fn a_side_that_breaks_off_resets_the_other() -> io::Result<()> {
        static CLOSINGS: AtomicUsize = AtomicUsize::new(0);
        let (mut client, server, copying) = joined(LONG, &CLOSINGS).await?;
        server.set_zero_linger()?;
        drop(server);
        let mut answer = Vec::new();
        let error = client.read_to_end(&mut answer).await.expect_err("half an answer looks like a whole one");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(copying.await?, End::Reset);
        Ok(())
    }

    #[tokio::test]
    async fn a_peer_that_vanished_is_not_waited_for() -> io::Result<()> {
        static CLOSINGS: AtomicUsize = AtomicUsize::new(0);
        let short = Duration::from_millis(100);
        // Both are there and say nothing: the client hears the reset.
        let silence = Silence { open: short, ..LONG };
        let (mut client, _server, copying) = joined(silence, &CLOSINGS).await?;
        let error = client.read_u8().await.expect_err("nobody said anything");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(copying.await?, End::Reset);
        // The client is gone and the server never notices.
        let silence = Silence { half_closed: short, ..LONG };
        let (client, _server, copying) = joined(silence, &CLOSINGS).await?;
        drop(client);
        assert_eq!(copying.await?, End::Reset);
        Ok(())
    }
}
