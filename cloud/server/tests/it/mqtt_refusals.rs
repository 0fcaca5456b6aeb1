//! Every forbidden sequence over real TLS: the connection ends closed, there is no CONNACK of success for a bad first
//! packet, no PUBACK for an offending one, nothing of it is stored, and it is counted under the rule's own name.
//!
//! The table is the codec's own (wire/tests/it/mqtt_cases); here it meets the session, the driver and the socket.

use std::sync::atomic::{AtomicUsize, Ordering};

use server::device::Counters;
use wire::mqtt::{self, Connect, Framing, FromServer, Refusal, Sender, Version};

use crate::door_setup::{Client, Device, House, Knock, eventually};

#[path = "../../../../wire/tests/it/mqtt_cases/mod.rs"]
pub mod mqtt_cases;

use mqtt_cases::{Case, cases};

/// A serial number as long as those of the devices.
const PLACEHOLDER: &str = "CASE-PLACE";

/// Connections at a time.
const AT_ONCE: usize = 4;

#[test]
fn every_forbidden_sequence_ends_closed_unacknowledged_and_counted() {
    let house = House::open();
    let all = cases(&format!("inverters/{PLACEHOLDER}/reports"));
    let count = all.len();
    // A device of its own for each case: one device may not connect thousands of times in a few seconds.
    let devices = house.devices((0..count).map(|index| format!("CASE-{index:05}")));
    let next = AtomicUsize::new(0);
    let faults = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((index, device)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    devices.get(index).map(|device| (index, device))
                } {
                    let case = for_device(&all[index], device);
                    if let Err(fault) = play(&house, device, &case) {
                        faults.lock().unwrap().push(format!("{}: {fault} {:02x?}", case.name, case.bytes));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
    eventually("every one is counted", || house.counters.refused_in_all() == count as u64);
    let mut names: Vec<Refusal> = all.iter().filter_map(|case| case.refusal).collect();
    names.sort();
    names.dedup();
    for refusal in names {
        let expected = all.iter().filter(|case| case.refusal == Some(refusal)).count() as u64;
        assert!(
            house.counters.refused(refusal) >= expected,
            "{refusal:?}: {} of {expected}",
            house.counters.refused(refusal)
        );
    }
    assert!(devices.iter().all(|device| house.stored(device).is_empty()));
}

/// The case with this device's serial number in its topic.
fn for_device(case: &Case, device: &Device) -> Case {
    let mut case = case.clone();
    let serial = device.serial.as_str().as_bytes();
    let found = case.bytes.windows(serial.len()).position(|window| window == PLACEHOLDER.as_bytes());
    if let Some(at) = found {
        case.bytes[at..at + serial.len()].copy_from_slice(serial);
    }
    case
}

fn play(house: &House, device: &Device, case: &Case) -> Result<(), String> {
    let mut client = Client::knock(house, &Knock::mqtt(device)).map_err(|error| error.to_string())?;
    if !case.first {
        let ack = client.connect(&Connect::new(case.version, "case"));
        if ack.get(3) != Some(&0) {
            return Err(format!("a good CONNECT was refused: {ack:02x?}"));
        }
    }
    client.send(&case.bytes);
    let answer = client.rest().ok_or("the connection stayed open")?;
    // A refusal of an unknown protocol level speaks 3.1.1.
    let version =
        if case.first { mqtt::connect_version(&case.bytes).unwrap_or(Version::V311) } else { case.version };
    check_answer(version, case, &answer)
}

fn check_answer(version: Version, case: &Case, mut answer: &[u8]) -> Result<(), String> {
    while !answer.is_empty() {
        let framing = mqtt::frame(answer, Sender::Server, 64_000).map_err(|error| error.to_string())?;
        let Framing::Complete { length } = framing else {
            return Err(format!("half an answer: {answer:02x?}"));
        };
        let (packet, rest) = answer.split_at(length);
        answer = rest;
        match mqtt::from_server(version, packet) {
            Ok(FromServer::ConnAck(ack)) if case.first && !ack.is_accepted() => {
                check_code(version, case, ack.code)?;
            }
            Ok(FromServer::Disconnect(bye)) if !case.first && !bye.reason.is_success() => {
                check_code(version, case, bye.reason.0)?;
            }
            other => return Err(format!("answered with {other:?}")),
        }
    }
    Ok(())
}

fn check_code(version: Version, case: &Case, code: u8) -> Result<(), String> {
    let Some(refusal) = case.refusal.filter(|_| version == Version::V5) else { return Ok(()) };
    if refusal.reason().0 == code { Ok(()) } else { Err(format!("code {code:02x} for {refusal:?}")) }
}

#[test]
fn more_in_flight_than_the_receive_maximum_is_refused_in_5_0_and_waits_in_3_1_1() {
    // [MQTT-3.3.4-7]: a journal that never commits leaves every publish in flight.
    let house = House::stuck();
    let check = |version: Version, publishes: u16| {
        let device = house.device(&format!("{version:?}-{publishes:04}"));
        let mut client = Client::enter(&house, &device, version);
        for packet_id in 1..=publishes {
            client.publish(&device, packet_id, b"{}");
        }
        client.send(&[0xc0, 0]);
        (client, device)
    };
    let refused = |counters: &Counters| counters.refused(Refusal::RECEIVE_MAXIMUM_EXCEEDED);
    let (mut client, _) = check(Version::V5, 32);
    assert_eq!(client.packet(), Some(vec![0xd0, 0]));
    assert_eq!(refused(&house.counters), 0);
    let (mut client, _) = check(Version::V5, 33);
    let bye = client.packet().unwrap();
    assert_eq!((bye[0], bye[2]), (0xe0, 0x93), "{bye:02x?}");
    assert_eq!(refused(&house.counters), 1);
    // 3.1.1 has no receive maximum: the thirty-third waits unread, and the ping behind it.
    let (mut client, _) = check(Version::V311, 32);
    assert_eq!(client.packet(), Some(vec![0xd0, 0]));
    let (mut client, _) = check(Version::V311, 33);
    client.stream().sock.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.packet())).is_err(), "it waits");
    assert_eq!(refused(&house.counters), 1);
}

#[test]
fn an_identifier_in_flight_is_not_used_again() {
    // [MQTT-2.3.1-2], [MQTT-2.2.1-3]; a 3.1.1 client may send the same again with DUP.
    let house = House::stuck();
    for (version, first, refused) in [
        (Version::V311, 0x32, true),
        (Version::V311, 0x3a, false),
        (Version::V5, 0x32, true),
        (Version::V5, 0x3a, true),
    ] {
        let device = house.device(&format!("{version:?}-{first:04X}"));
        let mut client = Client::enter(&house, &device, version);
        client.publish(&device, 7, b"{}");
        let topic = format!("inverters/{}/reports", device.serial);
        let mut packet = Vec::new();
        let packet_id = mqtt::PacketId::new(7).unwrap();
        let delivery = mqtt::Delivery::AtLeastOnce { packet_id, dup: first == 0x3a };
        mqtt::Publish::new(&topic, delivery, b"{}").encode(version, &mut packet).unwrap();
        assert_eq!(packet[0], first);
        client.send(&packet);
        client.send(&[0xc0, 0]);
        let answer = client.packet();
        match (version, refused) {
            (_, false) => assert_eq!(answer, Some(vec![0xd0, 0])),
            (Version::V311, true) => assert_eq!(answer, None),
            (Version::V5, true) => assert_eq!(answer.unwrap()[0], 0xe0),
        }
    }
    assert_eq!(house.counters.refused(Refusal::PACKET_ID_IN_USE), 3);
}
