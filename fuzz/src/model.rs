//! Texts of `lvs-model`.

use std::{fmt::Display, str::FromStr};

use lvs_model::{Destination, Endpoint, Netmask, Service, ServiceKey, SyncDaemon, Timeouts, TimeoutsUpdate, Tunnel};

/// No text makes a parser panic, and what is read prints as something that reads back as the same.
pub fn text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    stable::<Service>(text);
    stable::<Destination>(text);
    stable::<ServiceKey>(text);
    stable::<Endpoint>(text);
    stable::<Netmask>(text);
    stable::<Tunnel>(text);
    stable::<SyncDaemon>(text);
    stable::<Timeouts>(text);
    stable::<TimeoutsUpdate>(text);
}

fn stable<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let printed = value.to_string();
        assert!(printed.parse::<T>().is_ok_and(|again| again == value), "{text:?} printed as {printed:?}");
    }
}
