//! The common mistakes in ipvsadm rules, with our whole text.

use lvs_config::ipvsadm::{Mode, NameTable, Reader};
use lvs_config::{FileId, Renderer, Severity, Sources};

/// What is said about a text, as a person sees it.
fn report(mode: Mode, text: &str) -> String {
    let names = NameTable::new().with_hosts("10.0.0.1 vip\n").with_services("http 80/tcp\n");
    let reading = Reader::new(mode).with_names(&names).read(text);
    let sources = Sources::of("rules", text);
    Renderer::new(&sources).render_all(&reading.diagnostics)
}

#[track_caller]
fn says(text: &str, expected: &str) {
    assert_eq!(report(Mode::Restore, text), expected);
}

#[test]
fn options_copied_from_a_web_page() {
    says(
        "-A -t 10.0.0.1:80 –s rr\n",
        "\
error[unexpected-word]: unexpected word `–s`
 --> rules:1:19
  |
1 | -A -t 10.0.0.1:80 –s rr
  |                   ^^ this starts with a dash that is not `-`
  |
  = fix: write `-s`
",
    );
}

#[test]
fn commands_that_are_none() {
    says(
        "–A -t 10.0.0.1:80 -s rr\n",
        "\
error[not-a-command]: `–A` is not a command
 --> rules:1:1
  |
1 | –A -t 10.0.0.1:80 -s rr
  | ^^ expected a command such as `-A`, `-a` or `--add-service` first
  |
  = help: this starts with a dash that is not `-` (copied from a web page?)
  = help: the tool stops reading here
  = fix: write `-A`
",
    );
    says(
        "\u{feff}-A -t 10.0.0.1:80 -s rr\n",
        "\
error[not-a-command]: `<U+FEFF>-A` is not a command
 --> rules:1:1
  |
1 | <U+FEFF>-A -t 10.0.0.1:80 -s rr
  | ^^^^^^^^^^ expected a command such as `-A`, `-a` or `--add-service` first
  |
  = help: the file starts with a byte order mark (U+FEFF), remove it
  = help: the tool stops reading here
  = fix: remove the byte order mark
",
    );
    says(
        "add-service -t 10.0.0.1:80 -s rr\n",
        "\
error[not-a-command]: `add-service` is not a command
 --> rules:1:1
  |
1 | add-service -t 10.0.0.1:80 -s rr
  | ^^^^^^^^^^^ expected a command such as `-A`, `-a` or `--add-service` first
  |
  = help: the names of commands start with two dashes
  = help: the tool stops reading here
  = fix: write `--add-service`
",
    );
    says(
        "-t 10.0.0.1:80 -s rr\n",
        "\
error[not-a-command]: `-t` is not a command
 --> rules:1:1
  |
1 | -t 10.0.0.1:80 -s rr
  | ^^ expected a command such as `-A`, `-a` or `--add-service` first
  |
  = help: the tool stops reading here
",
    );
}

#[test]
fn a_misspelt_option_and_what_depends_on_its_line() {
    // The destination has no service because of the first mistake, which is told once.
    says(
        "-A -t 10.0.0.1:80 --schedular rr\n-a -t 10.0.0.1:80 -r 10.1.0.1 -m\n",
        "\
error[unknown-option]: unknown option `--schedular`
 --> rules:1:19
  |
1 | -A -t 10.0.0.1:80 --schedular rr
  |                   ^^^^^^^^^^^ did you mean `--scheduler`?
  |
  = help: the line has no effect
  = fix: write `--scheduler`
",
    );
}

