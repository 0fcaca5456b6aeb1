//! From the line to the cloud: soon, in order, with the time it was read, and never lost without a word.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wire::{Button, EventKind, Quality, Quantity, Serial};

use crate::cloud::{Cloud, Received, now};
use crate::site::{Inverter, SERIAL, Site};

fn loads(received: &[Received]) -> Vec<i64> {
    let readings = received.iter().flat_map(|r| &r.report.readings);
    readings.filter_map(|reading| reading.sample.quantities.value(Quantity::LOAD)).collect()
}

fn thin_path(scheme: &'static str) {
    let mut site = Site::new();
    site.scheme = scheme;
    let cloud = site.cloud();
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("is raw", 1, 10);
    gateway.wait_for("Connected", 1, 10);
    let mut inverter = Inverter::new();
    site.line.write_all(&inverter.frame());
    let received = cloud.wait_until("a reading", 10, |received| !loads(received).is_empty());
    let first = received.iter().find(|r| !r.report.readings.is_empty()).unwrap();
    assert_eq!(first.topic, format!("inverters/{SERIAL}/reports"));
    let reading = &first.report.readings[0];
    assert_eq!(reading.sample, inverter.observation.sample);
    assert_eq!(reading.quality, Quality::Synchronised);
    assert!(reading.time.unwrap().since(now()).abs() < 2000, "{reading:?}");
    assert_eq!(first.report.link.unwrap().frames_good, 1);
    assert!(first.report.boot.is_some() && first.report.uptime_ms >= reading.uptime_ms);
    assert_eq!(gateway.stop(), Some(0));
}

/// ASVS 5.0: 4.4.1.
#[test]
fn a_frame_becomes_a_report_over_a_websocket() {
    thin_path("wss");
}

#[test]
fn a_frame_becomes_a_report_by_alpn() {
    thin_path("mqtts");
}

