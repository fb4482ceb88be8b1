//! VRRP and what it tracks.

use crate::keepalived::keywords::Argument::{Address, Boolean, Choice, Flag, Lines, OptionalChoice, Script, Words};
use crate::keepalived::keywords::{
    Addresses, Keyword, block, decimal, keyword, optional_uint, timer, uint, weight, word,
};

#[rustfmt::skip]
pub(super) const TRACK_FILE: &[Keyword] = &[
    keyword("file", word(1, 1), "path (quoted)", "required", "2.1.0"),
    keyword("init_file", word(0, 2), "[INT] [overwrite]", "none", "2.1.0"),
    keyword("weight", weight(-2_147_483_647, 2_147_483_647), "int -2147483647..2147483647 [reverse]", "1", "2.1.0"),
];

#[rustfmt::skip]
pub(super) const VRRP_TRACK_FILE: &[Keyword] = &[
    keyword("file", word(1, 1), "path (quoted)", "required", "2.0.0"),
    keyword("init_file", word(0, 2), "[INT] [overwrite]", "none", "2.0.0"),
    keyword("weight", weight(-2_147_483_647, 2_147_483_647), "int -2147483647..2147483647 [reverse]", "1", "2.0.0"),
];

#[rustfmt::skip]
pub(super) const TRACK_GROUP: &[Keyword] = &[
    keyword("group", Words, "words(vrrp instance names)", "required", "2.0.3"),
];

#[rustfmt::skip]
pub(super) const VRRP_SYNC_GROUP: &[Keyword] = &[
    keyword("global_tracking", Flag, "flag", "off", "1.2.3").deprecated("track_* blocks in the sync group"),
    keyword("group", Words, "words(vrrp instance names)", "required", "0.6.6"),
    keyword("notify", Script { optional: false }, "script", "none", "1.1.2"),
    keyword("notify_backup", Script { optional: false }, "script", "none", "0.6.6"),
    keyword("notify_fault", Script { optional: false }, "script", "none", "0.6.6"),
    keyword("notify_master", Script { optional: false }, "script", "none", "0.6.6"),
    keyword("notify_priority_changes", Boolean, "bool?", "global", "2.2.0"),
    keyword("notify_stop", Script { optional: false }, "script", "none", "2.0.0"),
    keyword("smtp_alert", Boolean, "bool?", "off", "1.0.0"),
    keyword("sync_group_tracking_weight", Flag, "flag", "off", "2.0.0"),
    keyword("track_bfd", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "", "2.0.0"),
    keyword("track_file", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "", "2.0.0"),
    keyword("track_interface", Lines { name: false }, "lines(IF [weight N] [reverse])", "", "2.0.0"),
    keyword("track_process", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "", "2.0.11"),
    keyword("track_script", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "", "2.0.0"),
];

#[rustfmt::skip]
pub(super) const GARP_GROUP: &[Keyword] = &[
    keyword("garp_interval", timer(0, 2_147_483_647), "dec 0..2147.483647 s, 6 decimals", "0", "1.2.21"),
    keyword("gna_interval", timer(0, 2_147_483_647), "dec 0..2147.483647 s, 6 decimals", "0", "1.2.21"),
    keyword("interface", word(1, 1), "ifname", "", "1.2.21").note("either interface or interfaces"),
    keyword("interfaces", Words, "words(ifname)", "", "1.2.21"),
];