#[test]
fn one_mistake_is_one_error() {
    for (text, code) in [
        ("-A -t 10.0.0.1:80 -s rr -a -t 10.0.0.1:80 -r 10.1.0.1 -m\n", "second-command"),
        ("-A -f 1 -s rr -A -f 2 -s rr\n", "second-command"),
        ("-Aa -f 1 -r 10.1.0.1\n", "second-command"),
        ("-A -T 10.0.0.1:80 -s rr\n", "unknown-option"),
        ("-a -f 1 --real-sever 10.1.0.1\n", "unknown-option"),
        ("-A –t 10.0.0.1:80 -s rr\n", "unexpected-word"),
        ("-a -f 1 -m -r\n", "missing-argument"),
        ("-a -f 1 -w 5\n", "missing-option"),
    ] {
        let reading = Reader::new(Mode::Restore).read(text);
        let codes: Vec<_> = reading.diagnostics.iter().map(|d| d.code.as_str()).collect();
        assert_eq!(codes, [code], "{text}");
    }
}

#[test]
fn comments_and_paths() {
    says(
        "-A -f 1 # the web\n",
        "\
error[unexpected-word]: unexpected word `#`
 --> rules:1:9
  |
1 | -A -f 1 # the web
  |         ^ expected an option
  |
  = help: the format knows no comments behind a command
",
    );
    says(
        "/sbin/ipvsadm -A -f 1\n",
        "\
error[unexpected-word]: unexpected word `/sbin/ipvsadm`
 --> rules:1:1
  |
1 | /sbin/ipvsadm -A -f 1
  | ^^^^^^^^^^^^^ expected an option
  |
  = help: only the bare word `ipvsadm` is dropped, a path is not
",
    );
    assert_eq!(
        report(Mode::Strict, "# a comment\n"),
        "\
error[not-a-command]: `#` is not a command
 --> rules:1:1
  |
1 | # a comment
  | ^ expected a command such as `-A`, `-a` or `--add-service` first
  |
  = help: `ipvsadm -R` knows no comments; `ipvsadm-restore` drops lines that start with `#`
  = help: the tool stops reading here
"
    );
}

#[test]
fn addresses_that_are_not_what_they_look_like() {
    says(
        "-A -t 10.0.0:80\n",
        "\
warning[short-address]: `10.0.0:80` is read as 10.0.0.0
 --> rules:1:7
  |
1 | -A -t 10.0.0:80
  |       ^^^^^^^^^ expected four octets
  |
  = help: the last number fills the octets that are missing
",
    );
    says(
        "-A -t 2001:db8::1:80 -p 60\n",
        "\
warning[no-brackets]: `2001:db8::1:80` is an address without a port
 --> rules:1:7
  |
1 | -A -t 2001:db8::1:80 -p 60
  |       ^^^^^^^^^^^^^^ for port 80 write `[2001:db8::1]:80`
  |
  = fix: write `[2001:db8::1]:80`
",
    );
    says(
        "-A -t s2:http -s rr\n",
        "\
error[unknown-host]: `s2` is no known host (virtual service)
 --> rules:1:7
  |
1 | -A -t s2:http -s rr
  |       ^^^^^^^ expected a numeric address
  |
  = help: a file saved without `-n` needs the same names wherever it is read
",
    );
}

#[test]
fn masks_and_persistence() {
    says(
        "-A -f 1 -p 60 -M 24\n",
        "\
warning[odd-netmask]: `24` is read as 0.0.0.24
 --> rules:1:18
  |
1 | -A -f 1 -p 60 -M 24
  |                  ^^ an IPv4 mask such as `255.255.255.0` is usual
  |
  = help: a prefix length is taken only for IPv6
  = fix: write `255.255.255.0`
",
    );
    says(
        "-A -f 1 -p\n",
        "\
info[default-timeout]: persistence of 360 seconds
 --> rules:1:9
  |
1 | -A -f 1 -p
  |         ^^ the same as `-p 360`
  |
  = help: the manual of ipvsadm says 300, the program does 360
",
    );
}

