//! The live table, as `ipvsadm -Ln` prints it.

use std::fmt::Write;

use lvs_model::{ServiceKey, ServiceStatus};

/// The services with their destinations, weights and connections.
pub(crate) fn table(services: &[ServiceStatus]) -> String {
    let mut out = String::from(
        "Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
    );
    for status in services {
        let service = &status.service;
        let _ = match service.key() {
            ServiceKey::Socket { protocol, endpoint } => {
                writeln!(out, "{:<5}{endpoint} {}", protocol.to_string().to_uppercase(), service.scheduler())
            }
            key @ ServiceKey::Fwmark { .. } => writeln!(out, "FWM  {key} {}", service.scheduler()),
        };
        for d in &status.destinations {
            let (endpoint, method) = (d.destination.endpoint.to_string(), d.destination.forwarding.kernel_name());
            let (weight, counts) = (d.destination.weight.get(), d.counts);
            let _ = writeln!(
                out,
                "  -> {endpoint:<28} {method:<7} {weight:<6} {:<10} {:<10}",
                counts.active, counts.inactive
            );
        }
    }
    out
}
