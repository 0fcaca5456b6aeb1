//! Which door a ClientHello is for.
//!
//! In: its server name and ALPN. Out: the device door, the people's door, or nobody. An IP literal as server name
//! counts as none, as libmosquitto sends it; rustls reads it so.

use rustls::server::ClientHello;

use super::DoorConfig;
use super::tls::MQTT_PROTOCOLS;

/// Who is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Device,
    People,
    /// A name that is not ours: unrecognized_name (RFC 6066, section 3).
    Nobody,
}

pub fn choose(hello: &ClientHello<'_>, config: &DoorConfig) -> Choice {
    let speaks_mqtt = hello
        .alpn()
        .is_some_and(|mut protocols| protocols.any(|protocol| MQTT_PROTOCOLS.contains(&protocol)));
    by_name(hello.server_name(), speaks_mqtt, config)
}

fn by_name(name: Option<&str>, speaks_mqtt: bool, config: &DoorConfig) -> Choice {
    let is = |known: &str| name.is_some_and(|name| name.eq_ignore_ascii_case(known));
    let people = config.people_names.iter().any(|known| is(known));
    match name {
        None => Choice::Device,
        Some(_) if people && speaks_mqtt => Choice::Device,
        Some(_) if people => Choice::People,
        Some(_) if is(&config.device_name) => Choice::Device,
        Some(_) => Choice::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::door::tls;

    #[test]
    fn name_and_alpn_choose() {
        let (chain, key) = tls::tests::self_signed("both.example");
        let people_tls = tls::people(chain, key).unwrap();
        let config = DoorConfig {
            people_names: vec!["people.example".into(), "localhost".into()],
            device_name: "device.example".into(),
            device_tls: Arc::clone(&people_tls),
            people_tls,
            limits: crate::config::Limits::default(),
        };
        let check =
            |name, speaks_mqtt, expect| assert_eq!(by_name(name, speaks_mqtt, &config), expect, "{name:?}");
        check(None, false, Choice::Device);
        check(None, true, Choice::Device);
        check(Some("people.example"), false, Choice::People);
        check(Some("People.Example"), false, Choice::People);
        check(Some("people.example"), true, Choice::Device);
        check(Some("localhost"), true, Choice::Device);
        check(Some("device.example"), false, Choice::Device);
        check(Some("device.example"), true, Choice::Device);
        check(Some("other.example"), false, Choice::Nobody);
        check(Some("other.example"), true, Choice::Nobody);
    }
}