#[test]
fn ports_that_change_and_servers_that_are_there_twice() {
    says(
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -g\n\n-a -t 10.0.0.1:80 -r 10.1.0.1 -m\n",
        "\
warning[forced-port]: port 8080 becomes 80
 --> rules:2:22
  |
2 | -a -t 10.0.0.1:80 -r 10.1.0.1:8080 -g
  |                      ^^^^^^^^^^^^^ the port of the service is used
  |
  = help: only masquerading (`-m`) can change the port

error[destination-exists]: the service tcp 10.0.0.1:80 has the real server 10.1.0.1:80 already
 --> rules:4:1
  |
4 | -a -t 10.0.0.1:80 -r 10.1.0.1 -m
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the line has no effect
  ...
2 | -a -t 10.0.0.1:80 -r 10.1.0.1:8080 -g
  | ------------------------------------- the first one
  |
  = help: `-e` changes a real server
",
    );
}

#[test]
fn what_ipvsadm_save_breaks() {
    says(
        "-A -f -1 -s rr\n",
        "\
error[bad-number]: `-1` is no mark
 --> rules:1:7
  |
1 | -A -f -1 -s rr
  |       ^^ expected a number from 1 to 4294967295
  |
  = help: `ipvsadm -S` printed mark 4294967295 like this
  = fix: write `4294967295`
",
    );
    says(
        "-A -f 1 -s sh -b \n",
        "\
error[missing-argument]: `-b` needs an argument
 --> rules:1:15
  |
1 | -A -f 1 -s sh -b
  |               ^^ nothing follows
  |
  = help: `ipvsadm -S` prints such a line for sh or mh with flag-3: write `-b flag-3`
",
    );
}

#[test]
fn fixes_make_rules_that_are_read() {
    for text in [
        "-A -t 10.0.0.1:80 –s rr\n",
        "-A -t 10.0.0.1:80 --shceduler rr\n",
        "-A -f -2147483648 -s rr\n",
        "-A -t 2001:db8::1:80\n",
        "-A -f 1 -p 5 -M /24\n",
        "-A -f 1  ",
        "–A -t 10.0.0.1:80\n",
        "—add-service -t 10.0.0.1:80\n",
        "\u{feff}-A -t 10.0.0.1:80\n",
        "add-service -t 10.0.0.1:80\n",
    ] {
        let reading = Reader::new(Mode::Strict).read(text);
        let fixes: Vec<_> = reading.diagnostics.iter().filter_map(|d| d.fix.as_ref()).collect();
        assert_eq!(fixes.len(), 1, "{text:?} {:?}", reading.diagnostics);
        let fixed = fixes[0].apply(FileId::MAIN, text.as_bytes()).expect("it belongs to this text");
        let again = Reader::new(Mode::Strict).read(&fixed);
        assert!(again.diagnostics.iter().all(|d| d.severity < Severity::Warning), "{:?}", again.diagnostics);
        assert_eq!(again.table.len(), 1);
    }
}

#[test]
fn a_fix_does_not_replace_an_option_with_its_value() {
    for (text, is_fixed) in [
        ("ipvsadm -A -f \"-1\"\n", true),
        ("ipvsadm -A -f-1\n", true),
        ("ipvsadm -A -f\"-1\"\n", false),
        ("ipvsadm -A --fwmark-service='-1'\n", false),
        ("ipvsadm -A -f 1 -p 5 -M'24'\n", false),
        ("ipvsadm -A -t'2001:db8::1:80' -p 60\n", false),
    ] {
        let reading = Reader::new(Mode::Script).read(text);
        assert_eq!(reading.diagnostics.len(), 1, "{text}");
        assert_eq!(reading.diagnostics[0].fix.is_some(), is_fixed, "{text}");
    }
}

#[test]
fn a_script_is_read_as_far_as_it_is_literal() {
    assert_eq!(
        report(Mode::Script, "VIP=10.0.0.1\nipvsadm -A -t $VIP:80 -s rr\n"),
        "\
info[not-literal]: this command is not read
 --> rules:2:1
  |
2 | ipvsadm -A -t $VIP:80 -s rr
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^ a shell changes it before ipvsadm sees it
"
    );
}

