//! The ten checkers of real servers.

use crate::keepalived::keywords::Argument::{
    Address, Boolean, Choice, Digest, Flag, Hex, Options, Port, Script, StatusCodes,
};
use crate::keepalived::keywords::{Addresses, Keyword, block, keyword, timer, uint, weight, word};

use super::MAX_TIMER;

const REGEX_OPTIONS: &[&str] = &[
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
];

#[rustfmt::skip]
pub(super) const MISC_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "1.3.7"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("misc_dynamic", Flag, "flag", "off", "1.1.8").note("exit 2..255 sets weight = exit-2"),
    keyword("misc_path", Script { optional: false }, "script (quoted when it has parameters)", "required", "0.6.6"),
    keyword("misc_timeout", uint(0, 4294), "uint 0..4294 s", "= delay_loop of the service", "1.1.0"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.3.7").note("extra attempts after a failure while up"),
    keyword("user", word(1, 2), "USER [GROUP]", "script_user", "1.3.0"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.2.13"),
];

#[rustfmt::skip]
pub(super) const SMTP_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("bind_if", word(1, 1), "ifname", "none", "1.3.7").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "1.2.17").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "1.2.17").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "1.2.17"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "1.2.17"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "1.1.8"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "1.1.8"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.2.17").note("SO_MARK on the checker socket"),
    keyword("helo_name", word(1, 1), "str", "smtpchecker.keepalived.org", "1.1.8"),
    keyword("host", block(0, 0), "block", "", "1.1.8").deprecated("use one SMTP_CHECK per host").repeatable().note("extra endpoints; deprecated, use several SMTP_CHECK"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.1.8").note("extra attempts after a failure while up"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.2.13"),
];

#[rustfmt::skip]
pub(super) const SMTP_CHECK_HOST: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("bind_if", word(1, 1), "ifname", "none", "1.3.7").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "1.2.13").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "1.1.8").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "1.1.8"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "1.1.8"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "1.2.13"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "1.3.7"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.2.13").note("SO_MARK on the checker socket"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.3.7").note("extra attempts after a failure while up"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.3.7"),
];

#[rustfmt::skip]
pub(super) const TCP_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("bind_if", word(1, 1), "ifname", "none", "1.3.7").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "1.2.13").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "1.1.2").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "1.2.13"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "0.6.6"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "0.6.6"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "1.2.20"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.2.13").note("SO_MARK on the checker socket"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.2.20").note("extra attempts after a failure while up"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.2.13"),
];

#[rustfmt::skip]
pub(super) const PING_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "2.1.0"),
    keyword("bind_if", word(1, 1), "ifname", "none", "2.1.0").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "2.1.0").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "2.1.0").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "2.1.0"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "2.1.0"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "2.1.0"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "2.1.0"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "2.1.0"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "2.1.0").note("SO_MARK on the checker socket"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.1.0"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "2.1.0").note("extra attempts after a failure while up"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "2.1.0"),
];

#[rustfmt::skip]
pub(super) const UDP_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "2.1.0"),
    keyword("bind_if", word(1, 1), "ifname", "none", "2.1.0").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "2.1.0").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "2.1.0").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "2.1.0"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "2.1.0"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "2.1.0"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "2.1.0"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "2.1.0"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "2.1.0").note("SO_MARK on the checker socket"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.1.0"),
    keyword("max_reply_length", uint(0, 65_535), "uint 0..65535", "255", "2.2.0"),
    keyword("min_reply_length", uint(0, 65_535), "uint 0..65535", "0", "2.2.0"),
    keyword("payload", Hex { wildcards: false, optional: false }, "hex (bytes may be separated by blanks)", "filler text", "2.2.0").note("datagram to send"),
    keyword("require_reply", Hex { wildcards: true, optional: true }, "hex with X wildcards, optional", "off", "2.1.0").note("a reply is needed; with a value its prefix must match"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "2.1.0").note("extra attempts after a failure while up"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "2.1.0"),
];

