//! What `ipvsadm -S` printed for 21 tables (`generated-ipvs`), reproduced byte for byte.
//!
//! `*.cmds` are the commands, `*.save-n` and `*.save` what `ipvsadm -S -n` and `ipvsadm -S` of ipvsadm 1.31 on Linux 6.1
//! printed afterwards, with the hosts and services of [`names`].

mod ipvsadm_common;

use ipvsadm_common::{TABLES, commands, names, recorded};
use lvs_config::ipvsadm::{Command, Mode, Order, Printer, Reader, canonical, read};
use lvs_model::{Table, VirtualServer};

/// The table of a recording, with its services in the recorded order where the tool's comparison goes in circles, so
/// that its output depended on the kernel's hash table.
fn table(name: &str) -> (Table, Order) {
    let table = commands(name).table;
    if !matches!(name, "sort-order" | "fwmark-big") {
        return (table, Order::Tool);
    }
    let place = |server: &VirtualServer| {
        let alone = Printer::tool().print(&Table::from_iter([server.clone()]));
        let rule = alone.lines().next().expect("a service has a rule").to_owned();
        recorded(name, "save-n").lines().position(|line| line == rule).expect("every service was recorded")
    };
    let mut servers: Vec<VirtualServer> = table.into_iter().collect();
    servers.sort_by_key(place);
    for server in &mut servers {
        // Destinations are in no circle.
        let mut destinations = server.destinations().to_vec();
        destinations.sort_by_key(|d| {
            let real = format!(" -r {} ", d.endpoint);
            recorded(name, "save-n").lines().position(|line| line.contains(&real))
        });
        server.retain(|_| false);
        for destination in destinations {
            server.insert(destination).expect("it was there before");
        }
    }
    (servers.into_iter().collect(), Order::Table)
}

#[test]
fn numeric_text_is_reproduced() {
    for name in TABLES {
        let (table, order) = table(name);
        assert_eq!(Printer::tool().with_order(order).print(&table), recorded(name, "save-n"), "{name}");
    }
}

#[test]
fn text_with_names_is_reproduced() {
    let names = names();
    for name in TABLES {
        let (table, order) = table(name);
        let printer = Printer::tool().with_order(order).with_names(&names);
        assert_eq!(printer.print(&table), recorded(name, "save"), "{name}");
    }
}

#[test]
fn canonical_text_says_everything_and_is_stable() {
    let mut repaired = Vec::new();
    for name in TABLES {
        let table = commands(name).table;
        let text = canonical(&table);
        let again = Reader::new(Mode::Strict).read(&text);
        assert_eq!(again.diagnostics, [], "{name}");
        assert_eq!(again.exit_status, 0, "{name}");
        assert_eq!(canonical(&again.table), text, "{name}");
        let in_order = Printer::canonical().with_order(Order::Table).print(&table);
        assert_eq!(read(in_order).table, table, "{name}");
        if text != recorded(name, "save-n") {
            repaired.push(*name);
        }
    }
    // The others are exactly what `ipvsadm -S -n` prints.
    assert_eq!(repaired, ["fwmark-big", "sched-flags", "sort-order", "thresholds"]);
}

#[test]
fn what_a_saved_file_breaks_is_said() {
    let reading = read(recorded("sched-flags", "save-n"));
    let errors: Vec<_> = reading.errors().map(|d| (d.code.as_str(), d.span.start)).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].0, "missing-argument");
    assert_eq!(reading.exit_status, 255);

    let reading = read(recorded("fwmark-big", "save-n"));
    let fixes: Vec<_> = reading.errors().filter_map(|d| d.fix.as_ref().map(|f| f.title.clone())).collect();
    assert_eq!(fixes, ["write `4294967295`", "write `2147483648`"]);
    assert_eq!(reading.exit_status, 2);

    let names = names();
    let reading = Reader::new(Mode::Strict).with_names(&names).read(recorded("ipv6", "save"));
    assert_eq!(reading.exit_status, 2);
    assert_eq!(reading.errors().next().map(|d| d.code.as_str()), Some("unknown-host"));
}

#[test]
fn a_name_that_the_tool_drops_is_joined_to_its_option() {
    let rules = "-A -t 10.0.0.1:80 -s=ipvsadm\n-A -u 10.0.0.1:53 -s rr -p 5 -M 255.255.255.0 --pe=ipvsadm\n";
    let table = read(rules).table;
    assert_eq!(canonical(&table), rules);
    assert_eq!(read(canonical(&table)).table, table);
    let start = "--start-daemon master --mcast-interface=ipvsadm --syncid 5";
    let command: Command = start.parse().expect("a command");
    assert_eq!(command.to_string(), start);
}
