//! Laws of the ipvsadm half, on made-up input.

mod ipvsadm_common;

use ipvsadm_common::generate::{table, text};
use ipvsadm_common::{corpus, folder};
use lvs_config::ipvsadm::{Command, Mode, NoNames, Order, Printer, Reader, Rules, TokenKind, canonical, read};
use lvs_model::{Table, VirtualServer, Weight};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const MODES: [Mode; 3] = [Mode::Strict, Mode::Restore, Mode::Script];

/// Every byte is kept, and every byte is in exactly one token.
fn check_tiling(bytes: &[u8], mode: Mode) {
    let rules = Rules::parse(bytes, mode);
    assert_eq!(rules.as_bytes(), bytes);
    let mut at = 0;
    for line in rules.lines() {
        assert_eq!(line.span().start, at);
        for token in line.tokens() {
            assert_eq!(token.span.start, at, "{bytes:?}");
            assert!(!token.span.is_empty());
            at = token.span.end;
        }
        assert_eq!(line.span().end, at, "{bytes:?}");
        let ends = line.tokens().iter().filter(|token| token.kind == TokenKind::Newline).count();
        assert!(ends <= 1);
        for command in line.commands(&NoNames) {
            assert!(command.span.start >= line.span().start && command.span.end <= line.span().end);
        }
    }
    assert_eq!(at, bytes.len());
    assert_eq!(rules.into_bytes(), bytes);
}

/// A line in the shape that `ipvsadm -S -n` prints, of parts that need not fit together.
fn printed_line() -> impl Strategy<Value = String> {
    let address =
        || select(vec!["10.0.0.1", "[2001:db8::1]", "0.0.0.0", "[::]", "255.255.255.255", "224.0.0.1", "[ff02::1]"]);
    let number = || select(vec!["0", "1", "80", "360", "65535", "65536", "2678400", "2678401", "9999999"]);
    let service = (select(vec!["-t", "-u", "--sctp-service", "-f"]), address(), number(), any::<bool>()).prop_map(
        |(option, address, number, is_inet6)| match option {
            "-f" => format!("-f {number}{}", if is_inet6 { " -6" } else { "" }),
            _ => format!("{option} {address}:{number}"),
        },
    );
    let added = (select(vec!["rr", "wlc", "mh", "none"]), proptest::option::of(number()))
        .prop_map(|(name, timeout)| format!(" -s {name}{}", timeout.map(|n| format!(" -p {n}")).unwrap_or_default()));
    let numbers = ["-w", "-x", "-y"].map(|option| {
        proptest::option::of(number()).prop_map(move |n| n.map(|n| format!(" {option} {n}")).unwrap_or_default())
    });
    let forwarding = select(vec!["-m", "-g", "-i"]);
    let destination = (address(), number(), forwarding, numbers).prop_map(|(address, port, forwarding, numbers)| {
        format!(" -r {address}:{port} {forwarding}{}", numbers.concat())
    });
    prop_oneof![
        (service.clone(), added).prop_map(|(service, rest)| format!("-A {service}{rest}")),
        (service, destination).prop_map(|(service, rest)| format!("-a {service}{rest}")),
    ]
}

