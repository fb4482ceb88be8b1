//! Virtual servers and their real servers, as in `virtual_server` and `real_server`.

use crate::keepalived::keywords::Argument::{Boolean, Choice, Flag, Forwarding, Mask, Protocol, Script, Socket};
use crate::keepalived::keywords::{Keyword, block, keyword, optional_uint, timer, uint, word};

use super::MAX_TIMER;

const SCHEDULERS: &[&str] =
    &["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf", "twos"];

#[rustfmt::skip]
pub(super) const VIRTUAL_SERVER: &[Keyword] = &[
    keyword("alpha", Flag, "flag", "off", "1.1.16").note("checkers start in the failed state; extra words ignored, so `alpha off` turns it ON"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "5", "2.0.13").note("default for the checkers"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "per checker", "1.3.7").note("default for the checkers"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "60", "0.6.6").note("default for the checkers"),
    keyword("flag-1", Flag, "flag", "off", "1.3.0").note("scheduler flag 1"),
    keyword("flag-2", Flag, "flag", "off", "1.3.0").note("scheduler flag 2"),
    keyword("flag-3", Flag, "flag", "off", "1.3.0").note("scheduler flag 3"),
    keyword("ha_suspend", Flag, "flag", "off", "1.0.0").note("run checkers only while the service address is on this host; not with fwmark"),
    keyword("hashed", Flag, "flag", "", "1.3.0").deprecated("removed behaviour").note("always reported as an error: was a broken name"),
    keyword("hysteresis", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.1.16").note("must be < quorum, otherwise reset to quorum-1 or 0"),
    keyword("inhibit_on_failure", Flag, "flag", "off", "1.3.7").note("a parameter is ignored here (bool only on real_server); default for real servers: weight 0 instead of removal"),
    keyword("ip_family", Choice(&["inet", "inet6"]), "enum inet|inet6", "from address / first real server", "1.2.20").note("needed for fwmark IPv6 services without real servers"),
    keyword("lb_algo", Choice(SCHEDULERS), "enum rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos", "wlc (reported as an error when unset)", "0.6.6").alias("lvs_sched").note("kernel scheduler name; case-sensitive"),
    keyword("lb_kind", Forwarding, "enum NAT|DR|TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]", "NAT (reported when unset)", "0.6.6").alias("lvs_method").ordered().note("forwarding method; must precede real_server/sorry_server to be inherited"),
    keyword("lvs_method", Forwarding, "(see lb_kind)", "NAT", "1.1.5").alias("lb_kind").ordered(),
    keyword("lvs_sched", Choice(SCHEDULERS), "enum (see lb_algo)", "wlc", "1.1.5").alias("lb_algo"),
    keyword("mh-fallback", Flag, "flag", "off", "2.0.20").ordered().note("= flag-1; lb_algo mh must already have been read"),
    keyword("mh-port", Flag, "flag", "off", "2.0.20").ordered().note("= flag-2; lb_algo mh must already have been read"),
    keyword("omega", Flag, "flag", "off", "1.1.16").note("run quorum_down/notify_down on shutdown"),
    keyword("ops", Flag, "flag", "off", "1.2.8").note("one-packet scheduling; valid for UDP or fwmark only"),
    keyword("persistence_engine", word(1, 1), "name <=16 chars", "none", "1.2.20").note("e.g. sip"),
    keyword("persistence_granularity", Mask, "dotted IPv4 mask or hostname-like token for IPv4; uint 1..128 for IPv6", "255.255.255.255 / 128", "0.6.6").note("sets persistence_timeout 360 when that is absent; family must be known"),
    keyword("persistence_timeout", optional_uint(1, 2_678_400), "uint 1..2678400 s, optional", "360 when no value; no persistence when the keyword is absent", "0.6.6"),
    keyword("protocol", Protocol, "enum TCP|UDP|SCTP (case-insensitive value)", "UDP with an error message when absent on an address service; none for fwmark", "0.6.6"),
    keyword("quorum", uint(1, 4_294_967_295), "uint 1..4294967295", "1", "1.1.16").note("minimum total weight of live servers"),
    keyword("quorum_down", Script { optional: false }, "script", "none", "1.1.16"),
    keyword("quorum_up", Script { optional: false }, "script", "none", "1.1.16"),
    keyword("real_server", block(1, 2), "block IP [PORT]", "", "0.6.6").repeatable().ordered().note("duplicates (same address and port) are dropped"),
    keyword("retry", uint(1, 4_294_967_295), "uint 1..4294967295", "per checker", "1.3.7").note("default for the checkers"),
    keyword("sh-fallback", Flag, "flag", "off", "1.3.0").ordered().note("= flag-1; lb_algo sh must already have been read"),
    keyword("sh-port", Flag, "flag", "off", "1.3.0").ordered().note("= flag-2; lb_algo sh must already have been read"),
    keyword("smtp_alert", Boolean, "bool?", "off (global default smtp_alert_checker / smtp_alert)", "2.0.0"),
    keyword("snmp_name", word(1, 1), "str", "none", "2.2.3").note("exactly one word"),
    keyword("sorry_server", Socket, "IP [PORT]", "none", "0.6.6").note("used when quorum is lost; one only"),
    keyword("sorry_server_inhibit", Flag, "flag", "off", "1.2.13").ordered().note("applies to the sorry_server already read"),
    keyword("sorry_server_lvs_method", Forwarding, "(see lb_kind)", "service forwarding", "1.3.6").ordered().note("applies to the sorry_server already read"),
    keyword("virtualhost", word(1, 1), "str", "none", "0.6.6").note("default Host header for HTTP_GET/SSL_GET"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "= delay_loop", "1.3.7").note("start of each checker is random in 0..warmup"),
    keyword("weight", uint(1, 2_147_483_647), "uint 1..2147483647", "1", "1.3.7").note("default weight of the real servers that set none"),
];

#[rustfmt::skip]
pub(super) const REAL_SERVER: &[Keyword] = &[
    keyword("BFD_CHECK", block(0, 0), "block", "", "2.0.0").repeatable().note("state of a bfd_instance"),
    keyword("DNS_CHECK", block(0, 0), "block", "", "1.3.0").repeatable().note("DNS query over UDP"),
    keyword("FILE_CHECK", block(0, 0), "block", "", "2.1.0").repeatable().note("number in a track_file"),
    keyword("HTTP_GET", block(0, 0), "block", "", "0.6.6").repeatable().note("HTTP GET of one or more URLs"),
    keyword("MISC_CHECK", block(0, 0), "block", "", "0.6.6").repeatable().note("script exit status"),
    keyword("PING_CHECK", block(0, 0), "block", "", "2.1.0").repeatable().note("ICMP echo"),
    keyword("SMTP_CHECK", block(0, 0), "block", "", "1.1.8").repeatable().note("SMTP banner, HELO, QUIT"),
    keyword("SSL_GET", block(0, 0), "block", "", "0.6.6").repeatable().note("the same over TLS"),
    keyword("TCP_CHECK", block(0, 0), "block", "", "0.6.6").repeatable().note("TCP connect"),
    keyword("UDP_CHECK", block(0, 0), "block", "", "2.1.0").repeatable().note("datagram sent, optional reply match"),
    keyword("alpha", Boolean, "bool?", "service setting", "1.3.7"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "service setting", "2.0.13"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "service setting", "1.3.7"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "service setting", "1.3.7"),
    keyword("inhibit_on_failure", Boolean, "bool?", "service setting", "0.6.8"),
    keyword("lthreshold", uint(0, 4_294_967_295), "uint 0..4294967295", "0 (off)", "1.1.13").note("lower connection threshold; kernel refuses lower > upper"),
    keyword("lvs_method", Forwarding, "(see lb_kind)", "service lb_kind if already read", "1.3.6"),
    keyword("notify_down", Script { optional: false }, "script", "none", "1.0.0"),
    keyword("notify_up", Script { optional: false }, "script", "none", "1.0.0"),
    keyword("retry", uint(1, 4_294_967_295), "uint 1..4294967295", "service setting", "1.3.7"),
    keyword("smtp_alert", Boolean, "bool?", "on if global smtp_alert_checker/smtp_alert unset", "2.0.0"),
    keyword("snmp_name", word(1, 1), "str", "none", "2.2.3"),
    keyword("uthreshold", uint(0, 4_294_967_295), "uint 0..4294967295", "0 (off)", "1.1.13").note("upper connection threshold"),
    keyword("virtualhost", word(1, 1), "str", "service virtualhost", "1.3.6"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "service setting", "1.3.7"),
    keyword("weight", uint(0, 2_147_483_647), "uint 0..2147483647", "service weight, else 1", "0.6.6"),
];
