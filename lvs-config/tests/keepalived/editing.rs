//! Changes as their author would have made them by hand.

use lvs_config::diff;
use lvs_config::keepalived::{ApplyError, Comments, Document, EditError, Editor, NewStatement, Node, apply, lower};
use lvs_model::{Destination, Forwarding, Weight};

fn find<'a>(document: &'a Document, words: &[&str]) -> Node<'a> {
    let fits = |n: &Node<'_>| words.iter().enumerate().all(|(i, w)| n.word(i) == Some(w.as_bytes()));
    document.all_nodes().find(fits).unwrap_or_else(|| panic!("no {words:?}"))
}

/// Makes a change and shows what differs.
fn change(text: &str, edit: impl FnOnce(&Document, &mut Editor<'_>)) -> String {
    let document = Document::parse(text);
    let mut editor = Editor::new(&document);
    edit(&document, &mut editor);
    let changed = editor.finish().unwrap();
    diff(text, changed.bytes())
}

fn server(text: &str) -> Destination {
    Destination::new(text.parse().unwrap()).with_forwarding(Forwarding::DirectRouting)
}

const FILE: &str = "\
! shop
# of the company

virtual_server 10.0.0.1 80 {
    lb_algo rr   # fair
    lb_kind DR

    # the old one
    # in the cellar
    real_server 10.1.0.1 80 {
        weight 1      ! slow
    }

    # alone

    real_server 10.1.0.2 80 {
        inhibit_on_failure
    }   # new
    # end of block
}
";

#[test]
fn a_value_keeps_its_column_and_its_comment() {
    let set = |d: &Document, e: &mut Editor<'_>| {
        e.set_weight(find(d, &["real_server", "10.1.0.1"]), Weight::from(25)).unwrap();
    };
    assert_eq!(change(FILE, set), "-        weight 1      ! slow\n+        weight 25      ! slow\n");
    let add = |d: &Document, e: &mut Editor<'_>| {
        e.set_weight(find(d, &["real_server", "10.1.0.2"]), Weight::from(0)).unwrap();
    };
    assert_eq!(change(FILE, add), "+        weight 0\n");
    let same =
        |d: &Document, e: &mut Editor<'_>| e.set_weight(find(d, &["real_server", "10.1.0.1"]), Weight::ONE).unwrap();
    assert_eq!(change(FILE, same), "");
}

#[test]
fn a_new_server_looks_like_its_neighbours_and_stands_behind_them() {
    let add = |d: &Document, e: &mut Editor<'_>| {
        e.add_real_server(find(d, &["virtual_server"]), &server("10.1.0.3:80")).unwrap();
    };
    assert_eq!(change(FILE, add), "+\n+    real_server 10.1.0.3 80 {\n+        weight 1\n+    }\n");
    let strange = "virtual_server 10.0.0.1 80\r\n{\r\n\tlb_kind DR\r\n\treal_server 10.1.0.1 80\r\n\t{\r\n\t\tweight 1\r\n\t\t}\r\n}\r\n";
    let expected = "+\treal_server 10.1.0.2 80\r\n+\t{\r\n+\t\tweight 1\r\n+\t\t}\r\n";
    let add = |d: &Document, e: &mut Editor<'_>| {
        e.add_real_server(find(d, &["virtual_server"]), &server("10.1.0.2:80")).unwrap();
    };
    assert_eq!(change(strange, add), expected);
}

