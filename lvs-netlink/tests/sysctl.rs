//! The recorded switches of two kernels, read with their types.

use lvs_netlink::sysctl::{
    ConnectionReuse, Defense, SYSCTL_NAMES, Switch, SyncThreshold, Sysctl, SysctlError, SysctlValue, Sysctls,
};

fn recorded(kernel: &str) -> Vec<(String, String)> {
    let path = format!("{}/tests/samples/sysctl-{kernel}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split_once(" = ").unwrap()).map(|(name, value)| (name.into(), value.into())).collect()
}

fn directory(kernel: &str) -> (tempfile::TempDir, Sysctls) {
    let directory = tempfile::tempdir().unwrap();
    for (name, value) in recorded(kernel) {
        std::fs::write(directory.path().join(name), value + "\n").unwrap();
    }
    let sysctls = Sysctls::at(directory.path());
    (directory, sysctls)
}

#[test]
fn every_recorded_switch_is_known() {
    for kernel in ["6.1.176", "6.1.192"] {
        for (name, _) in recorded(kernel) {
            assert!(SYSCTL_NAMES.contains(&name.as_str()), "{name} of {kernel}");
        }
    }
    // Those of later kernels.
    let newer = [Sysctl::EST_NICE.name(), Sysctl::EST_CPULIST.name()];
    assert_eq!(SYSCTL_NAMES.len(), recorded("6.1.176").len() + newer.len());
}

#[test]
fn recorded_values_are_the_documented_defaults() {
    let (_directory, sysctls) = directory("6.1.176");
    let switches = [
        (Sysctl::BACKUP_ONLY, Switch::Off),
        (Sysctl::CACHE_BYPASS, Switch::Off),
        (Sysctl::CONNTRACK, Switch::Off),
        (Sysctl::EXPIRE_NODEST_CONN, Switch::Off),
        (Sysctl::EXPIRE_QUIESCENT_TEMPLATE, Switch::Off),
        (Sysctl::IGNORE_TUNNELED, Switch::Off),
        (Sysctl::NAT_ICMP_SEND, Switch::Off),
        (Sysctl::PMTU_DISC, Switch::On),
        (Sysctl::RUN_ESTIMATION, Switch::On),
        (Sysctl::SCHEDULE_ICMP, Switch::Off),
        (Sysctl::SLOPPY_SCTP, Switch::Off),
        (Sysctl::SLOPPY_TCP, Switch::Off),
        (Sysctl::SNAT_REROUTE, Switch::On),
    ];
    for (sysctl, default) in switches {
        assert_eq!(sysctls.read(sysctl).unwrap(), default, "{}", sysctl.name());
    }
    for sysctl in [Sysctl::DROP_ENTRY, Sysctl::DROP_PACKET, Sysctl::SECURE_TCP] {
        assert_eq!(sysctls.read(sysctl).unwrap(), Defense::Off);
    }
    assert_eq!(sysctls.read(Sysctl::CONN_REUSE_MODE).unwrap(), ConnectionReuse::Reschedule);
    assert_eq!(sysctls.read(Sysctl::SYNC_THRESHOLD).unwrap(), SyncThreshold { threshold: 3, period: 50 });
    let numbers = [
        (Sysctl::AM_DROPRATE, 10),
        (Sysctl::AMEMTHRESH, 1024),
        (Sysctl::DEBUG_LEVEL, 0),
        (Sysctl::LBLC_EXPIRATION, 86_400),
        (Sysctl::LBLCR_EXPIRATION, 86_400),
        (Sysctl::SYNC_PERSIST_MODE, 0),
        (Sysctl::SYNC_PORTS, 1),
        (Sysctl::SYNC_QLEN_MAX, 3898),
        (Sysctl::SYNC_REFRESH_PERIOD, 0),
        (Sysctl::SYNC_RETRIES, 0),
        (Sysctl::SYNC_SOCK_SIZE, 0),
        (Sysctl::SYNC_VERSION, 1),
    ];
    for (sysctl, default) in numbers {
        assert_eq!(sysctls.read(sysctl).unwrap(), default, "{}", sysctl.name());
    }
}

#[test]
fn switches_of_later_kernels_are_typed_too() {
    let (directory, sysctls) = directory("6.1.192");
    assert!(matches!(sysctls.read(Sysctl::EST_NICE), Err(SysctlError::Unknown { name: "est_nice" })));
    std::fs::write(directory.path().join("est_nice"), "-5\n").unwrap();
    std::fs::write(directory.path().join("est_cpulist"), "\n").unwrap();
    assert_eq!(sysctls.read(Sysctl::EST_NICE).unwrap(), -5);
    assert_eq!(sysctls.read(Sysctl::EST_CPULIST).unwrap(), "");
    sysctls.write(Sysctl::EST_CPULIST, "0-3,8".into()).unwrap();
    assert_eq!(sysctls.read(Sysctl::EST_CPULIST).unwrap(), "0-3,8");
}

#[test]
fn what_is_written_is_read_back() {
    let (_directory, sysctls) = directory("6.1.192");
    sysctls.write(Sysctl::EXPIRE_NODEST_CONN, Switch::On).unwrap();
    assert_eq!(sysctls.read(Sysctl::EXPIRE_NODEST_CONN).unwrap(), Switch::On);
    let threshold = SyncThreshold { threshold: 0, period: 100 };
    sysctls.write(Sysctl::SYNC_THRESHOLD, threshold).unwrap();
    assert_eq!(sysctls.read(Sysctl::SYNC_THRESHOLD).unwrap(), threshold);
    for number in 0..6_u32 {
        let mode = ConnectionReuse::from_text(&number.to_string()).unwrap();
        assert_eq!(mode.to_text(), number.to_string());
    }
    for number in 0..4_u32 {
        assert_eq!(Defense::from_text(&number.to_string()).unwrap().to_text(), number.to_string());
    }
}

#[test]
fn what_the_kernel_lacks_is_not_made() {
    let (directory, sysctls) = directory("6.1.192");
    let missing = sysctls.write(Sysctl::DEBUG_LEVEL, 1).unwrap_err();
    assert!(matches!(missing, SysctlError::Unknown { name: "debug_level" }));
    assert!(!directory.path().join("debug_level").exists());
    std::fs::write(directory.path().join("conntrack"), "yes\n").unwrap();
    let odd = sysctls.read(Sysctl::CONNTRACK).unwrap_err();
    assert_eq!(odd.to_string(), "net.ipv4.vs.conntrack is `yes`, expected 0 or 1");
}
