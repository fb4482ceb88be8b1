//! The values that cannot be written, and the words that say so.

#[cfg(feature = "serde")]
use lvs_model::Change;
use lvs_model::{
    Destination, Endpoint, Family, InsertError, Netmask, Persistence, PersistenceTimeout, SchedulerName, Service,
    ServiceKey, SyncDaemon, SyncId, Table, Tunnel, TunnelFlags, VirtualServer, Weight,
};

fn service(text: &str) -> String {
    text.parse::<Service>().expect_err(text).to_string()
}

fn destination(text: &str) -> String {
    text.parse::<Destination>().expect_err(text).to_string()
}

#[test]
fn a_wrong_number_names_its_range() {
    assert_eq!(Weight::new(u32::MAX).unwrap_err().to_string(), "weight must be from 0 to 2147483647, found 4294967295");
    assert_eq!(destination("-r 10.0.0.1:80 -w -1"), "expected a weight from 0 to 2147483647, found `-1`");
    assert_eq!(service("-f 0"), "expected a firewall mark from 1 to 4294967295, found `0`");
    assert!("+5".parse::<Weight>().is_err(), "a sign is not a digit");
}

#[test]
fn a_rule_says_what_it_lacks() {
    assert_eq!(service("-s rr"), "expected a service: `-t`, `-u`, `--sctp-service` or `-f`, found `-s rr`");
    assert_eq!(service("-t 10.0.0.1:80 -6"), "expected `-6` only with `-f`, found `-t 10.0.0.1:80 -6`");
    assert_eq!(
        service("-t 10.0.0.1:80 -M 255.255.255.0"),
        "expected `-p` before `-M` and `--pe`, found `-t 10.0.0.1:80 -M 255.255.255.0`"
    );
    assert_eq!(
        destination("-r 10.0.0.1:80 -m --tun-type gre"),
        "expected `-i` before the options of a tunnel, found `-r 10.0.0.1:80 -m --tun-type gre`"
    );
    assert!(service("-t 10.0.0.1:80 -b sh-port").starts_with("expected scheduler flags"));
}

#[test]
fn an_option_given_twice_is_refused() {
    assert_eq!(service("-t 10.0.0.1:80 -u 10.0.0.1:80"), "expected each option once, found `-u`");
    assert_eq!(destination("-r 10.0.0.1:80 -m -g"), "expected each option once, found `-g`");
    for twice in ["-s rr --scheduler wrr", "-p -p 9", "-p -M 0.0.0.0 -M 0.0.0.0", "-o -o", "-p --pe sip --pe sip"] {
        assert!(service(&format!("-t 10.0.0.1:80 {twice}")).contains("each option once"), "{twice}");
    }
    for twice in
        ["-w 1 -w 2", "-x 1 -x 2", "-y 0 -y 0", "-i --tun-csum --tun-nocsum", "-i --tun-type gre --tun-type gre"]
    {
        assert!(destination(&format!("-r 10.0.0.1:80 {twice}")).contains("each option once"), "{twice}");
    }
    let daemon = "master --mcast-interface lo --syncid 1 --syncid 2".parse::<SyncDaemon>().unwrap_err();
    assert_eq!(daemon.to_string(), "expected each option once, found `--syncid`");
}

#[test]
fn a_mask_of_the_other_family_is_refused() {
    let key: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let six = Persistence::new(PersistenceTimeout::DEFAULT, Family::Inet6);
    let error = Service::new(key, SchedulerName::Rr).with_persistence(six).unwrap_err();
    assert_eq!(error.to_string(), "the persistence netmask is of family inet6, the service of inet");
    assert_eq!(Netmask::host(Family::Inet6).to_string(), "128");
}

#[test]
fn a_gue_tunnel_needs_a_port() {
    assert!(Tunnel::from_raw(1, 0, TunnelFlags::NONE).is_err());
    assert!("-r 10.0.0.1:80 -i --tun-type gue".parse::<Destination>().is_err());
    assert!(matches!(Tunnel::from_raw(0, 5, TunnelFlags::NONE), Ok(Tunnel::Other(_))));
}

