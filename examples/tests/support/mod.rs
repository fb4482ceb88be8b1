//! What the tests of `director` share: the program as a process, HTTP as a client speaks it, addresses of one's own.
#![allow(dead_code, reason = "each test target uses its part")]

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy with other things; nothing waits that long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A loopback address that no other test uses: neither of this process nor of one that runs beside it.
pub(crate) fn own_address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(2);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 1 + high % 250, low, NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none for a minute.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The body of what `GET path` answers.
pub(crate) fn get(server: SocketAddr, path: &str) -> io::Result<String> {
    ask(TcpStream::connect_timeout(&server, PATIENCE)?, path)
}

/// The same on a connection that is open.
pub(crate) fn ask(mut stream: TcpStream, path: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    // In one piece: a server that answers after the first of several would reset the rest.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: director\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => Ok(body.trim().to_owned()),
        None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("not an answer: {answer:?}"))),
    }
}

/// A running `director`, killed when it is dropped.
pub(crate) struct Director {
    child: RefCell<Child>,
    output: Arc<Mutex<String>>,
    errors: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Director {
    /// Starts the program. `prefix` is a command that runs it, such as `ip netns exec NAME`.
    pub(crate) fn start(prefix: &[&str], arguments: &[&str]) -> io::Result<Self> {
        Self::start_onto(prefix, arguments, Stdio::piped(), Stdio::piped())
    }

    /// The same with standard output and standard error where the test wants them.
    pub(crate) fn start_onto(
        prefix: &[&str],
        arguments: &[&str],
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> io::Result<Self> {
        let program = env!("CARGO_BIN_EXE_director");
        let words: Vec<&str> = prefix.iter().copied().chain([program]).chain(arguments.iter().copied()).collect();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()?;
        let (output, errors) = (Arc::default(), Arc::default());
        let stdout = child.stdout.take().map(|pipe| collect(pipe, &output));
        let stderr = child.stderr.take().map(|pipe| collect(pipe, &errors));
        let readers = stdout.into_iter().chain(stderr).collect();
        Ok(Self { child: RefCell::new(child), output, errors, readers })
    }

    /// What it printed on standard output up to now.
    pub(crate) fn output(&self) -> String {
        self.output.lock().expect("no reader panics").clone()
    }

    /// What it printed on standard error up to now.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().expect("no reader panics").clone()
    }

    /// The table that was printed last, line by line with single blanks; empty when there is none.
    pub(crate) fn table(&self) -> Vec<String> {
        let output = self.output();
        let Some(start) = output.rfind("Prot LocalAddress:Port Scheduler Flags\n") else { return Vec::new() };
        let lines = output[start..].lines().skip(2).take_while(|line| !line.is_empty());
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Waits for a table that has this line.
    pub(crate) fn wait_for_line(&self, line: &str) {
        let start = Instant::now();
        while !self.table().iter().any(|l| l == line) {
            let (output, errors) = (self.output(), self.errors());
            let runs = matches!(self.child.borrow_mut().try_wait(), Ok(None));
            assert!(runs && start.elapsed() < PATIENCE, "no table with {line:?}\noutput:\n{output}\nerrors:\n{errors}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for this text on standard error.
    pub(crate) fn wait_for_error(&self, text: &str) {
        wait_for(text, || self.errors().contains(text).then_some(()));
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([format!("-{signal}"), self.child.borrow().id().to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()), "cannot send {signal}");
    }

    /// Waits for the end and gives the status, the output and the errors.
    pub(crate) fn wait(mut self) -> io::Result<(ExitStatus, String, String)> {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.borrow_mut().try_wait()? {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "does not end; errors:\n{}", self.errors());
            std::thread::sleep(Duration::from_millis(10));
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
        Ok((status, self.output(), self.errors()))
    }

    /// Ends it as `Ctrl-C` does.
    pub(crate) fn interrupt(self) -> io::Result<(ExitStatus, String, String)> {
        self.signal("INT");
        self.wait()
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn collect(pipe: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            into.lock().expect("no reader panics").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// A web server that answers every request with its name, until it is dropped.
pub(crate) struct WebServer {
    address: SocketAddr,
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl WebServer {
    /// Starts it; the address must be free.
    pub(crate) fn start(address: SocketAddr, name: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let stop = Arc::<std::sync::atomic::AtomicBool>::default();
        let (stopped, answer) = (Arc::clone(&stop), format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{name}\n"));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(mut stream), answer) = (stream, answer.clone()) else { continue };
                std::thread::spawn(move || {
                    let mut head = [0; 4096];
                    // A health check connects and says nothing.
                    if stream.read(&mut head).is_ok_and(|length| length > 0) {
                        let _ = stream.write_all(answer.as_bytes());
                    }
                });
            }
        });
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it from waiting.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A configuration in a file that goes away with it.
pub(crate) fn file(text: &str) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("director-").suffix(".conf").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// What weighted round robin answers to so many requests; the servers are added in this order.
pub(crate) fn predict_wrr(servers: &[(&str, u16)], times: usize) -> Vec<String> {
    let pool = lvs_sched::Pool::named(lvs_model::SchedulerName::Wrr).expect("a scheduler of the kernel");
    for (number, (name, weight)) in servers.iter().enumerate() {
        let endpoint = SocketAddr::from(([192, 0, 2, 1], 1 + number as u16));
        let destination = lvs_model::Destination::new(endpoint.into()).with_weight((*weight).into());
        pool.add(destination, (*name).to_owned()).expect("the ports differ");
    }
    let mut picker = pool.picker();
    let mut pick = || picker.pick(&lvs_sched::algo::Flow::default()).expect("all have a weight").data().clone();
    (0..times).map(|_| pick()).collect()
}