#[test]
fn a_change_and_a_press_leave_at_once_and_others_wait_for_their_interval() {
    let mut site = Site::new();
    site.interval_s = 60;
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    let mut inverter = Inverter::new();
    inverter.observation.button = Some(Button { count: 0, age_ms: 0 });
    for _ in 0..3 {
        site.line.write_all(&inverter.frame());
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(loads(&cloud.received()), [1]);
    inverter.mains(false);
    let lost_at = Instant::now();
    site.line.write_all(&inverter.frame());
    let received = cloud.wait_until("the change", 5, |received| loads(received).contains(&4));
    let latency = received.last().unwrap().at - lost_at;
    // The frames before the change come with it.
    assert_eq!(loads(&received), [1, 2, 3, 4]);
    std::thread::sleep(Duration::from_millis(600));
    inverter.observation.button = Some(Button { count: 1, age_ms: 40 });
    let pressed_at = Instant::now();
    site.line.write_all(&inverter.frame());
    let press = |received: &[Received]| {
        let events =
            received.iter().flat_map(|r| r.report.events.iter().map(move |event| (r.at, event.kind.clone())));
        events.filter(|(_, kind)| matches!(kind, EventKind::Button { .. })).collect::<Vec<_>>()
    };
    let received = cloud.wait_until("the press", 5, |received| !press(received).is_empty());
    let presses = press(&received);
    assert_eq!(presses.len(), 1);
    assert!(
        matches!(presses[0].1, EventKind::Button { boot: Some(1), count: 1, age_ms: 40..500 }),
        "{presses:?}"
    );
    println!("a change was in the cloud after {latency:?}, a press after {:?}", presses[0].0 - pressed_at);
    assert!(latency < Duration::from_millis(500), "{latency:?}");
}

#[test]
fn the_cloud_is_away_and_everything_arrives_later_in_order_with_its_own_time() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut gateway = site.gateway(port);
    gateway.wait_for("is raw", 1, 10);
    let mut inverter = Inverter::new();
    let mut written = Vec::new();
    for _ in 0..8 {
        site.line.write_all(&inverter.frame());
        written.push(now());
        std::thread::sleep(Duration::from_secs(1));
    }
    let said = gateway.wait_for("Cannot reach", 1, 10);
    assert!(said.contains(&format!("127.0.0.1:{port}: connection refused.")), "{said}");
    assert!(said.contains(" kept. Next try in "), "{said}");
    let cloud = Cloud::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), &site.pki, "server");
    gateway.wait_for("Everything that was kept has been sent", 1, 60);
    let received = cloud.received();
    let readings: Vec<_> = received.iter().flat_map(|r| &r.report.readings).collect();
    let loads = loads(&received);
    // On a busy machine two frames may be read within one second, which are then one reading.
    assert!(
        loads.len() >= 6 && loads.is_sorted() && loads.iter().all(|load| (1..=8).contains(load)),
        "{loads:?}"
    );
    for (reading, load) in readings.iter().zip(&loads) {
        let off = reading.time.unwrap().since(written[usize::try_from(*load).unwrap() - 1]);
        assert!((-50..1000).contains(&off), "dated {off} ms off");
        assert_eq!(reading.quality, Quality::Synchronised, "learnt later, true for the whole start");
    }
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn what_was_not_acknowledged_is_sent_again_after_kill_nine_and_nothing_else() {
    let site = Site::new();
    let cloud = site.cloud();
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    let mut inverter = Inverter::new();
    let mut frames = |count: usize| {
        for _ in 0..count {
            site.line.write_all(&inverter.frame());
            std::thread::sleep(Duration::from_millis(1000));
        }
    };
    frames(3);
    cloud.wait_until("three readings", 10, |received| loads(received) == [1, 2, 3]);
    cloud.behaviour.acknowledge.store(false, Ordering::Relaxed);
    frames(3);
    let withheld = cloud.wait_until("three more", 10, |received| loads(received).len() == 6);
    let boot = withheld[0].report.boot;
    gateway.kill_all();
    cloud.behaviour.acknowledge.store(true, Ordering::Relaxed);
    let count = cloud.received().len();
    let mut gateway = site.gateway(cloud.address.port());
    let received =
        cloud.wait_until("all of it again", 20, |received| loads(&received[count..]).ends_with(&[4, 5, 6]));
    // The acknowledged ones may come again (their acknowledgement was seconds old), under the same numbers.
    let again: Vec<&Received> = received[count..].iter().filter(|r| !r.report.readings.is_empty()).collect();
    assert!(again.iter().all(|r| r.report.boot == boot), "old records keep their boot");
    for reading in again.iter().flat_map(|r| &r.report.readings) {
        let original = withheld
            .iter()
            .flat_map(|r| &r.report.readings)
            .find(|o| o.sequence == reading.sequence)
            .unwrap();
        assert_eq!(reading.sample, original.sample);
        assert!(reading.time.unwrap().since(original.time.unwrap()).abs() < 100);
        assert_eq!(reading.quality, Quality::Synchronised);
    }
    frames(2);
    let received = cloud.wait_until("new readings", 10, |received| loads(received).contains(&8));
    assert!(received.last().unwrap().report.boot != boot, "a start has its own boot");
    // A clean end writes down what is acknowledged: nothing comes twice.
    assert_eq!(gateway.stop(), Some(0));
    let count = cloud.received().len();
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(loads(&cloud.received()[count..]), [0_i64; 0]);
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn only_an_acknowledgement_settles_a_record_not_that_it_was_sent() {
    let site = Site::new();
    let (cloud, folder) = (site.cloud(), site.data_dir().join("spool"));
    crate::spool::fill(&folder, site.spool_bytes, 10_000);
    let bytes =
        || -> u64 { std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum() };
    let before = bytes();
    cloud.behaviour.acknowledge.store(false, Ordering::Relaxed);
    let mut gateway = site.gateway(cloud.address.port());
    cloud.wait_until("a window full of reports", 20, |received| received.len() >= 2);
    // A clean end writes down what is acknowledged: nothing.
    assert_eq!(gateway.stop(), Some(0));
    assert!(bytes() >= before, "segments are deleted before they are acknowledged");
    let count = cloud.received().len();
    cloud.behaviour.acknowledge.store(true, Ordering::Relaxed);
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("10,000 readings are kept from before", 1, 10);
    gateway.wait_for("Everything that was kept has been sent", 1, 60);
    assert_eq!(loads(&cloud.received()[count..]), (0..10_000).collect::<Vec<_>>());
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn kill_nine_at_random_moments_loses_nothing_that_was_recorded() {
    let site = Site::new();
    let cloud = site.cloud();
    let mut inverter = Inverter::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut killed_with_unacknowledged = 0;
    for cycle in 0..8 {
        cloud.behaviour.acknowledge.store(cycle % 3 != 0, Ordering::Relaxed);
        let mut gateway = site.gateway(cloud.address.port());
        gateway.wait_for("is raw", 1, 10);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let end = Instant::now() + Duration::from_millis(300 + random % 1500);
        while Instant::now() < end {
            // Every frame a change: two readings a second and the skipped ones counted.
            inverter.mains(random.is_multiple_of(2));
            random = random.rotate_left(1);
            site.line.write(&inverter.frame());
            std::thread::sleep(Duration::from_millis(40));
        }
        killed_with_unacknowledged += usize::from(cycle % 3 == 0);
        gateway.kill_all();
    }
    cloud.behaviour.acknowledge.store(true, Ordering::Relaxed);
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Everything that was kept has been sent", 1, 30);
    assert_eq!(gateway.stop(), Some(0));
    // The numbers of a start are handed out without a hole, and the next start goes on two further.
    let mut numbers: Vec<u64> = cloud.distinct().into_iter().map(|(_, sequence)| sequence).collect();
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[1] > pair[0]), "one number, one record: {numbers:?}");
    let boots: Vec<_> =
        numbers.iter().map(|n| cloud.distinct().into_iter().find(|(_, s)| s == n).unwrap().0).collect();
    for (pair, boot) in numbers.windows(2).zip(boots.windows(2)) {
        let step = if boot[0] == boot[1] { 1 } else { 2 };
        assert!(pair[1] - pair[0] == step, "a hole after {}: {numbers:?}", pair[0]);
    }
    // What came twice is the same twice.
    let mut first = std::collections::HashMap::new();
    for received in cloud.received() {
        for reading in received.report.readings {
            let key = (received.report.boot, reading.sequence);
            let sample = first.entry(key).or_insert_with(|| reading.sample.clone());
            assert_eq!(*sample, reading.sample);
        }
    }
    println!(
        "8 kills ({killed_with_unacknowledged} with acknowledgements withheld): {} records, none lost",
        numbers.len()
    );
    assert!(numbers.len() > 15);
}