#[test]
fn a_service_refuses_what_the_kernel_refuses() {
    let mut server = VirtualServer::new("-t 10.0.0.1:80 -s rr".parse().unwrap());
    let six: Endpoint = "[fd00::1]:80".parse().unwrap();
    assert_eq!(server.insert(Destination::new(six)), Err(InsertError::FamilyMismatch(six)));
    assert_eq!(server.insert("-r [fd00::1]:80 -i".parse().unwrap()), Ok(()));
    for bad in ["0.0.0.0:80", "224.0.0.1:80", "255.255.255.255:80"] {
        let bad: Endpoint = bad.parse().unwrap();
        assert_eq!(server.insert(Destination::new(bad)), Err(InsertError::NotUnicast(bad)));
    }
    let mut table = Table::from_iter([server.clone()]);
    let error = table.insert(server).unwrap_err();
    assert_eq!(error.to_string(), "the service tcp 10.0.0.1:80 already exists");
}

#[test]
fn a_sync_daemon_has_numbers_of_digits_within_their_ranges() {
    for wrong in ["300", "256", "4294967296", "+5", "-1", ""] {
        assert!(wrong.parse::<SyncId>().is_err(), "{wrong}");
    }
    assert_eq!("255".parse::<SyncId>().unwrap(), SyncId::from(255));
    #[cfg(feature = "serde")]
    {
        assert!(serde_json::from_str::<SyncId>("256").is_err());
        assert_eq!(serde_json::from_str::<SyncId>("255").unwrap(), SyncId::from(255));
    }
    for option in ["--mcast-port", "--sync-maxlen", "--mcast-ttl"] {
        for wrong in ["+5", "0", "-1", "65536", ""] {
            let text = format!("master --mcast-interface eth0 {option} {wrong}");
            assert!(text.parse::<SyncDaemon>().is_err(), "{text}");
        }
        assert!(format!("master --mcast-interface eth0 {option} 5").parse::<SyncDaemon>().is_ok());
    }
}

#[cfg(feature = "serde")]
#[test]
fn an_edit_that_moves_is_refused() {
    let edit = |from: &str, to: &str| Change::EditService { from: from.parse().unwrap(), to: to.parse().unwrap() };
    let read = |change: &Change| serde_json::from_str::<Change>(&serde_json::to_string(change).unwrap());
    let good = edit("-t 10.0.0.1:80 -s rr", "-t 10.0.0.1:80 -s wrr");
    assert_eq!(read(&good).unwrap(), good);
    let error = read(&edit("-t 10.0.0.1:80 -s rr", "-t 10.0.0.2:80 -s rr")).unwrap_err();
    assert!(error.to_string().contains("cannot make the service tcp 10.0.0.1:80 the service tcp 10.0.0.2:80"));

    let service: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let edit = |from: &str, to: &str| Change::EditDestination {
        service,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    };
    let good = edit("-r 10.0.0.3:80 -m -w 1", "-r 10.0.0.3:80 -m -w 2");
    assert_eq!(read(&good).unwrap(), good);
    let error = read(&edit("-r 10.0.0.3:80 -m", "-r 10.0.0.3:81 -m")).unwrap_err();
    assert!(error.to_string().contains("cannot make the destination 10.0.0.3:80 the destination 10.0.0.3:81"));
}

#[test]
fn a_link_local_destination_is_taken_since_it_may_be_local() {
    let mut server = VirtualServer::new("-t [fd00::9]:80 -s rr".parse().unwrap());
    assert_eq!(server.insert("-r [fe80::99]:80 -m".parse().unwrap()), Ok(()));
    assert_eq!(server.insert("-r [::ffff:10.0.0.1]:80 -m".parse().unwrap()), Ok(()));
}

#[test]
fn an_address_with_a_scope_is_refused() {
    assert!("[fe80::1%3]:80".parse::<Endpoint>().is_err());
    assert!("[fe80::1%0]:80".parse::<Endpoint>().is_err());
    assert!("10.0.0.1".parse::<Endpoint>().is_err());
}