#[test]
fn of_very_many_diagnostics_the_gravest_are_kept() {
    // A remark and an error for each line but the first.
    let text = format!("-A -f 1\n{}", "-A -f 1 -p\n".repeat(2000));
    let reading = Reader::new(Mode::Strict).read(&text);
    assert_eq!(reading.errors().count(), 1000);
    assert!(reading.diagnostics.is_sorted_by_key(|d| d.span.start));
    let last = reading.diagnostics.last().expect("there are many");
    assert_eq!((last.code.as_str(), &*last.message), ("too-many-diagnostics", "there are 3000 more diagnostics"));
    for (mode, line) in [
        (Mode::Script, "ipvsadm -A -f 1;".repeat(100_000)),
        (Mode::Strict, format!("-A -f 1{}", " -Q".repeat(100_000))),
    ] {
        assert!(report(mode, &line).contains("info[too-many-diagnostics]: there are 9"));
    }
}

/// Texts that would take long if something looked back for every line.
#[test]
fn hostile_texts_take_no_longer_than_their_length() {
    let many = |line: &dyn Fn(usize) -> String| (0..10_000).map(line).collect::<String>();
    let service = "-A -f 1\n";
    for text in [
        format!("{service}{}", many(&|_| "-a -f 1 -r 10.0.0.1 -m\n".into())),
        format!("{service}{}", many(&|i| format!("-a -f 1 -r 10.{}.{}.1 -m\n", i / 256, i % 256)))
            + &many(&|i| format!("-d -f 1 -r 10.{}.{}.1\n", i / 256, i % 256)),
        many(&|i| format!("-A -f {}\n", i + 1)) + &many(&|i| format!("-D -f {}\n", i + 1)),
        many(&|_| "'".into()),
        many(&|_| "\"\\".into()),
        many(&|_| "\\\n".into()),
        many(&|_| "-6".into()),
        format!("-A -f 1 {}", many(&|_| "-6 ".repeat(20))),
        format!("-A -f 1 -{}", many(&|_| "6".into())),
        format!("-A -f 1 --{}", many(&|_| "x".into())),
        format!("-A -t {}", many(&|_| "[:".into())),
    ] {
        for mode in [Mode::Strict, Mode::Restore, Mode::Script] {
            let reading = Reader::new(mode).read(&text);
            assert!(reading.table.len() <= 10_000);
        }
    }
}

#[test]
fn a_last_line_without_an_end_is_lost_only_without_the_script() {
    let rules = "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.1:81 -s rr \t";
    let reading = Reader::new(Mode::Restore).read(rules);
    assert_eq!((reading.table.len(), reading.diagnostics.len()), (2, 0));
    assert_eq!(
        report(Mode::Strict, rules),
        "\
error[lost-line]: `ipvsadm -R` ignores this last line
 --> rules:2:24
  |
2 | -A -t 10.0.0.1:81 -s rr
  |                        ^^^^^ blanks at the end of a file without a final newline
  |
  = fix: end the line with a newline
"
    );
}

#[test]
fn looking_for_a_service_that_is_not_there_ends_the_reading() {
    let rules = "-A -t 10.0.0.1:80 -s rr\n-L -t 10.0.0.1:81\n-A -t 10.0.0.1:82 -s rr\n";
    for (mode, services) in [(Mode::Strict, 1), (Mode::Restore, 1), (Mode::Script, 2)] {
        let reading = Reader::new(mode).read(rules);
        assert_eq!(reading.table.len(), services);
        assert_eq!(reading.exit_status, u8::from(mode != Mode::Script));
    }
    says(
        rules,
        "\
error[no-service]: there is no service tcp 10.0.0.1:81
 --> rules:2:1
  |
2 | -L -t 10.0.0.1:81
  | ^^^^^^^^^^^^^^^^^ expected its `-A` before
  |
  = help: the tool stops reading here
",
    );
}
