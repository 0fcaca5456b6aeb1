//! MQTT, both ends: packets are delimited and decoded or refused by a rule; what can be written again reads the same.

use wire::mqtt::{
    Framing, FromClient, FromServer, Refusal, Sender, Version, connect_version, frame, from_client,
    from_server,
};

use crate::fate;

/// The limit of the device door.
const LIMIT: usize = 64_000;

/// What a server reads: the first byte of the input chooses the version, the rest is what a client sent.
pub fn mqtt_server(input: &[u8]) -> u64 {
    each_packet(input, Sender::Client, |version, packet| {
        let _ = connect_version(packet);
        let decoded = from_client(version, packet)?;
        let mut again = Vec::new();
        let written = match &decoded {
            FromClient::Connect(connect) => connect.encode(&mut again),
            FromClient::Publish(publish) => publish.encode(version, &mut again),
            FromClient::Disconnect(disconnect) => disconnect.encode(version, Sender::Client, &mut again),
            FromClient::Subscribe(_) | FromClient::PingReq => return Ok(()),
        };
        if written.is_ok() {
            assert_eq!(from_client(version, &again), Ok(decoded));
        }
        Ok(())
    })
}

/// What a client reads.
pub fn mqtt_client(input: &[u8]) -> u64 {
    each_packet(input, Sender::Server, |version, packet| {
        let decoded = from_server(version, packet)?;
        let mut again = Vec::new();
        let written = match &decoded {
            FromServer::ConnAck(connack) => connack.encode(version, &mut again),
            FromServer::PubAck(puback) => puback.encode(version, &mut again),
            FromServer::Disconnect(disconnect) => disconnect.encode(version, Sender::Server, &mut again),
            FromServer::SubAck(_) | FromServer::PingResp => return Ok(()),
        };
        if written.is_ok() {
            assert_eq!(from_server(version, &again), Ok(decoded));
        }
        Ok(())
    })
}

fn each_packet(input: &[u8], sender: Sender, decode: fn(Version, &[u8]) -> Result<(), Refusal>) -> u64 {
    let Some((first, mut rest)) = input.split_first() else { return 0 };
    let version = if first & 1 == 0 { Version::V311 } else { Version::V5 };
    let mut fates = String::new();
    loop {
        match frame(rest, sender, LIMIT) {
            Ok(Framing::Complete { length }) => {
                assert!((2..=rest.len()).contains(&length));
                let (packet, after) = rest.split_at(length);
                let refusal = decode(version, packet).err();
                // The last packet's fate tells inputs apart well enough.
                fates = refusal.map_or("ok ", Refusal::name).into();
                rest = after;
            }
            Ok(Framing::Incomplete { wanted }) => {
                assert!(wanted > rest.len() && wanted <= LIMIT);
                return fate(&fates);
            }
            Err(refusal) => return fate(&format!("{fates} {}", refusal.name())),
        }
    }
}
