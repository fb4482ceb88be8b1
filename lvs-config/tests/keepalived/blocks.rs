//! Line for line, what stands in blocks other than services is wrong for us when it is wrong for keepalived.
//!
//! Each line was tried with release 2.2.7; the test of the oracle tries them all again.

use lvs_config::keepalived::{self, MemoryFiles, Options};
use lvs_config::{Severity, Source};

/// A place, lines that are right there, and lines with one mistake.
pub(crate) struct Place {
    before: &'static str,
    after: &'static str,
    right: &'static [&'static str],
    wrong: &'static [&'static str],
}

const INSTANCE: &str = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.100\n}\n";
const TRACKED: &str = "vrrp_script chk {\nscript /bin/true\n}\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.100\n}\ntrack_script {\n";

pub(crate) const PLACES: &[Place] = &[
    Place {
        before: "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.100\n",
        after: "}\n}\n",
        right: &[
            "10.0.0.1/24 brd 10.0.0.255 dev eth0 scope global label eth0:1",
            "10.0.0.2 peer 10.0.0.200 home -nodad mngtmpaddr noprefixroute autojoin no_track",
            "10.0.0.3 preferred_lft forever",
            "10.0.0.4 scope 7",
            "10.0.0.5/",
        ],
        wrong: &[
            "10.0.0.1/33",
            "10.0.0.1/255.255.255.0",
            "10.0.0.1 scope foo",
            "10.0.0.1 scope 300",
            "10.0.0.1 label averyverylonglabelname:1",
            "10.0.0.1 peer 10.0.0.200/24",
            "10.0.0.1 peer 2001:db8::1",
            "10.0.0.1 nodad",
            "10.0.0.1 preferred_lft x",
            "10.0.0.1 dev eth0 dev eth1",
            "10.0.0.1 device eth0",
            "10.0.0.1 brd 10.0.0.x",
            "10.0.0.1 netmask 255.255.255.0",
            "10.0.0.1 track_group g",
            "10.0.0.1-9",
            "2001:db8::1",
        ],
    },
    Place {
        before: "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\nfe80::1\n",
        after: "}\n}\n",
        right: &["2001:db8::1/64 dev eth0 scope global", "2001:db8::2 -nodad"],
        wrong: &["2001:db8::1/129", "2001:db8::1 brd +", "2001:db8::1 scope link", "[2001:db8::1]", "10.0.0.1"],
    },
    Place {
        before: "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.100\n}\nvirtual_routes {\n",
        after: "}\n}\n",
        right: &[
            "src 10.0.0.1 to 10.1.0.0/16 via 10.0.0.2 dev eth0 table 5",
            "default via inet 10.0.0.1 oif eth0",
            "10.1.0.0/16 dev eth0 mtu lock 1400 rtt 100ms rto_min lock 200 quickack 1 features ecn congctl lock cubic",
            "10.1.0.0/16 dev eth0 realms 5/6 tos 0x10 metric 4294967295 protocol keepalived onlink",
            "10.1.0.0/16 dev eth0 protocol static no_track",
            "10.1.0.0/16 dev eth0 encap ip id 1 dst 10.0.0.1 ttl 5",
            "10.1.0.0/16 dev eth0 nexthop via 10.0.0.1 dev eth0 weight 1 nexthop via 10.0.0.2",
            "2001:db8:1::/48 dev eth0 pref high expires 100",
        ],
        wrong: &[
            "10.1.0.0/16 dev eth0 via 10.0.0.x",
            "10.1.0.0/16 dev eth0 via 10.0.0.1/24",
            "10.1.0.0/16 dev eth0 via 2001:db8::1",
            "10.1.0.0/16 devv eth0",
            "10.1.0.0/33 dev eth0",
            "0/0 dev eth0",
            "10.1.0.0/16 dev eth0 metric x",
            "10.1.0.0/16 dev eth0 hoplimit 256",
            "10.1.0.0/16 dev eth0 quickack 2",
            "10.1.0.0/16 dev eth0 window lock 5",
            "10.1.0.0/16 dev eth0 rtt 100us",
            "10.1.0.0/16 dev eth0 tos 256",
            "10.1.0.0/16 dev eth0 pref low",
            "10.1.0.0/16 dev eth0 proto static",
            "10.1.0.0/16 dev eth0 protocol static",
            "10.1.0.0/16 dev eth0 weight 5",
            "10.1.0.0/16 dev eth0 track_group g",
            "10.1.0.0/16 dev eth0 encap foo",
            "10.1.0.0/16 dev eth0 ttl-propagate x",
            "10.1.0.0/16 dev eth0 nexthop via 10.0.0.1 weight 257",
            "10.1.0.0/16 dev eth0 nexthop via 10.0.0.1 metric 4",
            "via 10.0.0.1 dev eth0",
            "ip route add 10.1.0.0/16 dev eth0",
        ],
    },
    Place {
        before: "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.100\n}\nvirtual_rules {\n",
        after: "}\n}\n",
        right: &[
            "from 10.0.0.0/24 to 10.1.0.0/16 table 5 preference 100",
            "not from all iif eth0 oif eth0 fwmark 0x5/0xff tos 0x10 realms 5/6 lookup main priority 6",
            "from 10.0.0.1 blackhole order 6",
            "from 10.0.0.1 goto 100 preference 6",
            "from 10.0.0.1 sport 80-90 ipproto tcp uidrange 1-5 table 5 preference 6 inet",
            "l3mdev preference 6",
        ],
        wrong: &[
            "from x table 5 preference 6",
            "from 10.0.0.0/33 table 5 preference 6",
            "10.0.0.1 table 5 preference 6",
            "from 10.0.0.1 table 5 pref 6",
            "from 10.0.0.1 table 5 preference x",
            "from 10.0.0.1 to 2001:db8::1 table 5 preference 6",
            "from 10.0.0.1 preference 6",
            "from 10.0.0.1 blackhole table 5 preference 6",
            "from 10.0.0.1 goto 5 preference 6",
            "from 10.0.0.1 goto 7",
            "from 10.0.0.1 fwmark x table 5 preference 6",
            "from 10.0.0.1 sport 80 table 5 preference 6",
            "from 10.0.0.1 protocol 256 table 5 preference 6",
            "from 10.0.0.1 table 5 preference 6 inet6",
            "table 5 inet6 preference 6",
        ],
    },
    Place {
        before: TRACKED,
        after: "}\n}\n",
        right: &["chk", "chk weight 253", "chk weight -5 reverse", "chk weight 5 noreverse"],
        wrong: &["chk weight 254", "chk weight x", "chk weight 5 foo", "chk\nchk"],
    },
    Place {
        before: INSTANCE,
        after: "}\n",
        right: &[
            "track_interface {\neth1 weight 5\n}",
            "track_interface {\neth1\n}\ndont_track_primary",
            "state BACKUP\nnopreempt",
            "preempt_delay 5",
            "state MASTER\npreempt_delay 0",
            "strict_mode on\nstate MASTER",
            "strict_mode on\npriority 255",
            "version 3\nadvert_int 0.5",
            "garp_lower_prio_delay 4294",
            "use_vmac vrrp.5",
            "old_unicast_checksum never",
        ],
        wrong: &[
            "track_interface {\neth1 noreverse\n}",
            "track_interface {\neth1 weight 254\n}",
            "nopreempt\npreempt_delay 5",
            "state MASTER\npreempt_delay 5",
            "priority 255\npreempt_delay 5",
            "priority 255\nnopreempt",
            "version 3\nadvert_int 0.123",
            "version 3\nadvert_int 41",
            "version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            "strict_mode on\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            "strict_mode on\nstate MASTER\npriority 150",
            "strict_mode on\nstate BACKUP\npriority 255",
            "mcast_src_ip 2001:db8::1",
            "native_ipv6",
            "vmac_xmit_base",
            "use_vmac\npromote_secondaries",
            "use_ipvlan",
            "use_vmac averyverylonginterface",
            "garp_lower_prio_delay 4295",
            "garp_lower_prio_repeat 2147483648",
            "garp_extra_if all",
            "garp_extra_if 5 foo",
            "old_unicast_checksum foo",
            "kernel_rx_buf_size 5 6",
            "vrf averyverylonginterface",
            "unicast_peer {\n10.0.0.9 min_ttl 256\n}",
            "unicast_peer {\n10.0.0.9 min_ttl 9 max_ttl 5\n}",
            "unicast_peer {\n10.0.0.9\n2001:db8::1\n}",
            "unicast_peer {\n10.0.0.9 foo\n}",
        ],
    },
    Place {
        before: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\n",
        after: "}\n}\n",
        right: &[
            "DNS_CHECK {\nname .\n}",
            "DNS_CHECK {\nname example.com.\n}",
            "TCP_CHECK {\nconnect_ip 2001:db8::1\nbindto 2001:db8::2\n}",
            "UDP_CHECK {\nmin_reply_length 255\n}",
        ],
        wrong: &[
            "DNS_CHECK {\nname example..com\n}",
            "DNS_CHECK {\nname a.example.com\n}",
            "TCP_CHECK {\nbindto 2001:db8::2\nconnect_ip 2001:db8::1\n}",
            "TCP_CHECK {\nbind_if averyverylonginterface\n}",
            "UDP_CHECK {\nmin_reply_length 256\n}",
            "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic x {\n}\n}",
            "snmp_name a b",
            "notify_up /bin/true\nnotify_up /bin/false",
            "lvs_method DR extra",
        ],
    },
    Place {
        before: "vrrp_script s {\nscript /bin/true\nweight 5\n}\nvrrp_script z {\nscript /bin/true\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.5\n}\n}\nvrrp_instance B {\ninterface eth0\nvirtual_router_id 6\nvirtual_ipaddress {\n10.0.0.6\n}\n",
        after: "group {\nA\nB\n}\n}\n",
        right: &[
            "track_script {\nz\n}\n}\nvrrp_sync_group G {",
            "track_script {\ns weight 0\n}\n}\nvrrp_sync_group G {",
            "track_script {\ns\n}\n}\nvrrp_sync_group G {\nsync_group_tracking_weight",
            "}\nvrrp_sync_group G {\ntrack_script {\ns\n}",
        ],
        wrong: &[
            "track_script {\ns\n}\n}\nvrrp_sync_group G {",
            "track_script {\nz weight 5\n}\n}\nvrrp_sync_group G {",
            "track_interface {\neth1 weight 5\n}\n}\nvrrp_sync_group G {",
            "track_interface {\neth1\n}\n}\nvrrp_sync_group G {\ntrack_interface {\neth1\n}",
        ],
    },
    Place {
        before: "global_defs {\n",
        after: "}\n",
        right: &[
            "umask 022",
            "umask IRUSR|IWGRP",
            "umask IRUSR | IWGRP",
            "smtp_server 127.0.0.1 25",
            "lvs_sync_daemon eth0 VI_1 id 51 maxlen 1500 port 8848 ttl 1 group 224.0.0.81",
            "vrrp_rx_bufs_policy ADVERT",
            "lvs_flush_on_stop VS",
            "vrrp_garp_interval 4294.967295",
            "vrrp_cpu_affinity 0",
        ],
        wrong: &[
            "umask 1000",
            "umask IRUSR|",
            "umask IRUSR IWGRP",
            "umask irusr",
            "smtp_server 127.0.0.1 http",
            "smtp_server 127.0.0.1 0",
            "lvs_sync_daemon eth0 inst VI_1 id 256",
            "lvs_sync_daemon eth0 VI_1 foo 5",
            "lvs_sync_daemon eth0 VI_1 group 10.0.0.1",
            "vrrp_rx_bufs_policy foo",
            "lvs_flush_on_stop foo",
            "dynamic_interfaces yes",
            "include_check foo",
            "vrrp_garp_interval 4294.967296",
            "vrrp_garp_master_delay 4295",
            "checker_rlimit_rttime 0",
            "vrrp_cpu_affinity x",
            "process_name averyveryverylongname",
            "snmp_socket a b",
            "notify_fifo /tmp/a\nnotify_fifo /tmp/b",
            "reload_time_file a b",
        ],
    },
    Place {
        before: "",
        after: "",
        right: &[
            "vrrp_script a {\nscript /bin/true\ninterval 4294\n}",
            "track_file a {\nfile /tmp/x\nweight 254 reverse\ninit_file 5 overwrite\n}",
            "interface_up_down_delays {\neth0 5 0.5\n}",
            "linkbeat_interfaces {\neth0 MII\n}",
            "garp_group {\ngarp_interval 2147.483647\ninterface eth0\n}",
        ],
        wrong: &[
            "vrrp_script a {\nscript /bin/true\ninterval 0.5\n}",
            "vrrp_script a {\nscript /bin/true\ninterval 4295\n}",
            "vrrp_script a {\nscript \"\"\n}",
            "vrrp_script a {\nscript /bin/true\nweight 5 foo\n}",
            "track_file a {\nfile /tmp/x\nweight 255\n}",
            "track_file a {\nfile /tmp/x\ninit_file 300\n}",
            "track_file a {\nfile /tmp/x\ninit_file foo\n}",
            "vrrp_track_process a {\nprocess x\ndelay 0\n}",
            "vrrp_track_process a {\nprocess x\nquorum 5\nquorum_max 3\n}",
            "interface_up_down_delays {\neth0 256\n}",
            "linkbeat_interfaces {\neth0 mii\n}",
            "garp_group {\ngarp_interval 2148\ninterface eth0\n}",
            "garp_group {\ngarp_interval 1\ninterface eth0\n}\ngarp_group {\ngarp_interval 1\ninterface eth0\n}",
            "bfd_instance a {\nneighbor_ip 10.0.0.1\nsource_ip 2001:db8::1\n}",
            "bfd_instance a {\nneighbor_ip 10.0.0.1\n}\nbfd_instance b {\nneighbor_ip 10.0.0.1\n}",
            "bfd_instance a {\nneighbor_ip 10.0.0.1\npassive x {\n}\n}",
            "vrrp_instance V {\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.5\n}\n}",
            "vrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.5\n}\n}\nvrrp_instance B {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.6\n}\n}",
            "global_defs {\nvrrp_strict\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.5\n}\nauthentication {\nauth_type PASS\nauth_pass x\n}\n}",
            "vrrp_instance A B {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.5\n}\n}",
        ],
    },
];

impl Place {
    /// Each file with whether it is right.
    pub(crate) fn files(&self) -> impl Iterator<Item = (String, bool)> {
        let file = |line: &str| format!("{}{line}\n{}", self.before, self.after);
        let right = self.right.iter().map(move |line| (file(line), true));
        right.chain(self.wrong.iter().map(move |line| (file(line), false)))
    }
}

#[test]
fn one_mistake_in_a_line_is_one_error() {
    let options = Options::new().with_id("lvs1").with_version("2.2.7");
    for (text, right) in PLACES.iter().flat_map(Place::files) {
        let lowered = keepalived::lower_with(Source::new("f", &text), &mut MemoryFiles::new(), &options);
        let errors = lowered.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        assert_eq!(errors, usize::from(!right), "{text}{}", lowered.report());
    }
}

/// What later releases allow is right when the file is for them.
#[test]
fn a_narrow_range_is_that_of_the_release() {
    let text = "vrrp_script a {\n    script /bin/true\n    interval 0.5\n}\ntrack_file f {\n    file /tmp/x\n    weight 300\n}\n";
    assert_eq!(keepalived::lower(text).report(), "");
}