proptest! {
    #[test]
    fn any_bytes_survive(bytes in vec(any::<u8>(), 0..200)) {
        for mode in MODES {
            check_tiling(&bytes, mode);
            let _ = Reader::new(mode).read(&bytes);
        }
    }

    #[test]
    fn any_words_survive_and_what_they_mean_can_be_printed(bytes in text()) {
        for mode in MODES {
            check_tiling(&bytes, mode);
            let reading = Reader::new(mode).read(&bytes);
            for d in &reading.diagnostics {
                prop_assert!(d.span.end <= bytes.len());
                prop_assert!(d.message.chars().next().is_some_and(|c| !c.is_uppercase()) && !d.message.ends_with('.'));
            }
            let text = canonical(&reading.table);
            let again = Reader::new(Mode::Strict).read(&text);
            prop_assert!(!again.has_errors(), "{text}{:?}", again.diagnostics);
            prop_assert_eq!(canonical(&again.table), text);
            let in_order = Printer::canonical().with_order(Order::Table).print(&reading.table);
            prop_assert_eq!(read(in_order).table, reading.table);
        }
    }

    #[test]
    fn commands_print_as_they_are_read(bytes in text()) {
        for found in Reader::new(Mode::Restore).commands(&bytes) {
            if let Some(command) = found.command {
                let text = command.to_string();
                let again: Command = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
                prop_assert_eq!(again, command);
            }
        }
    }

    #[test]
    fn both_ways_of_reading_agree(table in table(), order in proptest::bool::ANY) {
        let order = if order { Order::Table } else { Order::Numeric };
        let text = Printer::canonical().with_order(order).print(&table);
        // A blank at the end of a line sends it the thorough way.
        let thorough = text.replace('\n', " \n");
        let (fast, thorough) = (read(&text), read(thorough));
        prop_assert_eq!(&fast.table, &thorough.table);
        prop_assert_eq!(fast.exit_status, 0);
        let codes = |reading: &lvs_config::ipvsadm::Reading| {
            reading.diagnostics.iter().map(|d| d.code.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(codes(&fast), codes(&thorough));
        let streamed: Vec<Command> = Reader::new(Mode::Strict).commands(&text).filter_map(|f| f.command).collect();
        prop_assert_eq!(streamed.len(), text.lines().count());
    }

    /// Each line alone, right or wrong: what is only wrong together with another part of the line is not overlooked.
    #[test]
    fn both_ways_read_each_line_alike(line in printed_line()) {
        // A blank at the end of a line sends it the thorough way; the last line is never the short way's.
        let commands = |end: &str| {
            let text = format!("{line}{end}-A -f 4711 -s rr\n");
            let found = Reader::new(Mode::Strict).commands(&text).next();
            found.map(|found| (found.command, found.diagnostics.into_iter().map(|d| d.code).collect::<Vec<_>>()))
        };
        prop_assert_eq!(commands("\n"), commands(" \n"));
    }

    #[test]
    fn tables_round_trip(table in table()) {
        let text = Printer::canonical().with_order(Order::Table).print(&table);
        let reading = Reader::new(Mode::Strict).read(&text);
        prop_assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
        prop_assert_eq!(&reading.table, &table);
        // The canonical text is the same for every order of adding.
        let mut turned: Vec<VirtualServer> = table.clone().into_iter().collect();
        turned.reverse();
        prop_assert_eq!(canonical(&Table::from_iter(turned)), canonical(&table));
    }

    #[test]
    fn a_table_can_be_applied_to_any_rules(from in table(), to in table(), comments in vec(0_usize..20, 0..5)) {
        let text = Printer::canonical().with_order(Order::Table).print(&from);
        let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\r\n")).collect();
        for at in comments {
            lines.insert(at.min(lines.len()), "# a comment\n".into());
        }
        let before = lines.concat();
        let mut rules = Rules::parse(before.clone(), Mode::Restore);
        let changes = rules.edit(&NoNames).apply(&to).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let reading = rules.read();
        prop_assert!(!reading.has_errors(), "{}\n{:?}", rules.to_text(), reading.diagnostics);
        prop_assert_eq!(canonical(&reading.table), canonical(&to));
        prop_assert_eq!(changes, from.difference(&to).len());
        prop_assert_eq!(rules.to_text().matches("# a comment\n").count(), before.matches("# a comment\n").count());
    }

    #[test]
    fn edits_of_any_text_leave_the_rest_alone(bytes in text()) {
        for mode in MODES {
            let mut rules = Rules::parse(bytes.clone(), mode);
            let table = rules.read().table;
            let Some(server) = table.iter().find(|server| !server.destinations().is_empty()) else { continue };
            let (key, old) = (*server.key(), server.destinations()[0]);
            let new = Weight::new(4711).map_err(|e| TestCaseError::fail(e.to_string()))?;
            rules.edit(&NoNames).set_weight(&key, old.endpoint, new).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let after = rules.read().table;
            let found = after.get(&key).and_then(|server| server.destination(old.endpoint)).copied();
            prop_assert_eq!(found, Some(old.with_weight(new)), "{}", rules.to_text());
            prop_assert_eq!(after.len(), table.len());
        }
    }
}

proptest! {
    /// Whatever the text is: what an edit says that it did is what reading says.
    #[test]
    fn edits_of_any_text_do_what_they_say(bytes in text(), other in table(), weight in 0_u16..3) {
        for mode in MODES {
            let mut rules = Rules::parse(bytes.clone(), mode);
            // Some of what is there stays, some changes.
            let mut to = other.clone();
            for mut server in rules.read().table.into_iter().step_by(2) {
                for destination in server.destinations().to_vec() {
                    server.upsert(destination.with_weight(weight.into())).map_err(|e| TestCaseError::fail(e.to_string()))?;
                }
                let _ = to.insert(server);
            }
            match rules.edit(&NoNames).apply(&to) {
                Ok(_) => prop_assert_eq!(canonical(&rules.read().table), canonical(&to), "{}", rules.to_text()),
                Err(_) => {
                    prop_assert_eq!(mode, Mode::Script);
                    prop_assert_eq!(rules.as_bytes(), &bytes);
                }
            }
            check_tiling(rules.as_bytes(), mode);
        }
    }
}

#[test]
fn every_recorded_and_collected_file_survives() {
    let mut folders = vec![folder()];
    folders.extend(corpus().map(|corpus| corpus.join("files")));
    let mut count = 0;
    for folder in folders {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            // Views and databases are as good as anything.
            for mode in MODES {
                check_tiling(&bytes, mode);
                let _ = Reader::new(mode).read(&bytes);
            }
            count += 1;
        }
    }
    assert!(count > 200);
}

#[cfg(feature = "serde")]
#[test]
fn choices_are_written_in_words() {
    use lvs_config::ipvsadm::{Columns, Counters, Naming};

    fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        value: T,
        text: &str,
    ) {
        let json = serde_json::to_value(&value).expect("it is written");
        assert_eq!(json, text);
        assert_eq!(serde_json::from_value::<T>(json).expect("it is read"), value);
    }
    round_trip(Columns::PersistentConnections, "persistent-connections");
    round_trip(Counters::Exact, "exact");
    round_trip(Naming::Numbers, "numbers");
    round_trip(Mode::Script, "script");
    round_trip(Order::Tool, "tool");
    round_trip(TokenKind::Newline, "newline");
}
