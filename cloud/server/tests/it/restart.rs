//! What is known survives restarts and kills; late data goes through the same path.

use std::time::Duration;

use server::clock;
use wire::{BootId, UtcMs};

use crate::cloud::{Cloud, Publisher, report, reports};
use crate::door_setup::eventually;

const BOOT: BootId = BootId([6; 16]);

/// The numbers in the ledger, sorted.
fn numbers(cloud: &Cloud) -> Vec<u64> {
    let mut numbers: Vec<_> = cloud.ledger().into_iter().map(|(.., number)| number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_restart_keeps_state_and_history_and_knows_repeats() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("RESTART-1");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    for number in 1..=3 {
        link.publish(&report(BOOT, number, clock::now())).unwrap();
    }
    cloud.stop();
    assert_eq!(numbers(&cloud), [1, 2, 3]);
    cloud.start();
    assert_eq!(cloud.counter("inverters_reporting"), 1, "the state was loaded");
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    // 2 and 3 again, as after a lost acknowledgement.
    for number in 2..=4 {
        link.publish(&report(BOOT, number, clock::now())).unwrap();
    }
    cloud.kill();
    cloud.start();
    eventually("the journal is replayed", || cloud.log().matches("the journal is replayed").count() == 3);
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 4, clock::now())).unwrap();
    cloud.stop();
    assert_eq!(numbers(&cloud), [1, 2, 3, 4]);
}

#[test]
fn a_backlog_is_stored_with_its_own_times_behind_live_readings() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("BACKLOG-1");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    let now = clock::now();
    link.publish(&report(BOOT, 5_000, now)).unwrap();
    // Six hours of one reading per ten seconds, packed; and one too old to keep.
    let old = |number: u64| now.plus_ms(-10_000 * i64::try_from(3_000 - number).unwrap());
    for part in (1..=2_160_u64).collect::<Vec<_>>().chunks(500) {
        link.publish(&reports(BOOT, part.iter().map(|number| (*number, old(*number))))).unwrap();
    }
    link.publish(&report(BOOT, 6_000, now.plus_ms(-31 * 86_400_000))).unwrap();
    eventually("all is applied", || cloud.counter("pipeline_readings_stored_total") == 2_161);
    cloud.stop();
    let expected: Vec<_> = (1..=2_160).chain([5_000]).collect();
    assert_eq!(numbers(&cloud), expected);
    let text = cloud.admin(&["ledger"]);
    let line = text.lines().find(|line| line.contains(" 2000 ")).unwrap();
    let time = UtcMs::parse_rfc3339(line.rsplit(' ').next().unwrap()).unwrap();
    assert_eq!(time, old(2_000), "its own time, to the millisecond");
}

#[test]
fn a_stop_takes_idle_sessions_with_it_in_time() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("STOP-0001");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 1, clock::now())).unwrap();
    let began = std::time::Instant::now();
    cloud.stop();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(link.ack().is_err());
}
