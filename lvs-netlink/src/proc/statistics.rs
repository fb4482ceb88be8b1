//! `/proc/net/ip_vs_stats` and `/proc/net/ip_vs_stats_percpu`: what the whole network namespace has balanced.

use super::field::{ParseError, hex, hex32};
use lvs_model::{Rates, Statistics};
use std::str::FromStr;

/// This is the text of `/proc/net/ip_vs_stats`, read: the sums over all services that ever were.
///
/// The kernel refreshes it every two seconds, unless the sysctl `run_estimation` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TotalStatistics {
    /// Sums since the module was loaded or zeroed.
    pub statistics: Statistics,
    /// The same per second.
    pub rates: Rates,
}

/// This is the text of `/proc/net/ip_vs_stats_percpu`, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuStatistics {
    /// The number of each possible CPU with its sums, which are live.
    pub cpus: Vec<(u32, Statistics)>,
    /// The sums and rates of all, which are refreshed every two seconds.
    pub total: TotalStatistics,
}

/// Reads five hexadecimal columns: connections, packets in and out, bytes in and out.
fn columns(line: &str) -> Result<[u64; 5], ParseError> {
    const EXPECTED: &str = "five hexadecimal columns";
    let mut words = line.split_ascii_whitespace();
    let mut columns = [0; 5];
    for column in &mut columns {
        *column = hex(words.next().ok_or_else(|| ParseError::new(EXPECTED, line))?, EXPECTED)?;
    }
    if words.next().is_some() { Err(ParseError::new(EXPECTED, line)) } else { Ok(columns) }
}

fn sums(line: &str) -> Result<Statistics, ParseError> {
    let [connections, packets_in, packets_out, bytes_in, bytes_out] = columns(line)?;
    Ok(Statistics { connections, packets_in, packets_out, bytes_in, bytes_out })
}

fn rates(line: &str) -> Result<Rates, ParseError> {
    let [connections, packets_in, packets_out, bytes_in, bytes_out] = columns(line)?;
    Ok(Rates { connections, packets_in, packets_out, bytes_in, bytes_out })
}

impl FromStr for TotalStatistics {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let lines: Vec<&str> = text.lines().collect();
        let [_, _, totals, _, _, per_second] = lines[..] else {
            return Err(ParseError::new("six lines", text));
        };
        Ok(Self { statistics: sums(totals)?, rates: rates(per_second)? })
    }
}

impl FromStr for CpuStatistics {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut read = Self::default();
        let mut lines = text.lines().skip(2);
        for line in &mut lines {
            let line = line.trim_start();
            let (cpu, rest) = line.split_once(' ').ok_or_else(|| ParseError::new("a CPU and its columns", line))?;
            if cpu == "~" {
                read.total.statistics = sums(rest)?;
                break;
            }
            read.cpus.push((hex32(cpu, "the hexadecimal number of a CPU")?, sums(rest)?));
        }
        let last = lines.nth(2).ok_or_else(|| ParseError::new("a line of rates at the end", text))?;
        read.total.rates = rates(last)?;
        Ok(read)
    }
}
