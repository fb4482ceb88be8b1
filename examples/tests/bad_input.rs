//! Wrong configurations: told with file, line, column, the text and what was expected; exit status 2; nothing begun.

mod support;

use std::io;
use std::net::TcpListener;

use support::{Director, file, own_address};

/// Runs the program and gives its exit status and what it said.
fn run(arguments: &[&str]) -> io::Result<(Option<i32>, String)> {
    let (status, output, errors) = Director::start(&[], arguments)?.wait()?;
    assert_eq!(output, "", "nothing is begun");
    Ok((status.code(), errors))
}

/// What is said about a wrong configuration, with its name as `FILE`.
fn refused(text: &str, more: &[&str]) -> io::Result<String> {
    let config = file(text)?;
    let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    let arguments: Vec<&str> = [path].into_iter().chain(more.iter().copied()).collect();
    let (status, errors) = run(&arguments)?;
    assert_eq!(status, Some(2), "{errors}");
    Ok(errors.replace(path, "FILE"))
}

/// All of these are part of the text.
#[track_caller]
fn says(errors: &str, parts: &[&str]) {
    for part in parts {
        assert!(errors.contains(part), "{part:?} is not in\n{errors}");
    }
}

const GOOD: &str = "virtual_server 192.0.2.1 80 {
    protocol TCP
    lb_algo rr
    lb_kind NAT
    real_server 192.0.2.11 80 {
        weight 1
    }
}
";

#[test]
fn a_good_configuration_passes_the_check_and_nothing_is_begun() -> io::Result<()> {
    let config = file(GOOD)?;
    // The address is not of this machine, so it cannot have been listened on.
    let (status, errors) = run(&["--check", config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?])?;
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    Ok(())
}

#[test]
fn a_misspelt_keyword_is_shown_where_it_stands() -> io::Result<()> {
    let errors = refused(&GOOD.replace("weight 1", "wieght 1"), &[])?;
    says(&errors, &["FILE:6:9", "wieght 1", "^^^^^^", "`weight`"]);
    Ok(())
}

#[test]
fn a_wrong_number_comes_with_what_was_expected() -> io::Result<()> {
    let errors = refused(&GOOD.replace("weight 1", "weight heavy"), &["--check"])?;
    says(&errors, &["FILE:6:16", "weight heavy", "expected a number"]);
    let errors = refused(&GOOD.replace("192.0.2.11 80", "192.0.2.11 http-alt"), &[])?;
    says(&errors, &["FILE:5:28", "http-alt", "expected"]);
    Ok(())
}

#[test]
fn a_missing_brace_is_found() -> io::Result<()> {
    let errors = refused(GOOD.trim_end().trim_end_matches('}'), &[])?;
    says(&errors, &["FILE:1:", "virtual_server"]);
    Ok(())
}

#[test]
fn one_mistake_in_many_servers_starts_none_of_them() -> io::Result<()> {
    let address = own_address();
    let good = GOOD.replace("192.0.2.1 80", &format!("{address} 8000"));
    let errors = refused(&format!("{good}{}", GOOD.replace("lb_algo rr", "lb_algo round")), &[])?;
    says(&errors, &["FILE:11:13", "lb_algo round", "rr"]);
    // Its port is free.
    TcpListener::bind((address, 8000))?;
    Ok(())
}

#[test]
fn wrong_rules_are_told_as_well() -> io::Result<()> {
    let rules = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w x\n";
    let errors = refused(rules, &[])?;
    says(&errors, &["FILE:2:43", "-w x", "expected a number from 0 to 2147483647"]);
    let errors = refused("-A -t 192.0.2.1:80 -s rr\n-A -t 192.0.2.1:80 -s wrr\n", &[])?;
    says(&errors, &["FILE:2:", "192.0.2.1:80"]);
    Ok(())
}

#[test]
fn what_only_the_kernel_can_do_is_refused_in_user_space() -> io::Result<()> {
    let errors = refused(&GOOD.replace("TCP", "UDP"), &[])?;
    says(&errors, &["FILE:1:1", "udp 192.0.2.1:80", "expected a TCP service", "--kernel"]);
    let errors = refused("-A -t 192.0.2.1:80 -s rr\n-A -f 7 -s rr\n", &[])?;
    says(&errors, &["FILE:2:1", "-A -f 7 -s rr", "expected an address and a port", "--kernel"]);
    let config = file("-A -f 7 -s rr\n")?;
    let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    assert_eq!(run(&["--kernel", "--check", path])?, (Some(0), String::new()));
    Ok(())
}

#[test]
fn a_service_that_is_configured_twice_is_shown_twice() -> io::Result<()> {
    let errors = refused(&format!("{GOOD}{GOOD}"), &[])?;
    says(&errors, &["FILE:9:", "192.0.2.1", "1 |", "9 |"]);
    Ok(())
}

#[test]
fn a_file_without_services_or_without_permission_is_told() -> io::Result<()> {
    says(&refused("", &[])?, &["FILE", "no virtual server", "expected a `virtual_server`"]);
    let (status, errors) = run(&["/nonexistent/keepalived.conf"])?;
    assert_eq!(status, Some(2));
    says(&errors, &["cannot read /nonexistent/keepalived.conf", "No such file"]);
    let (status, errors) = run(&["/"])?;
    assert_eq!(status, Some(2));
    says(&errors, &["cannot read /"]);
    Ok(())
}

#[test]
fn what_this_program_does_not_do_is_a_warning_and_no_error() -> io::Result<()> {
    let names = ["lvs_timeouts", "lvs_sync_daemon", "lvs_flush", "vrrp_instance"];
    let config = file(&format!(
        "global_defs {{\n lvs_timeouts tcp 60\n lvs_sync_daemon eth0\n lvs_flush\n}}\n\
         vrrp_instance V {{\n virtual_router_id 1\n interface lo\n virtual_ipaddress {{\n 192.0.2.9\n }}\n}}\n{GOOD}"
    ))?;
    for more in [&[][..], &["--kernel"]] {
        let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let (status, errors) = run(&[&["--check", path], more].concat())?;
        assert_eq!(status, Some(0), "{errors}");
        says(
            &errors,
            &names.map(|name| format!("`{name}` is not done by this program")).each_ref().map(String::as_str),
        );
    }
    Ok(())
}

#[test]
fn a_wrong_command_line_is_told() -> io::Result<()> {
    for (arguments, part) in [
        (&["--kernel"][..], "<CONFIG>"),
        (&["--table-interval", "0"], "more than 0 seconds"),
        (&["--port", "70000"], "70000"),
        (&["a.conf", "--port", "80"], "--port"),
    ] {
        let (status, errors) = run(arguments)?;
        assert_eq!(status, Some(2), "{errors}");
        says(&errors, &[part]);
    }
    Ok(())
}