#[test]
fn live_readings_overtake_the_backlog_and_the_window_is_respected() {
    let site = Site::new();
    let cloud = site.cloud();
    cloud.behaviour.receive_maximum.store(6, Ordering::Relaxed);
    crate::spool::fill(&site.data_dir().join("spool"), site.spool_bytes, 20_000);
    // Nothing is acknowledged at first: the backlog fills its share of the window, the live lane has its own.
    cloud.behaviour.acknowledge.store(false, Ordering::Relaxed);
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    let mut inverter = Inverter::new();
    inverter.observation.sequence = Some(1_000_000);
    let start = Instant::now();
    site.line.write_all(&inverter.frame());
    let received = cloud.wait_until("the live reading", 30, |received| loads(received).contains(&1_000_001));
    let behind = 20_000 - loads(&received).iter().filter(|load| **load < 1_000_000).count();
    let live_after = start.elapsed();
    assert!(behind > 10_000, "{behind}");
    cloud.behaviour.acknowledge.store(true, Ordering::Relaxed);
    let received = cloud.wait_until("the backlog", 120, |received| loads(received).len() > 20_000);
    let backlog: Vec<i64> = loads(&received).into_iter().filter(|load| *load < 1_000_000).collect();
    assert_eq!(backlog, (0..20_000).collect::<Vec<_>>());
    assert!(cloud.behaviour.greatest_in_flight.load(Ordering::Relaxed) <= 6);
    let largest = received.iter().map(|r| r.bytes).max().unwrap();
    assert!((50_000..=64_000).contains(&largest), "packed to {largest} bytes");
    let reports = received.iter().filter(|r| r.report.readings.len() > 1).count();
    println!(
        "live reading after {live_after:?} with {behind} still behind it; 20,000 readings in {reports} reports, {:?}",
        start.elapsed()
    );
    assert_eq!(gateway.stop(), Some(0));
    let left: u64 = std::fs::read_dir(site.data_dir().join("spool"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    assert!(left < 300_000, "{left} bytes are left of an acknowledged spool");
}

#[test]
fn a_record_that_the_cloud_refuses_does_not_jam_the_spool_and_is_told_as_a_gap() {
    let site = Site::new();
    let cloud = site.cloud();
    crate::spool::fill(&site.data_dir().join("spool"), site.spool_bytes, 40);
    *cloud.behaviour.refuse_sequence.lock().unwrap() = Some(21);
    let mut gateway = site.gateway(cloud.address.port());
    let gap = |received: &[Received]| {
        let events: Vec<_> = received.iter().flat_map(|r| r.report.events.clone()).collect();
        events.into_iter().find(|event| matches!(event.kind, EventKind::Gap { .. }))
    };
    let received = cloud.wait_until("the gap and the rest", 60, |received| {
        gap(received).is_some() && loads(received).contains(&39) && loads(received).contains(&0)
    });
    let Some(EventKind::Gap { first_sequence: 21, last_sequence: 21, count: 1, .. }) =
        gap(&received).map(|g| g.kind)
    else {
        panic!("{:?}", gap(&received));
    };
    let mut numbers: Vec<u64> =
        cloud.distinct().into_iter().map(|(_, sequence)| sequence).filter(|s| *s <= 40).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).filter(|n| *n != 21).collect::<Vec<_>>());
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn another_inverter_on_the_line_is_told_and_its_readings_are_not_sent() {
    let site = Site::new();
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    let mut inverter = Inverter::new();
    inverter.observation.serial = Some(Serial::parse("OTHER-1").unwrap());
    for _ in 0..3 {
        site.line.write_all(&inverter.frame());
        std::thread::sleep(Duration::from_millis(1000));
    }
    let received = cloud.received();
    assert_eq!(loads(&received), [0_i64; 0]);
    let events: Vec<EventKind> =
        received.iter().flat_map(|r| r.report.events.iter().map(|e| e.kind.clone())).collect();
    assert_eq!(events, [EventKind::WrongInverter { found: "OTHER-1".into() }]);
    gateway.wait_for("The line carries inverter OTHER-1, this gateway is for 2311-00421", 1, 5);
    inverter.observation.serial = Some(Serial::parse(SERIAL).unwrap());
    site.line.write_all(&inverter.frame());
    cloud.wait_until("the right one", 5, |received| loads(received) == [4]);
}

#[test]
fn a_ve_direct_stream_becomes_readings_without_a_serial_of_its_own() {
    let mut site = Site::new();
    site.protocol = "ve-direct";
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    gateway.wait_for("is raw", 1, 10);
    let mut block = Vec::new();
    wire::ve_direct::encode(&[("V", "12850"), ("I", "-1500"), ("SOC", "876"), ("XYZ", "9")], &mut block);
    site.line.write_all(&block);
    // The block ends with the next one's beginning at the latest.
    site.line.write_all(&block);
    let received = cloud.wait_until("a reading", 10, |r| r.iter().any(|r| !r.report.readings.is_empty()));
    let reading = received.iter().flat_map(|r| &r.report.readings).next().unwrap();
    assert_eq!(reading.sample.quantities.value(Quantity::BATTERY_VOLTAGE), Some(1285));
    assert!(reading.sample.unknown.iter().any(|unknown| unknown.contains("XYZ")), "{reading:?}");
    assert!(reading.sample.flags.is_empty() || reading.sample.flags.value(wire::Flag::LinePresent).is_none());
}

#[test]
fn a_silent_line_still_tells_of_itself() {
    let site = Site::new();
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    let received = cloud.wait_until("a report without readings", 20, |received| !received.is_empty());
    let link = received[0].report.link.unwrap();
    assert!(received[0].report.readings.is_empty() && link.silent_ms > 5000, "{link:?}");
}
