//! keepalived.conf: the lossless document beside toml_edit on a TOML file that says the same, per byte; and the whole
//! reading of ten thousand virtual servers beside that of a thousand, per server.
//!
//!     cargo bench -p lvs-benches --features rivals --bench config_keepalived
//!
//! Every sample stands beside a sample of its rival, taken a moment before, and both are measured in time on the
//! processor: the ratio is what counts, also on a busy machine.

use std::fmt::Write as _;
use std::hint::black_box;

use lvs_config::keepalived::{Document, lower};
use rustix::time::{ClockId, clock_gettime};

/// A configuration with so many virtual servers of three real servers each.
fn configuration(servers: usize) -> String {
    let mut out = String::from("! Configuration File for keepalived\n\nglobal_defs {\n    router_id LVS_1\n}\n");
    for i in 0..servers {
        let (a, b, c) = (i / 62_500, i / 250 % 250, i % 250);
        let _ = write!(
            out,
            "\nvirtual_server 10.{a}.{b}.{c} 80 {{\n    delay_loop 6\n    lvs_sched wrr      # weighted\n    lvs_method NAT\n    protocol TCP\n"
        );
        for host in 1..=3 {
            let _ = write!(
                out,
                "\n    real_server 192.168.{b}.{host} 8080 {{\n        weight {host}\n        TCP_CHECK {{\n            connect_timeout 3\n        }}\n    }}\n"
            );
        }
        out.push_str("}\n");
    }
    out
}

/// The same as TOML, with the same comments and indentation.
#[cfg(feature = "rivals")]
fn toml(servers: usize) -> String {
    let mut out = String::from("# Configuration File\n\n[global_defs]\nrouter_id = \"LVS_1\"\n");
    for i in 0..servers {
        let (a, b, c) = (i / 62_500, i / 250 % 250, i % 250);
        let _ = write!(
            out,
            "\n[[virtual_server]]\naddress = \"10.{a}.{b}.{c}\"\nport = 80\ndelay_loop = 6\nlvs_sched = \"wrr\"      # weighted\nlvs_method = \"NAT\"\nprotocol = \"TCP\"\n"
        );
        for host in 1..=3 {
            let _ = write!(
                out,
                "\n    [[virtual_server.real_server]]\n    address = \"192.168.{b}.{host}\"\n    port = 8080\n    weight = {host}\n        [virtual_server.real_server.TCP_CHECK]\n        connect_timeout = 3\n"
            );
        }
    }
    out
}

/// Nanoseconds on the processor.
fn time(run: impl Fn()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let start = now();
    run();
    now() - start
}

/// The median of the ratio of two times, and of both.
fn compare(samples: usize, ours: impl Fn() -> f64, other: impl Fn() -> f64) -> (f64, f64, f64) {
    let mut all: Vec<(f64, f64, f64)> = (0..samples)
        .map(|_| {
            let (a, b) = (other(), ours());
            (a / b, b, a)
        })
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all[samples / 2]
}

fn document(text: &str) {
    let document = Document::parse(black_box(text));
    black_box(document.all_nodes().count());
}

fn main() {
    let text = configuration(2_000);
    #[cfg(feature = "rivals")]
    {
        let other = toml(2_000);
        let ours = || time(|| document(&text)) / text.len() as f64;
        let rival =
            || time(|| drop(black_box(black_box(&other).parse::<toml_edit::DocumentMut>()))) / other.len() as f64;
        assert!(other.parse::<toml_edit::DocumentMut>().is_ok());
        let (ratio, ours, rival) = compare(21, ours, rival);
        println!(
            "document with its tree: {ours:.2} ns a byte; toml_edit {rival:.2} ns a byte: {ratio:.1} times faster (goal 5)"
        );
    }
    #[cfg(not(feature = "rivals"))]
    println!("document with its tree: {:.2} ns a byte", time(|| document(&text)) / text.len() as f64);

    let (small, large) = (configuration(1_000), configuration(10_000));
    let whole = |text: &str, servers: f64| time(|| assert!(!black_box(lower(text)).table().is_empty())) / servers;
    let (ratio, small, large) = compare(7, || whole(&small, 1_000.0), || whole(&large, 10_000.0));
    println!(
        "read, checked and lowered to rules: {:.1} us a server of 1,000, {:.1} us of 10,000: {ratio:.2} times (a square: 10)",
        small / 1e3,
        large / 1e3,
    );
}
