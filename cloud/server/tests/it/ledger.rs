//! Nothing acknowledged is lost, nothing is stored twice, however often the server is killed.
//!
//! `INVERTER_CONNECT_KILL_CYCLES` sets the cycles (10; 200 where `INVERTER_CONNECT_TESTS=full`); from 200 on there are
//! 200 devices instead of 20.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use server::clock;
use wire::BootId;

use crate::cloud::{Bundle, Cloud, Publisher, report};

/// Reports that one device has in flight at a time.
const WINDOW: usize = 4;

/// What the devices did, as they see it.
#[derive(Default)]
struct Tally {
    stop: AtomicBool,
    sent: AtomicU64,
    acked: AtomicU64,
    in_flight: AtomicU64,
}

/// A device that keeps what is not acknowledged and sends it again, as a gateway's spool does.
struct Device {
    bundle: Bundle,
    address: SocketAddr,
    boot: BootId,
    next: u64,
    /// Sent or to be sent, not acknowledged: number and payload, oldest first.
    spool: Vec<(u64, Vec<u8>)>,
    acked: BTreeSet<u64>,
    tally: Arc<Tally>,
}

impl Device {
    fn new(bundle: Bundle, address: SocketAddr, number: u8, tally: Arc<Tally>) -> Self {
        let boot = BootId([number; 16]);
        Self { bundle, address, boot, next: 1, spool: Vec::new(), acked: BTreeSet::new(), tally }
    }

    /// Publishes until told to stop, then until everything is acknowledged. Returns what was acknowledged.
    fn run(mut self) -> (Self, Duration) {
        let began = Instant::now();
        while !(self.tally.stop.load(Ordering::Relaxed) && self.spool.is_empty()) {
            if Publisher::connect(self.address, &self.bundle).and_then(|link| self.session(link)).is_err() {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(began.elapsed() < Duration::from_secs(3_600), "it never ends");
        }
        let took = began.elapsed();
        (self, took)
    }

    fn session(&mut self, mut link: Publisher) -> io::Result<()> {
        let mut on_the_way = 0;
        let result = self.converse(&mut link, &mut on_the_way);
        self.tally.in_flight.fetch_sub(on_the_way, Ordering::SeqCst);
        result
    }

    fn converse(&mut self, link: &mut Publisher, on_the_way: &mut u64) -> io::Result<()> {
        let mut sent = 0;
        loop {
            while sent < WINDOW {
                if self.spool.len() == sent {
                    if self.tally.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    self.spool.push((self.next, report(self.boot, self.next, clock::now())));
                    self.next += 1;
                }
                let (number, payload) = &self.spool[sent];
                link.send(identifier(*number), payload)?;
                sent += 1;
                *on_the_way += 1;
                self.tally.sent.fetch_add(1, Ordering::Relaxed);
                self.tally.in_flight.fetch_add(1, Ordering::SeqCst);
            }
            if sent == 0 {
                return Ok(());
            }
            let acknowledged = link.ack()?;
            let (number, _) = self.spool.remove(0);
            assert_eq!(acknowledged, identifier(number), "acknowledgements come in order [MQTT-4.6.0-2]");
            assert!(self.acked.insert(number));
            sent -= 1;
            *on_the_way -= 1;
            self.tally.acked.fetch_add(1, Ordering::Relaxed);
            self.tally.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn identifier(number: u64) -> u16 {
    u16::try_from(number % 65_535).unwrap() + 1
}

#[expect(clippy::disallowed_methods, reason = "the test's own knobs")]
fn cycles() -> usize {
    let wanted = |name| std::env::var(name).ok();
    let full = wanted("INVERTER_CONNECT_TESTS").is_some_and(|tests| tests == "full");
    let usual = if full { 200 } else { 10 };
    wanted("INVERTER_CONNECT_KILL_CYCLES").map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn every_acknowledged_reading_is_stored_exactly_once_whatever_is_killed() {
    let cycles = cycles();
    let devices: u8 = if cycles >= 200 { 200 } else { 20 };
    let mut cloud = Cloud::new();
    let tally = Arc::new(Tally::default());
    let bundles: Vec<_> = (0..devices).map(|n| cloud.device(&format!("LEDGER-{n:03}"))).collect();
    cloud.start();
    let threads: Vec<_> = (0..devices)
        .zip(bundles)
        .map(|(number, bundle)| {
            let device = Device::new(bundle, cloud.address, number, Arc::clone(&tally));
            std::thread::spawn(move || device.run())
        })
        .collect();
    let mut random = SmallRng::seed_from_u64(20_261_123);
    let (mut counted, mut kills) = (0, 0);
    while counted < cycles {
        // Anywhere from before the first report of this life to some snapshots into it.
        let life_ms =
            if kills % 5 == 4 { random.random_range(0..7_000) } else { random.random_range(0..400) };
        std::thread::sleep(Duration::from_millis(life_ms));
        let in_flight = tally.in_flight.load(Ordering::SeqCst);
        cloud.kill();
        kills += 1;
        counted += usize::from(in_flight > 0);
        assert!(kills < cycles * 10 + 50, "hardly ever was a report in flight");
        cloud.start();
    }
    tally.stop.store(true, Ordering::Relaxed);
    let devices: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap().0).collect();
    // What is acknowledged is in the journal; the ledger reads what the pipeline made of it.
    let began = Instant::now();
    while cloud.counter("pipeline_following") == 0 {
        assert!(began.elapsed() < Duration::from_secs(120), "the journal is replayed without end");
        std::thread::sleep(Duration::from_millis(50));
    }
    cloud.stop();
    let acked: u64 = devices.iter().map(|device| device.acked.len() as u64).sum();
    let sent = tally.sent.load(Ordering::Relaxed);
    println!("{kills} kills, {counted} with reports in flight; {sent} sent, {acked} acknowledged");
    check(&cloud, &devices);
}

fn check(cloud: &Cloud, devices: &[Device]) {
    let mut stored: BTreeMap<(String, String, u64), u32> = BTreeMap::new();
    for record in cloud.ledger() {
        *stored.entry(record).or_default() += 1;
    }
    let twice: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).take(5).collect();
    assert!(twice.is_empty(), "stored more than once, for example {twice:?}");
    let mut acked = 0;
    for device in devices {
        let key = |number: &u64| (device.bundle.serial.to_string(), device.boot.to_string(), *number);
        let lost: Vec<_> = device.acked.iter().filter(|n| !stored.contains_key(&key(n))).take(5).collect();
        assert!(
            lost.is_empty(),
            "{}: acknowledged and not stored, for example {lost:?}",
            device.bundle.serial
        );
        acked += device.acked.len();
    }
    assert!(acked > 0 && stored.len() >= acked);
}
