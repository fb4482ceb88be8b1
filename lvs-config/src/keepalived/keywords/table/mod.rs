//! The keyword table: 29 blocks, 531 keywords, in the order of their names.
//!
//! A line is one keyword: name, argument, the argument as the manual writes it, default, first release, and what else
//! there is to say. Blocks that allow the same keyword each say it for themselves: first releases and defaults differ.

mod checkers;
mod global;
mod servers;
mod vrrp;

use self::checkers::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, HTTP_GET_URL, MISC_CHECK, PING_CHECK, SMTP_CHECK, SMTP_CHECK_HOST,
    SSL_GET, SSL_GET_URL, TCP_CHECK, UDP_CHECK,
};
use self::global::{BFD_INSTANCE, GLOBAL_DEFS, SSL, TOP};
use self::servers::{REAL_SERVER, VIRTUAL_SERVER};
use self::vrrp::{
    GARP_GROUP, TRACK_FILE, TRACK_GROUP, VRRP_INSTANCE, VRRP_INSTANCE_AUTH_HMAC, VRRP_INSTANCE_AUTHENTICATION,
    VRRP_SCRIPT, VRRP_SYNC_GROUP, VRRP_TRACK_FILE, VRRP_TRACK_PROCESS,
};
use super::Argument::Flag;
use super::{Block, Keyword, keyword, uint, weight};

/// The longest time that a 64-bit number of microseconds holds.
const MAX_TIMER: u64 = 18_446_744_073_709_551_614;

/// All blocks; the first one is the file itself.
pub(super) static BLOCKS: &[Block] = &[
    Block { path: "", keywords: TOP },
    Block { path: "bfd_instance", keywords: BFD_INSTANCE },
    Block { path: "SSL", keywords: SSL },
    Block { path: "virtual_server", keywords: VIRTUAL_SERVER },
    Block { path: "virtual_server/real_server", keywords: REAL_SERVER },
    Block { path: "virtual_server/real_server/MISC_CHECK", keywords: MISC_CHECK },
    Block { path: "virtual_server/real_server/SMTP_CHECK", keywords: SMTP_CHECK },
    Block { path: "virtual_server/real_server/SMTP_CHECK/host", keywords: SMTP_CHECK_HOST },
    Block { path: "virtual_server/real_server/TCP_CHECK", keywords: TCP_CHECK },
    Block { path: "virtual_server/real_server/PING_CHECK", keywords: PING_CHECK },
    Block { path: "virtual_server/real_server/UDP_CHECK", keywords: UDP_CHECK },
    Block { path: "virtual_server/real_server/HTTP_GET", keywords: HTTP_GET },
    Block { path: "virtual_server/real_server/HTTP_GET/url", keywords: HTTP_GET_URL },
    Block { path: "virtual_server/real_server/SSL_GET", keywords: SSL_GET },
    Block { path: "virtual_server/real_server/SSL_GET/url", keywords: SSL_GET_URL },
    Block { path: "virtual_server/real_server/DNS_CHECK", keywords: DNS_CHECK },
    Block { path: "virtual_server/real_server/FILE_CHECK", keywords: FILE_CHECK },
    Block { path: "virtual_server/real_server/BFD_CHECK", keywords: BFD_CHECK },
    Block { path: "global_defs", keywords: GLOBAL_DEFS },
    Block { path: "track_file", keywords: TRACK_FILE },
    Block { path: "vrrp_track_file", keywords: VRRP_TRACK_FILE },
    Block { path: "track_group", keywords: TRACK_GROUP },
    Block { path: "vrrp_sync_group", keywords: VRRP_SYNC_GROUP },
    Block { path: "garp_group", keywords: GARP_GROUP },
    Block { path: "vrrp_instance", keywords: VRRP_INSTANCE },
    Block { path: "vrrp_instance/authentication", keywords: VRRP_INSTANCE_AUTHENTICATION },
    Block { path: "vrrp_instance/auth_hmac", keywords: VRRP_INSTANCE_AUTH_HMAC },
    Block { path: "vrrp_script", keywords: VRRP_SCRIPT },
    Block { path: "vrrp_track_process", keywords: VRRP_TRACK_PROCESS },
];

/// What releases up to 2.2.7 took more narrowly, as that release says when it runs.
pub(super) static NARROW: &[(&str, Keyword)] = &[
    ("global_defs", keyword("vrrp_skip_check_adv_addr", Flag, "flag", "off", "1.2.20")),
    ("global_defs", keyword("vrrp_strict", Flag, "flag", "off", "1.2.20")),
    ("track_file", keyword("weight", weight(-254, 254), "int -254..254 [reverse]", "1", "2.1.0")),
    ("vrrp_track_file", keyword("weight", weight(-254, 254), "int -254..254 [reverse]", "1", "2.0.0")),
    ("vrrp_script", keyword("interval", uint(1, 4294), "uint 1..4294 s", "1", "1.1.13")),
    ("vrrp_script", keyword("timeout", uint(1, 4294), "uint 1..4294 s", "= interval", "1.2.6")),
];

/// What older releases knew: block, keyword, first and last release.
pub(super) static REMOVED: &[(&str, &str, &str, &str)] = &[
    ("global_defs", "lvs_id", "0.6.6", "1.1.7"),
    ("", "real_server_group", "0.6.6", "1.0.0"),
    ("real_server_group", "real_server", "0.6.6", "1.0.0"),
    ("real_server_group/real_server", "weight", "0.6.6", "1.0.0"),
    ("virtual_server", "nat_mask", "0.6.6", "1.2.19"),
    ("virtual_server/real_server", "CI-LINUX", "0.6.6", "1.1.4"),
    ("virtual_server", "real_group", "0.6.6", "1.0.0"),
    ("virtual_server/real_group", "MISC_CHECK", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/MISC_CHECK", "misc_path", "0.6.6", "1.0.0"),
    ("virtual_server/real_group", "TCP_CHECK", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/TCP_CHECK", "connect_port", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/TCP_CHECK", "connect_timeout", "0.6.6", "1.0.0"),
    ("virtual_server/real_group", "HTTP_GET", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET", "connect_port", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET", "connect_timeout", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET", "nb_get_retry", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET", "delay_before_retry", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET", "url", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET/url", "path", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET/url", "digest", "0.6.6", "1.0.0"),
    ("virtual_server/real_group", "SSL_GET", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET", "connect_port", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET", "connect_timeout", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET", "nb_get_retry", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET", "delay_before_retry", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET", "url", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET/url", "path", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET/url", "digest", "0.6.6", "1.0.0"),
    ("virtual_server/real_group", "CI-LINUX", "0.6.6", "1.0.0"),
    ("virtual_server/real_group/HTTP_GET/url", "status_code", "0.7.6", "1.0.0"),
    ("virtual_server/real_group/SSL_GET/url", "status_code", "0.7.6", "1.0.0"),
    ("global_defs", "plugin_dir", "1.1.8", "1.2.19"),
];
