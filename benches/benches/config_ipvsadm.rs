//! A million ipvsadm rules: read into a table, streamed as commands, kept as a document, printed; beside the loop that a
//! person would write, which splits and parses the same text and builds nothing.
//!
//!     cargo bench -p lvs-benches --bench config_ipvsadm [LINES]
//!
//! Every sample stands beside a sample of that loop, taken a moment before, and both are measured in time on the
//! processor: the ratio is what counts, also on a busy machine.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::SocketAddrV4;

use lvs_config::ipvsadm::{Mode, Order, Printer, Reader, Rules, read};
use rustix::time::{ClockId, clock_gettime};

/// Rules as `ipvsadm -S -n` prints them, with so many destinations in each service.
fn rules(lines: usize, destinations: u32) -> String {
    let mut out = String::with_capacity(lines * 50);
    let mut count = 0;
    for service in 0_u32.. {
        let [_, a, b, c] = service.to_be_bytes();
        let key = format!("-t 10.{a}.{b}.{c}:80");
        let _ = writeln!(out, "-A {key} -s wlc");
        count += 1;
        for destination in 0..destinations {
            if count == lines {
                return out;
            }
            let [_, a, b, c] = destination.to_be_bytes();
            let _ = writeln!(out, "-a {key} -r 192.{a}.{b}.{c}:8080 -m -w {}", destination % 100);
            count += 1;
        }
        if count == lines {
            return out;
        }
    }
    out
}

/// The loop that a person would write: it splits and parses everything and keeps nothing.
fn naive(text: &str) -> u64 {
    let mut sum = 0;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "-t" | "-r" => {
                    let endpoint = words.next().and_then(|word| word.parse::<SocketAddrV4>().ok());
                    sum += endpoint.map_or(0, |endpoint| u64::from(endpoint.port()));
                }
                "-w" => sum += words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0),
                "-s" => sum += words.next().map_or(0, |word| word.len() as u64),
                _ => {}
            }
        }
    }
    sum
}

/// Seconds on the processor.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let before = now();
    let result = black_box(run());
    (now() - before, result)
}

/// The median time of something and the median of its ratio to the naive loop.
fn measure<T>(text: &str, mut run: impl FnMut() -> T) -> (f64, f64) {
    const SAMPLES: usize = 9;
    let mut times = Vec::new();
    let mut ratios = Vec::new();
    for _ in 0..SAMPLES {
        let (reference, _) = timed(|| naive(text));
        // What was built is given back outside of the measurement, as the loop builds nothing.
        let (time, _built) = timed(&mut run);
        times.push(time);
        ratios.push(time / reference);
    }
    times.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    (times[SAMPLES / 2], ratios[SAMPLES / 2])
}

fn main() {
    let lines = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    println!("{lines} rules; ratio 1.00 is lines(), split_whitespace() and parse() without building anything");
    for destinations in [1, 9, 99] {
        let text = rules(lines, destinations);
        let reading = read(&text);
        assert!(reading.diagnostics.is_empty());
        assert_eq!(reading.table.iter().map(|server| 1 + server.destinations().len()).sum::<usize>(), lines);
        let report = |what: &str, (seconds, ratio): (f64, f64)| {
            let (speed, each) = (text.len() as f64 / seconds / 1e6, seconds / lines as f64 * 1e9);
            println!("{what:<44} {ratio:>5.2}  {speed:>6.0} MB/s  {each:>5.0} ns/line");
        };
        println!("{destinations} real servers in each service, {} MB:", text.len() / 1_000_000);
        report("the loop itself", measure(&text, || naive(&text)));
        report("to a Table", measure(&text, || read(&text)));
        let reader = Reader::new(Mode::Strict);
        report("to typed commands", measure(&text, || reader.commands(&text).filter(|c| c.command.is_some()).count()));
        report("to a lossless document", measure(&text, || Rules::parse(text.as_bytes(), Mode::Strict)));
        let printer = Printer::canonical().with_order(Order::Table);
        report("a Table to canonical text", measure(&text, || printer.print(&reading.table)));
        // The blank at the end of each line is enough to lose the short way.
        let odd = text.replace('\n', " \n");
        report("to a Table, lines that the tool would not print", measure(&text, || read(&odd)));
    }
}