#[rustfmt::skip]
pub(super) const VRRP_INSTANCE: &[Keyword] = &[
    keyword("accept", Flag, "flag", "on unless strict", "1.2.17"),
    keyword("advert_int", decimal(10_000, 255_000_000, 6), "dec 0.01..255 s", "1", "0.6.6").note("VRRPv2: whole seconds 1..255; v3: at most 40.95"),
    keyword("auth_hmac", block(0, 0), "block", "none", "2.4.0"),
    keyword("authentication", block(0, 0), "block", "none", "0.6.6"),
    keyword("check_unicast_src", Flag, "flag", "global", "2.1.0"),
    keyword("debug", optional_uint(0, 4), "uint 0..4, optional", "0", "0.6.6"),
    keyword("dont_track_primary", Flag, "flag", "off", "1.1.8"),
    keyword("down_timer_adverts", uint(1, 100), "uint 1..100", "3", "2.2.3"),
    keyword("garp_extra_if", word(1, 2), "[all] uint 0..86400 s", "global", "2.2.3").alias("vmac_garp_intvl"),
    keyword("garp_lower_prio_delay", uint(0, 4294), "uint 0..4294 s", "global", "1.2.20"),
    keyword("garp_lower_prio_repeat", uint(0, 2_147_483_647), "uint 0..2147483647", "global", "1.2.20"),
    keyword("garp_master_delay", uint(0, 4294), "uint 0..4294 s", "global (5)", "0.7.1"),
    keyword("garp_master_refresh", uint(0, 4_294_967_295), "uint s", "global (0)", "1.2.10"),
    keyword("garp_master_refresh_repeat", uint(1, 4_294_967_295), "uint >=1", "global (1)", "1.2.14"),
    keyword("garp_master_repeat", uint(1, 4_294_967_295), "uint >=1", "global (5)", "1.2.14"),
    keyword("higher_prio_send_advert", Boolean, "bool?", "global", "1.3.5"),
    keyword("interface", word(1, 1), "ifname", "default_interface for unicast", "0.6.6"),
    keyword("kernel_rx_buf_size", uint(0, 4_294_967_295), "uint", "global", "2.0.3"),
    keyword("linkbeat_use_polling", Flag, "flag", "off", "2.0.0").deprecated("linkbeat_interfaces"),
    keyword("lower_prio_no_advert", Boolean, "bool?", "global", "1.2.20"),
    keyword("lvs_sync_daemon_interface", word(1, 1), "ifname", "none", "0.6.6").deprecated("global_defs lvs_sync_daemon IF INSTANCE"),
    keyword("mcast_dst_ip", Address(Addresses::Multicast), "ip multicast", "224.0.0.18 / ff02::12", "2.2.5"),
    keyword("mcast_src_ip", Address(Addresses::Any), "ip", "primary address", "0.6.6"),
    keyword("native_ipv6", Flag, "flag", "off", "1.2.1").deprecated("not needed"),
    keyword("no_accept", Flag, "flag", "off", "1.3.0"),
    keyword("no_virtual_ipaddress", Flag, "flag", "off", "2.2.8"),
    keyword("nopreempt", Flag, "flag", "off", "1.1.8"),
    keyword("notify", Script { optional: false }, "script", "none", "1.1.2"),
    keyword("notify_backup", Script { optional: false }, "script", "none", "0.6.6"),
    keyword("notify_deleted", Script { optional: true }, "script, optional", "off", "2.1.0"),
    keyword("notify_fault", Script { optional: false }, "script", "none", "0.6.6"),
    keyword("notify_master", Script { optional: false }, "script", "none", "0.6.6"),
    keyword("notify_master_rx_lower_pri", Script { optional: false }, "script", "none", "2.0.6"),
    keyword("notify_priority_changes", Boolean, "bool?", "global", "2.0.16"),
    keyword("notify_stop", Script { optional: false }, "script", "none", "1.1.13"),
    keyword("old_unicast_checksum", OptionalChoice(&["never"]), "[never]", "auto", "1.3.7"),
    keyword("owner_ignore_adverts", Boolean, "bool?", "global", "2.3.3"),
    keyword("preempt", Flag, "flag", "on", "0.6.6").note("kept for compatibility"),
    keyword("preempt_delay", decimal(0, 1_000_000_000, 6), "dec 0..1000 s", "0", "1.1.8"),
    keyword("priority", uint(1, 255), "uint 1..255", "100", "0.6.6"),
    keyword("promote_secondaries", Flag, "flag", "off", "1.3.0"),
    keyword("skip_check_adv_addr", Boolean, "bool?", "global", "1.2.20"),
    keyword("smtp_alert", Boolean, "bool?", "off / global", "0.6.6"),
    keyword("state", Choice(&["MASTER", "BACKUP"]), "enum MASTER|BACKUP", "BACKUP", "0.6.6"),
    keyword("strict_mode", Boolean, "bool?", "vrrp_strict", "1.2.20"),
    keyword("thread_timer_expired", optional_uint(1, 254), "uint 1..254, optional", "off", "2.3.2").deprecated("timer_expired_backup"),
    keyword("timer_expired_backup", optional_uint(1, 254), "uint 1..254, optional", "off", "2.2.8"),
    keyword("track_bfd", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "none", "2.0.0"),
    keyword("track_file", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "none", "2.0.0"),
    keyword("track_interface", Lines { name: false }, "lines(IF [weight N] [reverse])", "none", "1.0.1"),
    keyword("track_process", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "none", "2.0.11"),
    keyword("track_script", Lines { name: false }, "lines(NAME [weight N] [reverse|noreverse])", "none", "1.1.13"),
    keyword("track_src_ip", Flag, "flag", "off", "2.0.0"),
    keyword("unicast_fault_no_peer", Flag, "flag", "off", "2.2.5"),
    keyword("unicast_peer", Lines { name: false }, "lines(IP [min_ttl N] [max_ttl N])", "none", "1.2.8"),
    keyword("unicast_src_ip", Address(Addresses::Any), "ip", "primary address", "1.2.10"),
    keyword("unicast_ttl", uint(0, 255), "uint 0..255", "kernel/255", "2.1.0"),
    keyword("use_ipvlan", word(0, 8), "[[name] IFNAME] [IP] [bridge|private|vepa] [group G]", "off", "2.0.17"),
    keyword("use_vmac", word(0, 8), "[[name] IFNAME] [MAC] [netlink_notify_msg] [group G]", "off", "1.2.3"),
    keyword("use_vmac_addr", Flag, "flag", "off", "2.2.0"),
    keyword("v3_checksum_as_v2", Boolean, "bool?", "global", "2.2.8"),
    keyword("version", Choice(&["2", "3"]), "enum 2|3", "vrrp_version, 3 for IPv6", "1.2.17"),
    keyword("virtual_ipaddress", Lines { name: false }, "lines(as static_ipaddress, plus use_vmac, no_track)", "", "0.6.6"),
    keyword("virtual_ipaddress_excluded", Lines { name: false }, "lines(as virtual_ipaddress)", "none", "0.6.6"),
    keyword("virtual_router_id", uint(1, 255), "uint 1..255", "required", "0.6.6"),
    keyword("virtual_routes", Lines { name: false }, "lines(ip-route syntax, plus no_track)", "none", "1.0.1"),
    keyword("virtual_rules", Lines { name: false }, "lines(ip-rule syntax, plus no_track)", "none", "1.2.20"),
    keyword("vmac_garp_intvl", word(1, 2), "[all] uint 0..86400 s", "global", "2.2.0").deprecated("garp_extra_if"),
    keyword("vmac_xmit_base", Flag, "flag", "off", "1.2.10"),
    keyword("vrf", word(1, 1), "ifname", "none", "2.2.5"),
];

