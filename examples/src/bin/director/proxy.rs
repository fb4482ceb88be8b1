//! Bytes both ways between a client and its real server, until both directions have ended.
//!
//! A side that has said all it has to say closes its half; the other half goes on. A side that breaks off resets the other,
//! so that nobody takes half an answer for a whole one.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// What one direction holds at most.
const BUFFER: usize = 16 * 1024;

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
pub(crate) async fn copy(mut client: TcpStream, mut server: TcpStream, closing: impl Fn() + Copy) -> End {
    // Small messages must not wait for each other's acknowledgements; a socket that refuses the option works without it.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    let done = tokio::try_join!(one_way(client_in, server_out, closing), one_way(server_in, client_out, closing));
    match done {
        Ok(_) => End::Closed,
        Err(_) => {
            // Without lingering, the kernel sends a reset when the socket is dropped.
            let _ = client.set_zero_linger();
            let _ = server.set_zero_linger();
            End::Reset
        }
    }
}

async fn one_way(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, closing: impl Fn()) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
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

    /// A client and a server with `copy` between them.
    async fn joined(
        closings: &'static AtomicUsize,
    ) -> io::Result<(TcpStream, TcpStream, tokio::task::JoinHandle<End>)> {
        let (front, back) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let client = TcpStream::connect(front.local_addr()?).await?;
        let (accepted, _) = front.accept().await?;
        let connected = TcpStream::connect(back.local_addr()?).await?;
        let (server, _) = back.accept().await?;
        let copying = tokio::spawn(copy(accepted, connected, || {
            closings.fetch_add(1, Ordering::Relaxed);
        }));
        Ok((client, server, copying))
    }

    #[tokio::test]
    async fn an_answer_comes_after_the_question_is_closed() -> io::Result<()> {
        static CLOSINGS: AtomicUsize = AtomicUsize::new(0);
        let (mut client, mut server, copying) = joined(&CLOSINGS).await?;
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
        let (mut client, server, copying) = joined(&CLOSINGS).await?;
        server.set_zero_linger()?;
        drop(server);
        let mut answer = Vec::new();
        let error = client.read_to_end(&mut answer).await.expect_err("half an answer looks like a whole one");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(copying.await?, End::Reset);
        Ok(())
    }
}
