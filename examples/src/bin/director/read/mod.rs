//! From CONFIG to what has to be done. What is wrong is told with file, line, column and what was expected.

mod fit;
mod ipvsadm;
mod keepalived;

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use lvs_config::{Diagnostic, Renderer, Severity, Sources, Span};

use crate::cli::{Arguments, Format};
use crate::demo;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::setup::VirtualService;

/// Nobody reads more at once.
const SHOWN: usize = 50;

/// A configuration that was read, right or wrong.
struct Reading {
    services: Vec<Placed>,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

/// A virtual server and where it stands.
struct Placed {
    setup: VirtualService,
    span: Span,
}

/// Reads the configuration that the command line names, or that of the demonstration.
pub(crate) fn services(arguments: &Arguments, screen: &Screen) -> Result<Vec<VirtualService>, Failure> {
    let Some(path) = &arguments.config else {
        let services = accept(keepalived::read("demo/keepalived.conf", demo::CONFIG.to_vec()), arguments, screen)?;
        return Ok(demo::moved(services, arguments.address, arguments.port));
    };
    let (name, bytes) = load(path)?;
    let format = arguments.format.unwrap_or_else(|| detect(&bytes));
    let reading = match format {
        Format::Keepalived => keepalived::read(&name, bytes),
        Format::Ipvsadm => ipvsadm::read(&name, bytes),
    };
    accept(reading, arguments, screen)
}

/// Gives the services when nothing is wrong with them, and tells what is worth a warning.
fn accept(mut reading: Reading, arguments: &Arguments, screen: &Screen) -> Result<Vec<VirtualService>, Failure> {
    if !arguments.kernel {
        reading.diagnostics.extend(reading.services.iter().flat_map(fit::for_user_space));
    }
    reading.diagnostics.extend(fit::twice(&reading.services));
    reading.diagnostics.sort_by_key(|d| (d.span.file, d.span.start));
    // What is said of one server need not be said of a thousand.
    let mut said = HashSet::new();
    let is_new = |d: &Diagnostic| d.severity == Severity::Error || said.insert((d.code.clone(), d.message.clone()));
    reading.diagnostics.retain(is_new);
    let renderer = Renderer::new(&reading.sources);
    if reading.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        let few = reading.diagnostics.len() <= SHOWN;
        let of_weight: Vec<_> = reading.diagnostics.iter().filter(|d| few || d.severity == Severity::Error).collect();
        let mut text = renderer.render_all(of_weight.iter().copied().take(SHOWN));
        if let Some(more @ 1..) = of_weight.len().checked_sub(SHOWN) {
            text.push_str(&format!("\n{more} more errors are not shown\n"));
        }
        return Err(Failure::input(text.trim_end()));
    }
    let warnings = reading.diagnostics.iter().filter(|d| d.severity == Severity::Warning);
    screen.complain(renderer.render_all(warnings));
    if reading.services.is_empty() {
        let names: Vec<_> = reading.sources.iter().map(|(_, source)| source.name()).collect();
        return Err(Failure::input(format!(
            "error: {}: no virtual server is configured: expected a `virtual_server` of keepalived, or a rule such as \
             `-A -t 192.0.2.1:80 -s wrr`",
            names.join(", ")
        )));
    }
    Ok(reading.services.into_iter().map(|placed| placed.setup).collect())
}

fn load(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let name = path.display().to_string();
    if name == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        return read.map(|_| ("standard input".to_owned(), bytes)).map_err(|e| unreadable("standard input", &e));
    }
    let bytes = std::fs::read(path).map_err(|e| unreadable(&name, &e))?;
    Ok((name, bytes))
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    Failure::input(format!("error: cannot read {name}: {error}"))
}

/// Rules of ipvsadm begin with an option, or are in a shell script; nothing of keepalived is.
fn detect(bytes: &[u8]) -> Format {
    if bytes.starts_with(b"#!") {
        return Format::Ipvsadm;
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    match lines.find(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"!")) {
        Some(line) if line.starts_with(b"-") || ipvsadm::is_call(line) => Format::Ipvsadm,
        _ => Format::Keepalived,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        assert_eq!(detect(b"# saved\n\n  -A -t 10.0.0.1:80 -s rr\n"), Format::Ipvsadm);
        assert_eq!(detect(b"! web\nvirtual_server 10.0.0.1 80 {\n}\n"), Format::Keepalived);
        assert_eq!(detect(b"#!/bin/sh\nset -e\n"), Format::Ipvsadm);
        assert_eq!(detect(b"/sbin/ipvsadm -C\n"), Format::Ipvsadm);
        assert_eq!(detect(b""), Format::Keepalived);
    }
}