#[rustfmt::skip]
pub(super) const HTTP_GET: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("bind_if", word(1, 1), "ifname", "none", "1.3.7").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "1.2.13").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "1.1.2").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "1.2.13"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "0.6.6"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "0.6.6"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "0.6.6"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("enable_sni", Boolean, "bool?", "off", "1.4.3").note("SSL_GET only in effect; allowed in both"),
    keyword("fast_recovery", Boolean, "bool?", "off", "2.0.17").note("one good URL pass brings the server back at once"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.2.13").note("SO_MARK on the checker socket"),
    keyword("http_protocol", Choice(&["1.0", "1.0C", "1.0c", "1.1"]), "enum 1.0|1.0C|1.0c|1.1", "1.0", "2.0.17").note("see spec section 5"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("nb_get_retry", uint(0, 4_294_967_295), "uint 0..4294967295", "", "0.6.6").deprecated("retry").note("old name of retry, only here"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.3.7").note("extra attempts after a failure while up"),
    keyword("sni_name", word(1, 1), "str", "url/checker/vs virtualhost", "2.4.4"),
    keyword("url", block(0, 0), "block", "at least one required", "0.6.6").repeatable(),
    keyword("virtualhost", word(1, 1), "str", "rs, vs virtualhost, else ADDR:PORT", "1.3.6").note("Host header"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.2.13"),
];

#[rustfmt::skip]
pub(super) const HTTP_GET_URL: &[Keyword] = &[
    keyword("digest", Digest, "hex MD5 (32 digits)", "none", "0.6.6").note("hash of the body"),
    keyword("path", word(1, 1), "str", "required", "0.6.6").note("a url without it is dropped (2.2.7 crashes)"),
    keyword("regex", word(1, 1), "regex (quoted)", "none", "2.0.7").note("PCRE2; body must match"),
    keyword("regex_max_offset", uint(0, 4_294_967_295), "uint", "end", "2.0.7").note("must be > min"),
    keyword("regex_min_offset", uint(0, 4_294_967_295), "uint", "0", "2.0.7"),
    keyword("regex_no_match", Flag, "flag", "off", "2.0.7").note("success when the pattern does not match"),
    keyword("regex_options", Options(REGEX_OPTIONS), "list of allow_empty_class|alt_bsux|auto_callout|caseless|dollar_endonly|dotall|dupnames|extended|firstline|match_unset_backref|multiline|never_ucp|never_utf|no_auto_capture|no_auto_possess|no_dotstar_anchor|no_start_optimize|ucp|ungreedy|utf|never_backslash_c|alt_circumflex|alt_verbnames|use_offset_limit", "none", "2.0.7").note("names of the PCRE2 compile options"),
    keyword("regex_stack", word(2, 2), "uint START MAX", "none", "2.0.7").note("JIT stack sizes"),
    keyword("status_code", StatusCodes, "list of 100..599 or A-B", "200-299", "0.7.6"),
    keyword("virtualhost", word(1, 1), "str", "checker virtualhost", "1.3.6"),
];

#[rustfmt::skip]
pub(super) const SSL_GET: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("bind_if", word(1, 1), "ifname", "none", "1.3.7").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "1.2.13").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "1.1.2").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "1.2.13"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "0.6.6"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "0.6.6"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "0.6.6"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("enable_sni", Boolean, "bool?", "off", "1.4.3").note("SSL_GET only in effect; allowed in both"),
    keyword("fast_recovery", Boolean, "bool?", "off", "2.0.17").note("one good URL pass brings the server back at once"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.2.13").note("SO_MARK on the checker socket"),
    keyword("http_protocol", Choice(&["1.0", "1.0C", "1.0c", "1.1"]), "enum 1.0|1.0C|1.0c|1.1", "1.0", "2.0.17").note("see spec section 5"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("nb_get_retry", uint(0, 4_294_967_295), "uint 0..4294967295", "", "0.6.6").deprecated("retry").note("old name of retry, only here"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.3.7").note("extra attempts after a failure while up"),
    keyword("sni_name", word(1, 1), "str", "url/checker/vs virtualhost", "2.4.4"),
    keyword("tls_compliant", Boolean, "bool?", "checker value / off", "2.2.8").note("TLS close_notify required (SSL_GET only)"),
    keyword("url", block(0, 0), "block", "at least one required", "0.6.6").repeatable(),
    keyword("virtualhost", word(1, 1), "str", "rs, vs virtualhost, else ADDR:PORT", "1.3.6").note("Host header"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.2.13"),
];

#[rustfmt::skip]
pub(super) const SSL_GET_URL: &[Keyword] = &[
    keyword("digest", Digest, "hex MD5 (32 digits)", "none", "0.6.6").note("hash of the body"),
    keyword("path", word(1, 1), "str", "required", "0.6.6").note("a url without it is dropped (2.2.7 crashes)"),
    keyword("regex", word(1, 1), "regex (quoted)", "none", "2.0.7").note("PCRE2; body must match"),
    keyword("regex_max_offset", uint(0, 4_294_967_295), "uint", "end", "2.0.7").note("must be > min"),
    keyword("regex_min_offset", uint(0, 4_294_967_295), "uint", "0", "2.0.7"),
    keyword("regex_no_match", Flag, "flag", "off", "2.0.7").note("success when the pattern does not match"),
    keyword("regex_options", Options(REGEX_OPTIONS), "list of allow_empty_class|alt_bsux|auto_callout|caseless|dollar_endonly|dotall|dupnames|extended|firstline|match_unset_backref|multiline|never_ucp|never_utf|no_auto_capture|no_auto_possess|no_dotstar_anchor|no_start_optimize|ucp|ungreedy|utf|never_backslash_c|alt_circumflex|alt_verbnames|use_offset_limit", "none", "2.0.7").note("names of the PCRE2 compile options"),
    keyword("regex_stack", word(2, 2), "uint START MAX", "none", "2.0.7").note("JIT stack sizes"),
    keyword("status_code", StatusCodes, "list of 100..599 or A-B", "200-299", "0.7.6"),
    keyword("tls_compliant", Boolean, "bool?", "checker value / off", "2.2.8").note("TLS close_notify required (SSL_GET only)"),
    keyword("virtualhost", word(1, 1), "str", "checker virtualhost", "1.3.6"),
];

#[rustfmt::skip]
pub(super) const DNS_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs, vs, else off", "1.3.7"),
    keyword("bind_if", word(1, 1), "ifname", "none", "1.3.7").note("bind to interface"),
    keyword("bind_port", Port, "port 1..65535", "any", "1.3.0").note("source port"),
    keyword("bindto", Address(Addresses::Any), "ip", "any", "1.3.0").note("source address"),
    keyword("connect_ip", Address(Addresses::Any), "ip", "real server address", "1.3.0"),
    keyword("connect_port", Port, "port 1..65535", "real server port", "1.3.0"),
    keyword("connect_timeout", timer(1, 4_294_967_295), "timer >0..4294.967295", "rs, vs, else 5", "1.3.0"),
    keyword("delay_before_retry", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else checker default (1 s; HTTP/SSL 3 s; DNS: delay_loop)", "1.3.7"),
    keyword("delay_loop", timer(1, MAX_TIMER), "timer >0", "rs, vs, else 60", "1.3.7"),
    keyword("fwmark", uint(0, 4_294_967_295), "uint 0..4294967295", "0", "1.3.0").note("SO_MARK on the checker socket"),
    keyword("log_all_failures", Boolean, "bool?", "global checker_log_all_failures", "2.0.11"),
    keyword("name", word(1, 1), "str", ".", "1.3.0").note("query name"),
    keyword("retry", uint(0, 4_294_967_295), "uint 0..4294967295", "rs retry, else vs retry, else checker default (1; DNS 3; MISC 0)", "1.3.0").note("extra attempts after a failure while up"),
    keyword("type", Choice(&["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"]), "enum A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY", "SOA", "1.3.0"),
    keyword("warmup", timer(0, MAX_TIMER), "timer >=0", "rs, vs, else delay_loop", "1.3.7"),
];

#[rustfmt::skip]
pub(super) const FILE_CHECK: &[Keyword] = &[
    keyword("track_file", word(1, 1), "name", "required", "2.1.0").note("name of a track_file block"),
    keyword("weight", weight(-2_147_483_647, 2_147_483_647), "int -2147483647..2147483647 [reverse]", "weight of the track_file", "2.1.0"),
];

#[rustfmt::skip]
pub(super) const BFD_CHECK: &[Keyword] = &[
    keyword("alpha", Boolean, "bool?", "rs alpha", "2.0.0"),
    keyword("name", word(1, 1), "name", "required", "2.0.0").note("name of a bfd_instance"),
];