#[test]
fn comments_have_owners() {
    let remove = |comments| {
        move |d: &Document, e: &mut Editor<'_>| e.remove(find(d, &["real_server", "10.1.0.1"]), comments).unwrap()
    };
    let owned = "-    # the old one\n-    # in the cellar\n-    real_server 10.1.0.1 80 {\n-        weight 1      ! slow\n-    }\n-\n";
    assert_eq!(change(FILE, remove(Comments::Remove)), owned);
    assert_eq!(
        change(FILE, remove(Comments::Keep)),
        "-    real_server 10.1.0.1 80 {\n-        weight 1      ! slow\n-    }\n"
    );
    // `# alone` is apart, `# new` is behind it, `# end of block` belongs to the block.
    let second =
        |d: &Document, e: &mut Editor<'_>| e.remove(find(d, &["real_server", "10.1.0.2"]), Comments::Remove).unwrap();
    assert_eq!(change(FILE, second), "-    real_server 10.1.0.2 80 {\n-        inhibit_on_failure\n-    }   # new\n");
    // What is said in the first lines is about the file.
    let file = "# about the file\nglobal_defs {\n}\n";
    let all = |d: &Document, e: &mut Editor<'_>| e.remove(find(d, &["global_defs"]), Comments::Remove).unwrap();
    assert_eq!(change(file, all), "-global_defs {\n-}\n");
}

#[test]
fn checkers_and_settings_are_added_where_they_belong() {
    let checker = NewStatement::new(["TCP_CHECK"]).with(NewStatement::new(["connect_timeout", "3"]));
    let add =
        |d: &Document, e: &mut Editor<'_>| e.append(Some(find(d, &["real_server", "10.1.0.1"])), &checker).unwrap();
    assert_eq!(change(FILE, add), "+        TCP_CHECK {\n+            connect_timeout 3\n+        }\n");
    let delay = |d: &Document, e: &mut Editor<'_>| e.set(find(d, &["virtual_server"]), "delay_loop", &["6"]).unwrap();
    let changed = Document::parse(FILE);
    let mut editor = Editor::new(&changed);
    delay(&changed, &mut editor);
    let text = String::from_utf8(editor.finish().unwrap().into_bytes()).unwrap();
    assert!(text.contains("    lb_kind DR\n    delay_loop 6\n\n    # the old one\n"), "{text}");
}

#[test]
fn a_block_on_one_line_is_opened() {
    let text = "real_server 10.1.0.1 80 { weight 1 }\n";
    let add = |d: &Document, e: &mut Editor<'_>| e.set(find(d, &["real_server"]), "inhibit_on_failure", &[]).unwrap();
    assert_eq!(
        change(text, add),
        "-real_server 10.1.0.1 80 { weight 1 }\n+real_server 10.1.0.1 80 { weight 1\n+    inhibit_on_failure\n+}\n"
    );
    let empty = "real_server 10.1.0.1 80 { }";
    let add = |d: &Document, e: &mut Editor<'_>| e.set(find(d, &["real_server"]), "weight", &["2"]).unwrap();
    assert_eq!(change(empty, add), "-real_server 10.1.0.1 80 { }\n+real_server 10.1.0.1 80 {\n+    weight 2\n+}\n");
}

/// Several statements for one line, which is opened once.
#[test]
fn a_block_on_one_line_takes_several_statements() {
    let limits = |d: &Document, e: &mut Editor<'_>| {
        let server = find(d, &["real_server"]);
        e.set_weight(server, 3.into()).unwrap();
        e.set(server, "uthreshold", &["10"]).unwrap();
        e.set(server, "lthreshold", &["5"]).unwrap();
    };
    for (text, first) in [
        ("real_server 10.1.0.1 80 { weight 1 }\n", "{ weight 3\n"),
        ("real_server 10.1.0.1 80 {weight 1}\n", "{weight 3\n"),
        ("real_server 10.1.0.1 80 {}\n", "{\n    weight 3\n"),
        ("real_server 10.1.0.1 80 { }\n", "{\n    weight 3\n"),
    ] {
        let expected = format!("-{text}+real_server 10.1.0.1 80 {first}    uthreshold 10\n    lthreshold 5\n}}\n")
            .replace("\n ", "\n+ ")
            .replace("\n}", "\n+}");
        assert_eq!(change(text, limits), expected, "{text}");
    }
    let before = |d: &Document, e: &mut Editor<'_>| {
        let check = find(d, &["TCP_CHECK"]);
        e.insert_before(check, &NewStatement::new(["weight", "1"])).unwrap();
        e.insert_before(check, &NewStatement::new(["uthreshold", "2"])).unwrap();
    };
    let text = "real_server 10.1.0.1 80 {TCP_CHECK {} }\n";
    let expected = "+real_server 10.1.0.1 80 {\n+    weight 1\n+    uthreshold 2\n+    TCP_CHECK {} }\n";
    assert_eq!(change(text, before), format!("-{text}{expected}"));
    let file = |_: &Document, e: &mut Editor<'_>| {
        e.append(None, &NewStatement::new(["a"])).unwrap();
        e.append(None, &NewStatement::new(["b"])).unwrap();
    };
    assert_eq!(change("x", file), "+a\n+b\n");
    let rules = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1 -x 10 -y 5\n";
    let text = service("10.0.0.1", "    real_server 10.1.0.1 80 { weight 1 }\n");
    assert!(applied(&text, rules).unwrap().ends_with("+        uthreshold 10\n+        lthreshold 5\n+    }\n"));
}

