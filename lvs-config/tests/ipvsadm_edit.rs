//! Editing rules: what is asked changes, every other byte stays.

use lvs_config::ipvsadm::{EditError, Editor, Mode, NameTable, NoNames, Rules};
use lvs_model::{Destination, Endpoint, Service, ServiceKey, Table, Weight};

fn key(text: &str) -> ServiceKey {
    text.parse().expect("a key")
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

fn destination(text: &str) -> Destination {
    text.parse().expect("a destination")
}

fn service(text: &str) -> Service {
    text.parse().expect("a service")
}

fn weight(number: u32) -> Weight {
    Weight::new(number).expect("a weight")
}

#[test]
fn a_weight_changes_and_nothing_else() {
    for (before, after) in [
        ("-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n", "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 77\n"),
        ("-a  -t 10.0.0.1:80\t-w=1 -r 10.1.0.1 -m\r\n", "-a  -t 10.0.0.1:80\t-w=77 -r 10.1.0.1 -m\r\n"),
        ("-at 10.0.0.1:80 -r 10.1.0.1 -mw1", "-at 10.0.0.1:80 -r 10.1.0.1 -mw77"),
        ("-a -t 10.0.0.1:80 -r 10.1.0.1 -mw 1", "-a -t 10.0.0.1:80 -r 10.1.0.1 -mw 77"),
        ("-a -t 10.0.0.1:80 --weight=1 -r 10.1.0.1", "-a -t 10.0.0.1:80 --weight=77 -r 10.1.0.1"),
        ("-a -t 10.0.0.1:80 --weight 1 -r 10.1.0.1", "-a -t 10.0.0.1:80 --weight 77 -r 10.1.0.1"),
        ("-a -t 10.0.0.1:80 -r 10.1.0.1  \n", "-a -t 10.0.0.1:80 -r 10.1.0.1 -w 77  \n"),
        ("-a -t 10.0.0.1:80 -r 10.1.0.1 --", "-a -t 10.0.0.1:80 -r 10.1.0.1 -w 77 --"),
        ("ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.1\n#x", "ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.1 -w 77\n#x"),
    ] {
        let head = "#\u{ff}\n-A -t 10.0.0.1:80 -s rr\n\n";
        let mut rules = Rules::parse(format!("{head}{before}"), Mode::Restore);
        rules
            .edit(&NoNames)
            .set_weight(&key("tcp 10.0.0.1:80"), endpoint("10.1.0.1:80"), weight(77))
            .expect("it is there");
        assert_eq!(rules.to_text(), format!("{head}{after}"));
    }
}

#[test]
fn a_weight_changes_however_it_is_quoted() {
    for (before, after) in [
        ("--weight=\"3\"", "--weight=0"),
        ("\"--weight=3\"", "--weight=0"),
        ("--weight \"3\"", "--weight 0"),
        ("--we'ight' '3'", "--we'ight' 0"),
        ("-w\"3\"", "-w0"),
        ("-\"w\"3", "-w0"),
        ("-w=\"3\"", "-w=0"),
        ("-w1\\\n3", "-w0"),
        ("-m''w4", "-mw0"),
        ("-m''w 4", "-m''w 0"),
    ] {
        let text = |option: &str| format!("ipvsadm -A -f 1\nipvsadm -a -f 1 -r 10.0.0.1 {option} -x 5\n");
        let mut rules = Rules::parse(text(before), Mode::Script);
        rules.edit(&NoNames).set_weight(&key("fwmark 1"), endpoint("10.0.0.1:0"), Weight::ZERO).expect("it is there");
        assert_eq!(rules.to_text(), text(after));
    }
    // A byte that ends what the tool sees.
    let mut rules = Rules::parse("-A -f 1\n-a -f 1 -r 10.0.0.1 -w3\0x\n", Mode::Strict);
    rules.edit(&NoNames).set_weight(&key("fwmark 1"), endpoint("10.0.0.1:0"), Weight::ZERO).expect("it is there");
    assert_eq!(rules.to_text(), "-A -f 1\n-a -f 1 -r 10.0.0.1 -w0\n");
}

#[test]
fn the_rule_that_counts_is_changed() {
    let text = "-A -f 1\n-a -f 1 -r 10.0.0.1 -m -w 1\n-e -f 1 -r 10.0.0.1 -m -w 2\n-a -f 1 -r 10.0.0.1 -m -w 3\n";
    let mut rules = Rules::parse(text, Mode::Restore);
    rules.edit(&NoNames).set_weight(&key("fwmark 1"), endpoint("10.0.0.1:0"), weight(9)).expect("it is there");
    assert_eq!(rules.to_text(), text.replace("-w 2", "-w 9"));
    // All lines go, or a later one would do what it does not do now.
    rules.edit(&NoNames).remove_destination(&key("fwmark 1"), endpoint("10.0.0.1:0")).expect("it is there");
    assert_eq!(rules.to_text(), "-A -f 1\n");
    // What stands where the tool does not read any more has no effect.
    for end in ["-R", "-h", "-v", "-A -f 0"] {
        let text = format!("-A -f 1\n{end}\n-C\n-a -f 1 -r 10.0.0.1\n");
        let mut rules = Rules::parse(text, Mode::Restore);
        let missing = EditError::NoDestination { service: key("fwmark 1"), destination: endpoint("10.0.0.1:0") };
        let weight = rules.edit(&NoNames).set_weight(&key("fwmark 1"), endpoint("10.0.0.1:0"), Weight::ONE);
        assert_eq!(weight, Err(missing), "{end}");
        rules.edit(&NoNames).remove_service(&key("fwmark 1")).expect("it is there");
    }
    // What was cleared is not there.
    let mut rules = Rules::parse("-A -f 1\n-C\n", Mode::Restore);
    assert_eq!(rules.edit(&NoNames).remove_service(&key("fwmark 1")), Err(EditError::NoService(key("fwmark 1"))));
}

#[test]
fn a_new_line_looks_like_its_neighbour() {
    let names = NameTable::new().with_hosts("10.0.0.1 vip\n").with_services("http 80/tcp\n");
    let text = "#!/bin/sh\nstart() {\n\t/sbin/ipvsadm -A --tcp-service vip:http -s rr # web\n\t/sbin/ipvsadm -a --tcp-service vip:http \\\n\t  -r 10.1.0.1:80 -m >/dev/null # one\n}\nstop\n";
    let mut rules = Rules::parse(text, Mode::Script);
    let web = key("tcp 10.0.0.1:80");
    rules.edit(&names).add_destination(&web, &destination("-r 10.1.0.2:8080 -m -w 2")).expect("it is not there");
    let line = "\t/sbin/ipvsadm -a --tcp-service vip:http -r 10.1.0.2:8080 -m -w 2\n";
    assert_eq!(rules.to_text(), text.replace("# one\n", &format!("# one\n{line}")));
    rules.edit(&names).add_service(&service("-u 10.0.0.1:53 -s rr")).expect("it is not there");
    let second = "\t/sbin/ipvsadm -A -u 10.0.0.1:53 -s rr\n";
    assert_eq!(rules.to_text(), text.replace("# one\n", &format!("# one\n{line}{second}")));
    rules.edit(&names).remove_service(&web).expect("it is there");
    assert_eq!(rules.to_text(), format!("#!/bin/sh\nstart() {{\n{second}}}\nstop\n"));
}

#[test]
fn a_script_stays_one() {
    let one = key("fwmark 1");
    let edited = |text: &str, change: &dyn Fn(&mut Editor<'_>) -> Result<(), EditError>| {
        let mut rules = Rules::parse(format!("ipvsadm -A -f 1\n{text}\n"), Mode::Script);
        let result = change(&mut rules.edit(&NoNames));
        let text = rules.to_text().lines().skip(1).collect::<Vec<_>>().join("\n");
        result.map(|()| text)
    };
    let weight = |editor: &mut Editor<'_>| editor.set_weight(&one, endpoint("10.0.0.1:0"), Weight::ZERO);
    // A number before an arrow would be a descriptor.
    assert_eq!(edited("ipvsadm -a -f 1 -r 10.0.0.1>x", &weight).as_deref(), Ok("ipvsadm -a -f 1 -r 10.0.0.1 -w 0 >x"));
    assert_eq!(
        edited("ipvsadm -a -f 1 -r 10.0.0.1 -w '1'>x", &weight).as_deref(),
        Ok("ipvsadm -a -f 1 -r 10.0.0.1 -w 0 >x")
    );
    assert_eq!(
        edited("ipvsadm -a -f 1 -r 10.0.0.1 -w 1 >x", &weight).as_deref(),
        Ok("ipvsadm -a -f 1 -r 10.0.0.1 -w 0 >x")
    );
    let replace = |editor: &mut Editor<'_>| editor.set_destination(&one, &destination("-r 10.0.0.1:0 -m -w 5"));
    assert_eq!(
        edited("ipvsadm -a -f 1 2>&1 -r 10.0.0.1 >> x -g || exit 1", &replace).as_deref(),
        Ok("ipvsadm -a -f 1 -r 10.0.0.1 -m -w 5 2>&1 >> x || exit 1")
    );
    // What joined two lines does not join the next ones.
    for (before, after) in [
        ("ipvsadm -a -f 1 -r 10.0.0.1 2>&1 \\\n  -w 4\nx", "ipvsadm -a -f 1 -r 10.0.0.1 -m -w 5 2>&1\nx"),
        (
            "ipvsadm -a -f 1 \\\n > \\\n  x -r 10.0.0.1 2>&1 # -w\nx",
            "ipvsadm -a -f 1 -r 10.0.0.1 -m -w 5 > \\\n  x 2>&1 # -w\nx",
        ),
        ("a >b; ipvsadm -a -f 1 <c -r 10.0.0.1 >d; e", "a >b; ipvsadm -a -f 1 -r 10.0.0.1 -m -w 5 <c >d; e"),
    ] {
        assert_eq!(edited(before, &replace).as_deref(), Ok(after));
    }
    let remove = |editor: &mut Editor<'_>| editor.remove_destination(&one, endpoint("10.0.0.1:0"));
    assert_eq!(edited("true\nipvsadm -a -f 1 -r 10.0.0.1 || exit 1", &remove).as_deref(), Ok("true"));
    for text in ["if ipvsadm -a -f 1 -r 10.0.0.1; then", "  start) ipvsadm -a -f 1 -r 10.0.0.1 ;;"] {
        assert!(matches!(edited(text, &remove), Err(EditError::SharedLine { .. })), "{text}");
    }
}

/// What a script becomes without the service with mark 1.
fn without_mark_1(text: &str) -> Result<String, EditError> {
    let mut rules = Rules::parse(text, Mode::Script);
    rules.edit(&NoNames).remove_service(&key("fwmark 1"))?;
    Ok(rules.to_text().into_owned())
}

#[test]
fn a_line_that_other_commands_need_does_not_go() {
    for text in [
        "modprobe ip_vs; ipvsadm -A -f 1 -s rr\n",
        "ipvsadm -A -f 1 -s rr; iptables -F\n",
        "exec 3>x; ipvsadm -A -f 1\n",
        "echo x | ipvsadm -A -f 1\n",
        "ipvsadm -A -f 1 || echo failed\n",
        "ipvsadm -A -f 1 ||\n  exit 1\n",
        "true &&\n# a comment\n\nipvsadm -A -f 1\necho done\n",
        "if\n  ipvsadm -A -f 1\nthen\n  echo x\nfi\n",
        "if true\n  ipvsadm -A -f 1\nthen\n  echo x\nfi\n",
        "if ! ipvsadm -A -f 1; then\n  exit 1\nfi\n",
    ] {
        assert!(matches!(without_mark_1(text), Err(EditError::SharedLine { .. })), "{text}");
    }
    for end in ["", " || exit 1", " || exit", " || true", " || : # so what", " || return 1", " >/dev/null 2>&1;", " &"]
    {
        assert_eq!(without_mark_1(&format!("a\nX=1 sudo ipvsadm -A -f 1{end}\nb\n")).as_deref(), Ok("a\nb\n"), "{end}");
    }
}

#[test]
fn a_body_of_a_script_is_not_left_empty() {
    for (head, tail) in [
        ("if true; then\n", "fi\n"),
        ("if true\nthen\n", "else\n  x\nfi\n"),
        ("while true; do # a\n", "\n# b\ndone\n"),
        ("f() {\n", "}\n"),
        ("case x in\n  a)\n", "    ;;\nesac\n"),
        ("(\n", ")\n"),
    ] {
        let text = format!("{head}    ipvsadm -A -f 1 || exit 1\n\n    ipvsadm -a -f 1 -r 10.0.0.1\n{tail}");
        assert_eq!(without_mark_1(&text).as_deref(), Ok(&*format!("{head}    :\n\n{tail}")));
        let text = format!("{head}    x\n    ipvsadm -A -f 1\n{tail}");
        assert_eq!(without_mark_1(&text).as_deref(), Ok(&*format!("{head}    x\n{tail}")));
    }
    // Several changes can empty it together.
    let mut rules = Rules::parse("if a; then\r\n\tipvsadm -A -f 1\r\n\tipvsadm -A -f 2\r\nfi\r\n", Mode::Script);
    assert_eq!(rules.edit(&NoNames).apply(&Table::new()), Ok(2));
    assert_eq!(rules.to_text(), "if a; then\r\n\t:\r\nfi\r\n");
}

/// What a text becomes with one more destination of mark 1.
fn with_a_destination(mode: Mode, text: &str) -> Result<String, EditError> {
    let mut rules = Rules::parse(text, mode);
    rules.edit(&NoNames).add_destination(&key("fwmark 1"), &destination("-r 10.0.0.9:0 -m -w 1"))?;
    let table = rules.read().table;
    let server = table.get(&key("fwmark 1")).expect("it is there");
    assert!(server.destination(endpoint("10.0.0.9:0")).is_some_and(|d| d.weight == Weight::ONE), "{text}");
    Ok(rules.to_text().into_owned())
}

#[test]
fn a_new_line_of_a_script_stands_alone() {
    const NEW: &str = "ipvsadm -a -f 1 -r 10.0.0.9:0 -m -w 1\n";
    // Behind the last line that depends on no other.
    for tail in [
        "if true\nthen ipvsadm -a -f 1 -r 10.0.0.1\nfi\n",
        "true && { ipvsadm -a -f 1 -r 10.0.0.1; }\n",
        "if ! ipvsadm -a -f 1 -r 10.0.0.1; then\n  exit 1\nfi\n",
        "ipvsadm -a -f 1 -r 10.0.0.1 ||\n  exit 1\n",
        "true &&\n  ipvsadm -a -f 1 -r 10.0.0.1\n",
    ] {
        let head = "ipvsadm -A -f 1\n";
        let text = format!("{head}{tail}");
        assert_eq!(with_a_destination(Mode::Script, &text).as_deref(), Ok(&*format!("{head}{NEW}{tail}")));
        let text = tail.replace("-a -f 1 -r 10.0.0.1", "-A -f 1");
        assert!(matches!(with_a_destination(Mode::Script, &text), Err(EditError::SharedLine { .. })), "{text}");
        let error = Rules::parse(text.clone(), Mode::Script).edit(&NoNames).add_service(&service("-f 2 -s rr"));
        assert!(matches!(error, Err(EditError::SharedLine { .. })), "{text}");
    }
    // Only what another command needs, too.
    for (before, program) in [
        ("X=\"$Y\" sudo \\\n /sbin/ipvsadm", "X=\"$Y\" sudo /sbin/ipvsadm"),
        ("! time ipvsadm", "ipvsadm"),
        ("X=1 2>x ipvsadm", "X=1 ipvsadm"),
    ] {
        let head = format!("{before} -A -f 1 -s rr || exit 1\n");
        let new = NEW.replace("ipvsadm", program);
        assert_eq!(with_a_destination(Mode::Script, &head).as_deref(), Ok(&*format!("{head}{new}")));
    }
    for head in ["#!/bin/sh\n", "/bin/ipvsadm -C\n"] {
        let mut rules = Rules::parse(head, Mode::Script);
        rules.edit(&NoNames).add_service(&service("-f 2 -s rr")).expect("new");
        let program = if head.contains("-C") { "/bin/ipvsadm" } else { "ipvsadm" };
        assert_eq!(rules.to_text(), format!("{head}{program} -A -f 2 -s rr\n"));
    }
}

#[test]
fn a_new_line_is_not_joined_with_the_last_one() {
    for (end, missing) in [("foo \\", "\n\n"), ("foo \\\n", "\n"), ("# a", "\n"), ("# a\n", "")] {
        let mut rules = Rules::parse(end, Mode::Script);
        rules.edit(&NoNames).add_service(&service("-f 1 -s rr")).expect("new");
        assert_eq!(rules.to_text(), format!("{end}{missing}ipvsadm -A -f 1 -s rr\n"));
        assert_eq!(rules.read().table.len(), 1);
    }
    for end in ["\\\n", " || exit \\", " || exit \\\n", ""] {
        let text = format!("ipvsadm -A -f 1{end}");
        let after = with_a_destination(Mode::Script, &text).expect("new");
        assert!(after.starts_with(&format!("{text}\n")), "{after}");
    }
    // Only the first of several new lines ends the last line.
    let table = Rules::parse("-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1:0 -m -w 1\n", Mode::Restore).read().table;
    let mut rules = Rules::parse("# a", Mode::Restore);
    assert_eq!(rules.edit(&NoNames).apply(&table), Ok(2));
    assert_eq!(rules.to_text(), "# a\n-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1:0 -m -w 1\n");
}

#[test]
fn a_new_line_stands_where_it_is_reached() {
    const NEW: &str = "-A -f 1 -s rr\n";
    for (mode, head, tail) in [
        (Mode::Restore, "# head\n", "foo\n"),
        (Mode::Restore, "", "\u{feff}-A -f 2\n"),
        (Mode::Restore, "", "\u{feff}# a\n-A -f 2\n"),
        (Mode::Restore, "# head\n", "-h"),
        (Mode::Restore, "-A -f 2\n", "-R\n-A -f 3\n"),
        (Mode::Restore, "-A -f 2\n", "-L -f 2\n-L -f 3\n-A -f 4\n"),
        (Mode::Strict, "\n", "-A -f 2  "),
        (Mode::Restore, "-A -f 2\n-D -f 2\n", "foo\n"),
    ] {
        let text = format!("{head}{tail}");
        let mut rules = Rules::parse(text.clone(), mode);
        rules.edit(&NoNames).add_service(&service("-f 1 -s rr")).expect("new");
        assert_eq!(rules.to_text(), format!("{head}{NEW}{tail}"));
        let mut rules = Rules::parse(text.clone(), mode);
        let mut table = rules.read().table;
        table.insert(service("-f 1 -s rr")).expect("new");
        assert_eq!(rules.edit(&NoNames).apply(&table), Ok(1));
        assert_eq!(rules.read().table, table);
    }
    // Behind what would remove or change what it adds.
    for tail in ["-a -f 1 -r 10.0.0.9\n-d -f 1 -r 10.0.0.9\n", "-d -f 1 -r 10.0.0.9\n", "-e -f 1 -r 10.0.0.9 -w 7\n"] {
        let text = format!("-A -f 1\n{tail}");
        let after = format!("{text}-a -f 1 -r 10.0.0.9:0 -m -w 1\n");
        assert_eq!(with_a_destination(Mode::Restore, &text), Ok(after));
    }
    for head in ["-A -f 1\n-D -f 1\n", "-E -f 1 -s sh\n", "-a -f 1 -r 10.0.0.1\n"] {
        let mut rules = Rules::parse(head, Mode::Restore);
        rules.edit(&NoNames).add_service(&service("-f 1 -s rr")).expect("new");
        assert_eq!(rules.to_text(), format!("{head}-A -f 1 -s rr\n"));
    }
}

#[test]
fn a_line_can_go_where_another_one_comes() {
    let mut rules = Rules::parse("-A -f 1\n-A -f 2\n", Mode::Restore);
    let table = Rules::parse("-A -f 1\n-a -f 1 -r 10.0.0.1:0 -m -w 1\n", Mode::Restore).read().table;
    assert_eq!(rules.edit(&NoNames).apply(&table), Ok(2));
    assert_eq!(rules.to_text(), "-A -f 1\n-a -f 1 -r 10.0.0.1:0 -m -w 1\n");
}

#[test]
fn the_last_line_changes_and_another_one_follows() {
    let mut rules = Rules::parse("-A -f 1\n-a -f 1 -r 10.0.0.1 -m", Mode::Restore);
    let new = "-A -f 1 -s sh\n-a -f 1 -r 10.0.0.1:0 -m -w 7\n-a -f 1 -r 10.0.0.2:0 -m -w 8\n-A -f 2\n";
    let table = Rules::parse(new, Mode::Restore).read().table;
    assert_eq!(rules.edit(&NoNames).apply(&table), Ok(4));
    assert_eq!(rules.read().table, table, "{}", rules.to_text());
}

#[test]
fn line_ends_are_kept_also_when_there_is_none() {
    let mut rules = Rules::parse("-A -f 1\r\n-A -f 2", Mode::Restore);
    rules.edit(&NoNames).add_destination(&key("fwmark 1"), &destination("-r 10.0.0.1:0 -g -w 1")).expect("new");
    rules.edit(&NoNames).add_destination(&key("fwmark 2"), &destination("-r 10.0.0.1:0 -g -w 1")).expect("new");
    assert_eq!(rules.to_text(), "-A -f 1\r\n-a -f 1 -r 10.0.0.1:0 -g -w 1\r\n-A -f 2\r\n-a -f 2 -r 10.0.0.1:0 -g -w 1");
    let mut rules = Rules::parse("", Mode::Restore);
    rules.edit(&NoNames).add_service(&service("-f 7 -6 -s rr")).expect("new");
    rules.edit(&NoNames).add_destination(&key("fwmark 7 inet6"), &destination("-r [fd00::1]:0 -g -w 1")).expect("new");
    assert_eq!(rules.to_text(), "-A -f 7 -6 -s rr\n-a -f 7 -6 -r [fd00::1]:0 -g -w 1\n");
    let mut rules = Rules::parse("# nothing\r\n# here", Mode::Restore);
    rules.edit(&NoNames).add_service(&service("-f 7 -s rr")).expect("new");
    assert_eq!(rules.to_text(), "# nothing\r\n# here\r\n-A -f 7 -s rr\r\n");
}

#[test]
fn configurations_are_replaced_in_place() {
    let text = "-A  -u 10.0.0.1:53 -p 60 -s rr -o\n-a -u 10.0.0.1:53 -i -r 10.1.0.1 -w 4\n-Ef 1\n";
    let mut rules = Rules::parse(text, Mode::Restore);
    rules.edit(&NoNames).set_service(&service("-u 10.0.0.1:53 -s sh -b sh-port")).expect("it is there");
    let changed = destination("-r 10.1.0.1:53 -g -w 5 -x 10 -y 5");
    rules.edit(&NoNames).set_destination(&key("udp 10.0.0.1:53"), &changed).expect("it is there");
    assert_eq!(
        rules.to_text(),
        "-A -u 10.0.0.1:53 -s sh -b sh-port\n-a -u 10.0.0.1:53 -r 10.1.0.1 -g -w 5 -x 10 -y 5\n-Ef 1\n"
    );
    assert_eq!(rules.read().table.get(&key("udp 10.0.0.1:53")).expect("it is there").destinations(), [changed]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let text = "ipvsadm -A -f 1; ipvsadm -a -f 1 -r 10.0.0.1 -m\n";
    let mut rules = Rules::parse(text, Mode::Script);
    let one = key("fwmark 1");
    let error = rules.edit(&NoNames).remove_destination(&one, endpoint("10.0.0.1:0")).unwrap_err();
    assert_eq!(error, EditError::SharedLine { at: 17 });
    let error = rules.edit(&NoNames).set_weight(&one, endpoint("10.0.0.2:0"), Weight::ONE).unwrap_err();
    assert_eq!(error.to_string(), "the rules have no real server 10.0.0.2:0 in fwmark 1, add it first");
    let error = rules.edit(&NoNames).add_destination(&one, &destination("-r 10.0.0.1:0 -m")).unwrap_err();
    assert_eq!(error, EditError::DestinationExists { service: one, destination: endpoint("10.0.0.1:0") });
    assert_eq!(rules.edit(&NoNames).add_service(&service("-f 1 -s rr")), Err(EditError::ServiceExists(one)));
    assert_eq!(rules.to_text(), text);
}

#[test]
fn a_table_is_applied_with_as_few_changes_as_there_are() {
    let text = "# first\n-A -t 10.0.0.1:80 -s rr   \n-a -t 10.0.0.1:80 -r 10.1.0.1 -m\n-a -t 10.0.0.1:80 -r 10.1.0.2 -m\n# second\n-A -f 1\n";
    let mut rules = Rules::parse(text, Mode::Restore);
    let mut table = rules.read().table;
    assert_eq!(rules.edit(&NoNames).apply(&table), Ok(0));
    assert_eq!(rules.to_text(), text);
    let web = table.get_mut(&key("tcp 10.0.0.1:80")).expect("it is there");
    web.remove(endpoint("10.1.0.2:80"));
    web.upsert(destination("-r 10.1.0.1:80 -m -w 8")).expect("it fits");
    web.insert(destination("-r 10.1.0.3:80 -m -w 3")).expect("it fits");
    table.remove(&key("fwmark 1"));
    table.insert(service("-f 2 -s rr")).expect("it is new");
    assert_eq!(rules.edit(&NoNames).apply(&table), Ok(5));
    assert_eq!(
        rules.to_text(),
        "# first\n-A -t 10.0.0.1:80 -s rr   \n-a -t 10.0.0.1:80 -r 10.1.0.1 -m -w 8\n-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 3\n# second\n-A -f 2 -s rr\n"
    );
    assert_eq!(rules.read().table, table);
}
