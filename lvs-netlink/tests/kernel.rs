//! The real kernel, the real `ipvsadm`, and this crate between them.
//!
//! Each test has a network namespace of its own and needs root: run them in the lab, with one thread.

mod lab;
mod tables;

use std::cell::RefCell;

use lab::Namespace;
use lvs_model::{Destination, Endpoint, Table, Thresholds};
use lvs_netlink::{Acknowledgement, Client};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tables::Extent;

/// Writes a whole table with one request after the other.
fn write(client: &mut Client, table: &Table) {
    client.apply(&Table::new().difference(table)).unwrap();
}

/// The kernel's list has the destination first that was added last.
fn kernel_order(table: &Table) -> Vec<Vec<(Endpoint, u32, u32)>> {
    let thresholds = |one: &Destination| (one.endpoint, one.thresholds.upper(), one.thresholds.lower());
    let mut services: Vec<Vec<_>> =
        table.iter().map(|server| server.destinations().iter().rev().map(thresholds).collect()).collect();
    services.sort();
    services
}

/// Bounded, and without files: a failing case is printed.
fn cases(number: u32) -> TestRunner {
    TestRunner::new(Config { cases: number, failure_persistence: None, max_shrink_iters: 40, ..Config::default() })
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_random_table_reads_back_as_it_was_written() {
    let namespace = Namespace::new();
    let client = RefCell::new(namespace.client());
    cases(150)
        .run(&tables::table(12, Extent::Kernel), |table| {
            let mut client = client.borrow_mut();
            client.flush().unwrap();
            write(&mut client, &table);
            prop_assert_eq!(client.table().unwrap(), table);
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_real_ipvsadm_reads_what_was_written() {
    let namespace = Namespace::new();
    let client = RefCell::new(namespace.client());
    cases(60)
        .run(&tables::table(12, Extent::Ipvsadm), |table| {
            let mut client = client.borrow_mut();
            client.flush().unwrap();
            write(&mut client, &table);
            let printed = lab::sorted(&table, |destination| destination.with_thresholds(Thresholds::NONE));
            prop_assert_eq!(lab::sorted(&namespace.ipvsadm_save(), |destination| destination), printed);
            prop_assert_eq!(namespace.ipvsadm_thresholds(), kernel_order(&table));
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn what_the_real_ipvsadm_writes_is_read() {
    let namespace = Namespace::new();
    let client = RefCell::new(namespace.client());
    cases(60)
        .run(&tables::table(8, Extent::Ipvsadm), |table| {
            let mut client = client.borrow_mut();
            client.flush().unwrap();
            namespace.ipvsadm_restore(&table.to_string());
            prop_assert_eq!(client.table().unwrap(), table);
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_difference_leads_from_one_table_to_another() {
    let namespace = Namespace::new();
    let client = RefCell::new(namespace.client().with_acknowledgement(Acknowledgement::Last));
    let tables = (tables::table(10, Extent::Kernel), tables::table(10, Extent::Kernel));
    cases(100)
        .run(&tables, |(from, to)| {
            let mut client = client.borrow_mut();
            client.flush().unwrap();
            write(&mut client, &from);
            let difference = client.table().unwrap().difference(&to);
            client.apply(&difference).unwrap();
            prop_assert_eq!(lab::sorted(&client.table().unwrap(), |one| one), lab::sorted(&to, |one| one));
            Ok(())
        })
        .unwrap();
}
