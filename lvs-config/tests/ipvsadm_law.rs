//! ipvsadm → keepalived → ipvsadm is the identity on what both can express, for any table.
//!
//! What keepalived cannot express is told as a loss of the service; every service without one comes back as it was. That
//! keepalived drops a service without real servers is no loss of the text.

mod ipvsadm_common;

use ipvsadm_common::generate::table;
use lvs_config::ipvsadm::{Mode, Order, Printer, Reader};
use lvs_config::keepalived::{self, State};
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_loses_nothing_comes_back(table in table()) {
        let rules = Printer::canonical().with_order(Order::Table).print(&table);
        let reading = Reader::new(Mode::Strict).read(&rules);
        prop_assert_eq!(&reading.table, &table, "{}", rules);
        let printed = keepalived::Printer::new().print(&reading.table);
        let again = keepalived::lower(&printed.text).project(&State::AsWritten).table;
        let losses: Vec<_> = printed.losses.iter().filter(|loss| !loss.what.contains("without real servers")).collect();
        for server in &table {
            if losses.iter().all(|loss| loss.service != *server.key()) {
                prop_assert_eq!(again.get(server.key()), Some(server), "{}\n{}", rules, printed.text);
            }
        }
        if losses.is_empty() {
            // Also in the same order, so that the rules are the same byte for byte.
            prop_assert_eq!(Printer::canonical().with_order(Order::Table).print(&again), rules);
        }
    }
}
