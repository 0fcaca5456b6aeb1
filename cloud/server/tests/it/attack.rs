//! The device door under attack: what it costs in memory, and what the honest notice. Bounded in count and in time.
//!
//! Attackers have addresses of their own (127.9.0.0/16) and run on the same processors as the server, which is harder on it
//! than from afar. `INVERTER_CONNECT_ATTACK=5000` (sockets) makes it as large as security.md says; CI has fewer, as TLS in
//! a debug build is slow.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use wire::mqtt::{Connect, Version};
use wire::{BootId, UtcMs};

use crate::cloud::{Bundle, Cloud, Publisher, report};
use crate::door_setup::{Client, House, Knock};
use crate::mqtt_refusals::mqtt_cases;
use crate::{people, resident};

/// Sockets that only begin a handshake: as many as in security.md, as they cost no processor time.
const BEGUN: usize = 5_000;
/// What a connection may cost: one that began a handshake, one that shook hands; and all together besides, so that what grows with
/// each is seen at any number of them.
const BEGUN_COSTS: u64 = 4 << 10;
const SHAKEN_COSTS: u64 = 16 << 10;
const MAY_GROW: u64 = 8 << 20;
const THREADS: usize = 4;
/// From one address, so that no cap stands between attack and what is measured.
const PER_ADDRESS: usize = 400;

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn as_many_as(usual: usize) -> usize {
    std::env::var("INVERTER_CONNECT_ATTACK").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A connection from the attacker's `n`-th address.
fn connect(to: SocketAddr, n: usize) -> io::Result<TcpStream> {
    let address = Ipv4Addr::from(0x7f09_0001 + u32::try_from(n / PER_ADDRESS).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        socket.connect(to).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn knock(
    to: SocketAddr,
    n: usize,
    client: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let tls = ClientConnection::new(Arc::clone(client), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(tls, connect(to, n)?))
}

#[test]
fn thousands_of_sockets_that_announce_huge_packets_cost_little_memory() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("A1B2-0001");
    cloud.start();
    let (server, to) = (cloud.process_id(), cloud.address);
    Publisher::connect(to, &bundle).unwrap().publish(&a_report(1)).unwrap();
    let before = resident::now(server);
    resident::forget_peak(server);

    // Before TLS: a ClientHello of 16 MiB, or of as much as may be; a few bytes of it.
    let mut begun = Vec::new();
    for n in 0..BEGUN {
        let mut socket = connect(to, n).unwrap();
        let length: [u8; 3] = if n % 2 == 0 { [0xff, 0xff, 0xff] } else { [0, 0xff, 0xff] };
        let hello = [&[22, 3, 1, 0x40, 0, 1][..], &length, &[3, 3, 1, 2, 3]].concat();
        socket.write_all(&hello).unwrap();
        begun.push(socket);
    }
    std::thread::sleep(Duration::from_millis(500));
    let held = cloud.counter("door_connections");
    let grown = resident::peak(server).saturating_sub(before);
    eprintln!("{BEGUN} begun handshakes, {held} held: grew by {}", resident::mebibytes(grown));
    assert!(grown < MAY_GROW + held * BEGUN_COSTS, "{}", resident::mebibytes(grown));
    drop(begun);

    // After TLS: a first packet of 256 MiB, or of the 4 KiB that it may have; a few bytes of it.
    let sockets = as_many_as(400);
    let (next, most) = (AtomicUsize::new(0), AtomicU64::new(0));
    let open = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= sockets {
                        break;
                    }
                    let mut socket = knock(to, n, &bundle.client()).unwrap();
                    let length: &[u8] = if n % 2 == 0 { &[0xff, 0xff, 0xff, 0x7f] } else { &[0xf0, 0x1f] };
                    let packet = [&[0x10][..], length, b"\0\x04MQTT\x05"].concat();
                    let _ = socket.write_all(&packet).and_then(|()| socket.flush());
                    open.lock().unwrap().push(socket);
                    if n % 64 == 0 {
                        most.fetch_max(cloud.counter("door_connections"), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let grown = resident::peak(server).saturating_sub(before);
    let most = most.load(Ordering::Relaxed);
    eprintln!("{sockets} first packets, {most} at once at most: grew by {}", resident::mebibytes(grown));
    assert!(grown < MAY_GROW + most * SHAKEN_COSTS, "{}", resident::mebibytes(grown));
    Publisher::connect(to, &bundle).unwrap().publish(&a_report(2)).unwrap();
}

/// ASVS 5.0: 1.4.3.
#[test]
fn malformed_packets_leave_memory_flat() {
    // Server and clients in this one process: what either kept would show.
    let house = House::open();
    let all = mqtt_cases::cases("inverters/CASE-PLACE/reports");
    // Every eleventh, so that each kind comes; each device as often as it may connect at once.
    let repeats = as_many_as(1_000);
    let devices = house.devices((0..repeats.div_ceil(8)).map(|n| format!("FLAT-{n:05}")));
    let process = std::process::id();
    let next = AtomicUsize::new(0);
    let play = |until: usize| {
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while next.load(Ordering::Relaxed) < until {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let (case, device) = (&all[n * 11 % all.len()], &devices[n / 8 % devices.len()]);
                        let mut client = Client::knock(&house, &Knock::mqtt(device)).unwrap();
                        if !case.first {
                            client.connect(&Connect::new(case.version, "case"));
                        }
                        client.send(&case.bytes);
                        assert!(client.rest().is_some(), "{} stayed open", case.name);
                    }
                });
            }
        });
        resident::now(process)
    };
    let early = play(repeats / 4);
    let late = play(repeats);
    let grown = late.saturating_sub(early);
    eprintln!(
        "{repeats} malformed packets: from {} to {}",
        resident::mebibytes(early),
        resident::mebibytes(late)
    );
    assert!(house.counters.refused_in_all() >= repeats as u64);
    assert!(grown < 12 << 20, "{}", resident::mebibytes(grown));
}