#[test]
fn the_end_of_a_file_without_line_end_is_no_trap() {
    let text = "global_defs {\n}";
    let add =
        |_: &Document, e: &mut Editor<'_>| e.append(None, &NewStatement::new(["vrrp_script", "x"]).block()).unwrap();
    assert_eq!(change(text, add), "+vrrp_script x {\n+}\n");
    let add = |_: &Document, e: &mut Editor<'_>| e.append(None, &NewStatement::new(["instance", "a b"])).unwrap();
    assert_eq!(change("", add), "-\n+instance \"a b\"\n");
}

#[test]
fn what_cannot_be_done_is_said() {
    let document = Document::parse("a {\n b 1\n}\n");
    let other = document.clone();
    let mut editor = Editor::new(&document);
    assert_eq!(editor.set_word(find(&other, &["b"]), 1, "2"), Err(EditError::OtherDocument));
    assert_eq!(editor.set_word(find(&document, &["b"]), 5, "2"), Err(EditError::NoSuchWord { wanted: 5, found: 2 }));
    assert_eq!(editor.append(Some(find(&document, &["b"])), &NewStatement::new(["x"])), Err(EditError::NoBlock));
    editor.set_word(find(&document, &["b"]), 1, "2").unwrap();
    editor.remove(find(&document, &["a"]), Comments::Keep).unwrap();
    assert!(matches!(editor.finish(), Err(EditError::Conflict { .. })));
}

#[test]
fn a_word_that_cannot_be_written_is_refused_and_not_changed() {
    let document = Document::parse("MISC_CHECK {\n    misc_path /bin/check\n}\n");
    let mut editor = Editor::new(&document);
    let check = find(&document, &["MISC_CHECK"]);
    let refused = |word: &str| Err(EditError::Unwritable { word: word.to_owned() });
    for word in ["/bin/check \"two words\"", "/bin/check\nweight 9", "a\rb", "a\0b"] {
        assert_eq!(editor.set(check, "misc_path", &[word]), refused(word));
        assert_eq!(editor.set(check, "user", &[word]), refused(word), "also when it is added");
        assert_eq!(editor.set_word(find(&document, &["misc_path"]), 1, word), refused(word));
    }
    assert_eq!(
        refused("a\n").unwrap_err().to_string(),
        "`a\\n` cannot be written: words hold no quotes, line ends and NULs"
    );
    assert_eq!(editor.finish().unwrap(), document);
}

#[test]
fn conditional_statements_are_not_those_that_are_set() {
    let text = "real_server 10.1.0.1 80 {\n    weight 2\n    @backup weight 1\n    ~SEQ(N,1,2) retry $N\n}\n";
    let set = |d: &Document, e: &mut Editor<'_>| {
        let server = find(d, &["real_server"]);
        e.set_weight(server, 5.into()).unwrap();
        e.set(server, "retry", &["3"]).unwrap();
    };
    assert_eq!(change(text, set), "-    weight 2\n+    weight 5\n+    retry 3\n");
}

