//! Brings a kernel to a desired table: reads what is there, prints the plan as ipvsadm rules, applies it, and shows that nothing is left to do.
//!
//! ```text
//! cargo run -p lvs-examples --example reconcile                       a kernel in memory; needs no privileges
//! cargo run -p lvs-examples --example reconcile -- --kernel           the real one; needs root and the module ip_vs
//! cargo run -p lvs-examples --example reconcile -- --kernel --drain   takes the second real server out again, without breaking connections
//! cargo run -p lvs-examples --example reconcile -- --kernel --remove  takes everything away again
//! ```
//!
//! Only the service 192.0.2.10:80 is touched, whatever else the kernel holds.

use clap::Parser;
use lvs_model::{Destination, SchedulerName, Service, ServiceKey, Table, VirtualServer};
use lvs_netlink::sync::{Deadline, Drain, OnFailure, Plan, Scope, Snapshot};
use lvs_netlink::{Client, fake};
use std::error::Error;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Bring a kernel's IPVS to a small desired table.
#[derive(Parser)]
struct Arguments {
    /// Use the real kernel instead of one in memory.
    #[arg(long)]
    kernel: bool,
    /// Want the first real server only; the second one drains for ten minutes at most.
    #[arg(long)]
    drain: bool,
    /// Want nothing: remove the service.
    #[arg(long, conflicts_with = "drain")]
    remove: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // It says what was tried, on what, why not, and what to do.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let web: ServiceKey = "tcp 192.0.2.10:80".parse()?;
    let desired = if arguments.remove { Table::new() } else { desired(web, arguments)? };

    let mut client = if arguments.kernel { Client::connect()? } else { Client::with_connector(fake::Kernel::new())? };
    let plan = planned(&mut client, &desired, web)?;
    if plan.is_empty() {
        println!("# nothing to do");
    }
    print!("{plan:#}");
    let total = plan.len();
    plan.apply_with(&mut client, OnFailure::Stop, |progress| {
        println!("# {} of {total}: {:?}", progress.place + 1, progress.outcome);
        ControlFlow::Continue(())
    })?;

    let left = planned(&mut client, &desired, web)?;
    println!("# {} steps left, {} destinations drain", left.len(), left.waiting().len());
    Ok(())
}

fn desired(web: ServiceKey, arguments: &Arguments) -> Result<Table, Box<dyn Error>> {
    let mut server = VirtualServer::new(Service::new(web, SchedulerName::Wrr));
    server.insert(Destination::new("10.0.0.1:8080".parse()?))?;
    if !arguments.drain {
        server.insert(Destination::new("10.0.0.2:8080".parse()?).with_weight(2.into()))?;
    }
    Ok(Table::from_iter([server]))
}

fn planned(client: &mut Client, desired: &Table, web: ServiceKey) -> Result<Plan, Box<dyn Error>> {
    let drain = Drain::graceful(Deadline::After(Duration::from_secs(600)));
    let snapshot = Snapshot::read(client)?;
    Ok(Plan::with_drain(&snapshot, desired, &Scope::keys([web]), &drain, SystemTime::now())?)
}