fn a_report(sequence: u64) -> Vec<u8> {
    report(BootId([7; 16]), sequence, UtcMs(server::clock::now().0))
}

/// What each device does: a report each tenth of a second, and how long each waits for its acknowledgement.
fn acknowledgements(cloud: &Cloud, bundles: &[Bundle], seconds: u64, from: u64) -> Vec<Duration> {
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for bundle in bundles {
            let all = &all;
            scope.spawn(move || {
                let mut publisher = Publisher::connect(cloud.address, bundle).unwrap();
                for n in 0..seconds * 10 {
                    let sent = Instant::now();
                    publisher.publish(&a_report(from + n)).unwrap();
                    all.lock().unwrap().push(sent.elapsed());
                    std::thread::sleep(Duration::from_millis(100).saturating_sub(sent.elapsed()));
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort();
    all
}

fn at(sorted: &[Duration], hundredths: usize) -> Duration {
    sorted[(sorted.len() * hundredths / 100).min(sorted.len() - 1)]
}

#[test]
fn the_honest_are_acknowledged_while_others_attack() {
    let mut cloud = Cloud::new();
    let honest: Vec<Bundle> = (0..10).map(|n| cloud.device(&format!("GOOD-{n:04}"))).collect();
    let intruder = cloud.device("EVIL-0001");
    cloud.start();
    acknowledgements(&cloud, &honest, 2, 1);
    let calm = acknowledgements(&cloud, &honest, 8, 1_000);
    let over = AtomicBool::new(false);
    let counts: [AtomicUsize; 4] = Default::default();
    let attacks: [Box<dyn Fn(usize) + Sync + Send>; 4] = [
        Box::new(|n| begin_a_handshake(cloud.address, n)),
        Box::new(|n| come_without_a_certificate(&cloud, n)),
        Box::new(|n| send_garbage(cloud.address, &intruder, n)),
        Box::new(|n| ask_people_for_much(&cloud, n)),
    ];
    let under = std::thread::scope(|scope| {
        for (count, attack) in counts.iter().zip(&attacks) {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    attack(count.fetch_add(1, Ordering::Relaxed));
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        let under = acknowledgements(&cloud, &honest, 8, 2_000);
        over.store(true, Ordering::Relaxed);
        under
    });
    drop(attacks);
    let done = counts.map(|count| count.into_inner());
    eprintln!(
        "acknowledged in: calm p50 {:?} p99 {:?}; under attack p50 {:?} p99 {:?}; attacks: {done:?}",
        at(&calm, 50),
        at(&calm, 99),
        at(&under, 50),
        at(&under, 99)
    );
    assert!(done.iter().all(|count| *count > 20), "it was no attack: {done:?}");
    assert_eq!((calm.len(), under.len()), (800, 800), "each report is acknowledged");
    assert!(at(&under, 99) < Duration::from_secs(1), "{:?}", at(&under, 99));
}

/// Five at a time, which are left open for the server to end.
fn begin_a_handshake(to: SocketAddr, n: usize) {
    for n in 5 * n..5 * n + 5 {
        if let Ok(mut socket) = connect(to, n % 4_000) {
            let _ = socket.write_all(&[22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff, 3, 3]);
        }
    }
}

/// The server's half of a handshake, its dearest part, for nothing.
fn come_without_a_certificate(cloud: &Cloud, n: usize) {
    if let Ok(mut socket) = knock(cloud.address, n % 4_000, &people::client(cloud)) {
        let _ = socket.write_all(b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0");
        let _ = socket.read(&mut [0; 64]);
    }
}

/// From a device whose key was stolen.
fn send_garbage(to: SocketAddr, intruder: &Bundle, n: usize) {
    if let Ok(mut socket) = knock(to, n % 4_000, &intruder.client()) {
        let mut packet = Vec::new();
        Connect::new(Version::V5, "x").encode(&mut packet).unwrap();
        packet.extend([0xff; 512]);
        let _ = socket.write_all(if n.is_multiple_of(2) { &packet } else { &[0x10, 0xff, 0xff, 0xff, 0x7f] });
        let _ = socket.read(&mut [0; 64]);
    }
}

/// Sign-ins with wrong passwords, each of which costs a hash.
fn ask_people_for_much(cloud: &Cloud, n: usize) {
    let form = format!("email=nobody{n}@x.test&password=not+the+right+one");
    people::Person::nobody().post(cloud, "/sign-in", &form);
}