#[test]
fn nothing_is_added_to_a_block_that_is_not_closed() {
    let document = Document::parse("a {\n  b\n");
    let mut editor = Editor::new(&document);
    assert_eq!(editor.append(Some(find(&document, &["a"])), &NewStatement::new(["c"])), Err(EditError::NoBlock));
    assert_eq!(editor.set(find(&document, &["a"]), "c", &["1"]), Err(EditError::NoBlock));
}

#[test]
fn rules_that_do_not_stand_in_the_file_are_not_changed_behind_its_back() {
    let text = "$V= \\\nvirtual_server 10.0.0.1 80 { \\\n protocol TCP \\\n lvs_sched rr \\\n lvs_method NAT \\\n real_server 10.1.0.1 80 { \\\n } \\\n}\n$V\n";
    let document = Document::parse(text);
    let mut table = lower(text).table();
    assert_eq!(table.len(), 1);
    let service = table.last_mut().unwrap();
    service.upsert(service.destinations()[0].with_weight(Weight::from(3))).unwrap();
    let error = apply(&document, &table).unwrap_err();
    assert!(matches!(error, ApplyError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("-e -t 10.0.0.1:80 -r 10.1.0.1:80"), "{error}");
}

/// What applying rules of ipvsadm changes.
fn applied(text: &str, rules: &str) -> Result<String, ApplyError> {
    let reading = lvs_config::ipvsadm::read(rules);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    let applied = apply(&Document::parse(text), &reading.table)?;
    Ok(diff(text, applied.document.bytes()))
}

fn service(address: &str, inside: &str) -> String {
    format!(
        "virtual_server {address} 80 {{\n    protocol TCP\n    lvs_sched wlc\n    lvs_method NAT\n    delay_loop 9\n{inside}}}\n"
    )
}

const RULES: &str = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2\n";
const SERVER: &str = "    real_server 10.1.0.1 80 {\n        weight 2\n    }\n";

#[test]
fn a_block_without_servers_gets_them() {
    let added: String = SERVER.lines().map(|l| format!("+{l}\n")).collect();
    let expected = format!("-    lvs_sched wlc\n+    lvs_sched rr\n{added}");
    assert_eq!(applied(&service("10.0.0.1", ""), RULES).unwrap(), expected);
    // It stays when nobody asks for it.
    let both = format!("{}{}", service("10.0.0.9", ""), service("10.0.0.1", ""));
    assert_eq!(applied(&both, RULES).unwrap(), expected);
    // Servers that are refused make no rules, and are not doubled.
    let refused =
        service("10.0.0.1", "    real_server 10.1.0.1 80 {\n        uthreshold 1\n        lthreshold 2\n    }\n");
    let error = applied(&refused, RULES).unwrap_err();
    assert!(matches!(error, ApplyError::NotReached { .. } | ApplyError::NewErrors { .. }), "{error}");
}

#[test]
fn a_service_that_stands_twice_goes_with_all_its_blocks() {
    let text = service("10.0.0.1", SERVER) + &service("10.0.0.2", SERVER) + &service("10.0.0.1", SERVER);
    let table = lower(&text).table();
    let mut wanted = table.clone();
    wanted.remove(table.iter().next().unwrap().key());
    let changed = apply(&Document::parse(text), &wanted).unwrap().document;
    assert_eq!(changed.to_string(), service("10.0.0.2", SERVER));
}

#[test]
fn what_keeps_rules_from_being_reached_is_told() {
    let error = applied("", "-A -t 10.0.0.1:80 -s rr\n").unwrap_err().to_string();
    assert!(error.ends_with("keepalived drops a service without real servers"), "{error}");
    // A group says the service, too.
    let group = "virtual_server_group G {\n    10.0.0.1 80\n}\nvirtual_server group G {\n    protocol TCP\n    lvs_sched rr\n    lvs_method NAT\n    real_server 10.1.0.1 80 {\n    }\n}\n";
    let error = applied(&(service("10.0.0.1", SERVER) + group), "").unwrap_err().to_string();
    assert!(
        error.ends_with("the file says them in another place too, or reads the new lines in another way"),
        "{error}"
    );
}