#[rustfmt::skip]
pub(super) const VRRP_INSTANCE_AUTHENTICATION: &[Keyword] = &[
    keyword("auth_pass", word(1, 1), "str (8 bytes used)", "none", "0.6.6"),
    keyword("auth_type", Choice(&["PASS", "AH"]), "enum PASS|AH", "none", "0.6.6"),
];

#[rustfmt::skip]
pub(super) const VRRP_INSTANCE_AUTH_HMAC: &[Keyword] = &[
    keyword("active_key", uint(1, 255), "uint 1..255", "", "2.4.0"),
    keyword("anti_replay", Choice(&["time", "monotonic"]), "enum time|monotonic", "time", "2.4.0"),
    keyword("key", word(2, 255), "uint 1..255 then ASCII 32..64 bytes, hex:… or file:…", "required", "2.4.0").repeatable(),
    keyword("mode", Choice(&["enforce", "permissive", "receive-only"]), "enum enforce|permissive|receive-only", "enforce", "2.4.0"),
    keyword("time_window", uint(1, 300), "uint 1..300 s", "max(3*advert_int,5)", "2.4.0"),
];

#[rustfmt::skip]
pub(super) const VRRP_SCRIPT: &[Keyword] = &[
    keyword("fall", uint(1, 2_147_483_647), "uint 1..2147483647", "1", "1.1.18"),
    keyword("init_fail", Flag, "flag", "off", "1.3.2"),
    keyword("interval", decimal(1_000, 4_294_967_295, 3), "dec seconds, 3 decimals, >=1 ms", "1", "1.1.13"),
    keyword("rise", uint(1, 2_147_483_647), "uint 1..2147483647", "1", "1.1.18"),
    keyword("script", Script { optional: false }, "script", "required", "1.1.13"),
    keyword("timeout", decimal(1_000, 4_294_967_295, 3), "dec seconds, 3 decimals", "= interval", "1.2.6"),
    keyword("user", word(1, 2), "USER [GROUP]", "script_user", "1.3.0"),
    keyword("weight", weight(-253, 253), "int -253..253 [reverse]", "0", "1.1.13"),
];

#[rustfmt::skip]
pub(super) const VRRP_TRACK_PROCESS: &[Keyword] = &[
    keyword("delay", timer(1, 3_600_000_000), "timer >0..3600", "0", "2.0.11").note("sets both delays"),
    keyword("fork_delay", timer(1, 3_600_000_000), "timer >0..3600", "0", "2.0.16"),
    keyword("full_command", Flag, "flag", "off", "2.0.11"),
    keyword("param_match", Choice(&["initial", "partial"]), "enum initial|partial", "exact", "2.0.16"),
    keyword("process", word(1, 255), "str [PARAM...]", "required", "2.0.11"),
    keyword("quorum", uint(1, 65_535), "uint 1..65535", "1", "2.0.11"),
    keyword("quorum_max", uint(0, 65_535), "uint 0..65535", "none", "2.0.16"),
    keyword("terminate_delay", timer(1, 3_600_000_000), "timer >0..3600", "0", "2.0.16"),
    keyword("weight", weight(-254, 254), "int -254..254 [reverse]", "0", "2.0.11"),
];
