//! Rules of `ipvsadm`.

use lvs_config::ipvsadm::{Mode, NoNames, Order, Printer, Reader, Rules, canonical, read_list, read_statistics};
use lvs_model::Weight;

const MODES: [Mode; 3] = [Mode::Strict, Mode::Restore, Mode::Script];

/// Bytes survive, tokens tile them, reading ends, and what was read prints as rules that read as the same.
pub fn rules(bytes: &[u8]) {
    for mode in MODES {
        let rules = Rules::parse(bytes, mode);
        let mut at = 0;
        for token in rules.lines().flat_map(|line| line.tokens()) {
            assert_eq!(token.span.start, at);
            assert!(token.span.end > at);
            at = token.span.end;
        }
        assert_eq!(at, bytes.len());
        assert_eq!(rules.as_bytes(), bytes);

        let reading = rules.read();
        assert!(reading.diagnostics.iter().all(|d| d.span.end <= bytes.len()));
        let text = canonical(&reading.table);
        let again = Reader::new(Mode::Strict).read(&text);
        assert!(!again.has_errors(), "{text}{:?}", again.diagnostics);
        assert_eq!(canonical(&again.table), text);
        let in_order = Printer::canonical().with_order(Order::Table).print(&reading.table);
        assert_eq!(Reader::new(Mode::Strict).read(in_order).table, reading.table);

        for found in Reader::new(mode).commands(bytes) {
            if let Some(command) = found.command {
                assert_eq!(command.to_string().parse().as_ref(), Ok(&command));
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = read_list(text, &NoNames);
        let _ = read_statistics(text, &NoNames);
    }
}

/// Edits of whole tables give the table, or leave the text alone.
fn apply(bytes: &[u8], mode: Mode) {
    let mut rules = Rules::parse(bytes, mode);
    let new = "-A -f 4711 -s rr\n-a -f 4711 -r 10.0.0.1:0 -m -w 1\n";
    // One service more, and every other of those that are there.
    let mut table = Reader::new(Mode::Strict).read(new).table;
    for server in rules.read().table.into_iter().step_by(2) {
        let _ = table.insert(server);
    }
    match rules.edit(&NoNames).apply(&table) {
        Ok(_) => assert_eq!(canonical(&rules.read().table), canonical(&table)),
        Err(_) => {
            assert_eq!(mode, Mode::Script);
            assert_eq!(rules.as_bytes(), bytes);
        }
    }
}

/// Edits do what they say, whatever the text around them is.
pub fn edit(bytes: &[u8]) {
    for mode in MODES {
        apply(bytes, mode);
        let mut rules = Rules::parse(bytes, mode);
        let before = rules.read().table;
        let new = Weight::from(4711_u16);
        let all: Vec<_> =
            before.iter().flat_map(|server| server.destinations().iter().map(|d| (server.key(), d))).collect();
        // Each edit reads the whole text again, so that all of many would take the square of their number.
        for (key, destination) in all.iter().step_by(all.len().div_ceil(32).max(1)) {
            let endpoint = destination.endpoint;
            rules.edit(&NoNames).set_weight(key, endpoint, new).expect("what was read is there");
            let after = rules.read().table;
            let found = after.get(key).and_then(|server| server.destination(endpoint)).copied();
            assert_eq!(found, Some(destination.with_weight(new)));
            assert_eq!(after.len(), before.len());
            match rules.edit(&NoNames).remove_destination(key, endpoint) {
                Ok(()) => {
                    let after = rules.read().table;
                    assert!(after.get(key).is_some_and(|server| server.destination(endpoint).is_none()));
                }
                // A line with several commands.
                Err(_) => assert_eq!(mode, Mode::Script),
            }
        }
    }
}
