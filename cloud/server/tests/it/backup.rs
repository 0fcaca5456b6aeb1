//! Backups of a server that runs, and servers made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use driven_clock::Driver;
use server::clock;
use wire::time::DAY_MS;
use wire::{BootId, Quality, Quantity, Reading, Report, UtcMs};

use crate::cloud::{Cloud, Publisher, report};
use crate::door_setup::{PATIENCE, eventually};
use crate::people::Person;

/// A cloud with the certificates of another and nothing else of it.
pub fn another(cloud: &Cloud) -> Cloud {
    let other = Cloud::new();
    for folder in ["data/ca", "data/tls"] {
        for file in std::fs::read_dir(cloud.path(folder)).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), other.path(folder).join(file.file_name())).unwrap();
        }
    }
    other
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const DEVICES: u8 = 6;

#[test]
fn a_server_that_is_restored_has_each_reading_that_was_acknowledged_before_exactly_once() {
    let mut cloud = Cloud::new();
    let bundles: Vec<_> = (0..DEVICES).map(|n| cloud.device(&format!("BACKUP-{n}"))).collect();
    cloud.start();
    let ann = Person::new(&cloud, "ann@example.com");
    assert_eq!(ann.get(&cloud, "/fleet").status, 200);
    let stop = Arc::new(AtomicBool::new(false));
    let acked: Arc<Vec<AtomicU64>> = Arc::new((0..DEVICES).map(|_| AtomicU64::new(0)).collect());
    let address = cloud.address;
    let publish = |number: usize, bundle| {
        let (stop, acked) = (Arc::clone(&stop), Arc::clone(&acked));
        std::thread::spawn(move || {
            let mut link = Publisher::connect(address, &bundle).unwrap();
            let boot = BootId([u8::try_from(number).unwrap(); 16]);
            let mut slowest = Duration::ZERO;
            for sequence in 1.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let began = Instant::now();
                link.publish(&report(boot, sequence, clock::now())).unwrap();
                slowest = slowest.max(began.elapsed());
                acked[number].store(sequence, Ordering::SeqCst);
            }
            slowest
        })
    };
    let threads: Vec<_> =
        bundles.iter().enumerate().map(|(number, bundle)| publish(number, bundle.clone())).collect();
    // Past a snapshot, into the next.
    std::thread::sleep(Duration::from_millis(7_000));
    let before: Vec<u64> = acked.iter().map(|acked| acked.load(Ordering::SeqCst)).collect();
    let (backup, keys) = (cloud.path("backup"), cloud.path("copy"));
    let said = cloud.admin(&["backup", text(&backup), "--keys", text(&keys)]);
    assert!(said.contains("entries of the journal") && said.contains("holds the keys of"), "{said}");
    // It goes on until it is killed.
    std::thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    let slowest = threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap();
    println!("{said}the slowest acknowledgement took {} ms", slowest.as_millis());
    cloud.kill();

    let mut again = another(&cloud);
    let said = again.admin(&["restore", text(&backup), "--keys", text(&keys)]);
    assert!(said.contains("Everybody signs in anew"), "{said}");
    again.start();
    eventually("the journal is replayed", || again.counter("pipeline_following") == 1);
    assert_eq!(ann.get(&again, "/fleet").status, 303, "sessions are not in a backup");
    let form = format!("email=ann@example.com&password={}", crate::people::PASSWORD.replace(' ', "+"));
    assert_eq!(Person::nobody().post(&again, "/sign-in", &form).status, 303);
    // A device goes on, with the certificate that it has.
    let mut link = Publisher::connect(again.address, &bundles[0]).unwrap();
    link.publish(&report(BootId([77; 16]), 1, clock::now())).unwrap();
    again.stop();
    let whole = again.admin(&["audit", "verify"]);
    assert!(whole.contains("is whole"), "{whole}");
    let acts = again.admin(&["audit", "list"]);
    assert!(acts.contains("backup.make") && acts.contains("backup.restore"), "{acts}");
    let mut stored: BTreeMap<(String, String, u64), u32> = BTreeMap::new();
    again.ledger().into_iter().for_each(|record| *stored.entry(record).or_default() += 1);
    assert!(stored.values().all(|times| *times == 1), "twice");
    for (number, before) in before.iter().enumerate() {
        let boot = BootId([u8::try_from(number).unwrap(); 16]).to_string();
        let serial = format!("BACKUP-{number}");
        let lost: Vec<_> = (1..=*before)
            .filter(|n| !stored.contains_key(&(serial.clone(), boot.clone(), *n)))
            .take(5)
            .collect();
        assert!(*before > 0 && lost.is_empty(), "{serial}: of {before} are not there, for example {lost:?}");
    }
    assert!(stored.contains_key(&("BACKUP-0".to_owned(), BootId([77; 16]).to_string(), 1)));
}

/// No other bytes are like it.
const MARKER: &str = "MKB51D07AE=17.5";

fn marked(boot: BootId, time: UtcMs) -> Vec<u8> {
    let mut reading =
        Reading { sequence: Some(1), time: Some(time), quality: Quality::Synchronised, ..Reading::default() };
    reading.sample.unknown = vec![MARKER.to_owned()];
    reading.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
    let mut payload = Vec::new();
    let report = Report { boot: Some(boot), readings: vec![reading], ..Report::default() };
    wire::report::cbor::encode(&report, &mut payload);
    payload
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn shown(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
    });
    files
}

#[test]
fn a_day_that_lapsed_does_not_come_back_with_an_old_backup_in_no_byte_of_any_file() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("BACKUP-OLD");
    let now = clock::now();
    let file = cloud.path("clock");
    let mut driver = Driver::create(&file, now).unwrap();
    let day = |days: i64| UtcMs((now.day() + days) * DAY_MS + DAY_MS / 2);
    let command = cloud.driven(&file);
    cloud.start_as(command);
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&marked(BootId([9; 16]), now)).unwrap();
    drop(link);
    let (backup, copy, old_copy) = (cloud.path("backup"), cloud.path("copy"), cloud.path("old-copy"));
    cloud.driven_admin(&file, &["backup", text(&backup), "--keys", text(&old_copy)]);
    cloud.driven_admin(&file, &["keys", "copy", text(&copy)]);
    assert!(shown(&backup).is_empty(), "nothing stands in it in clear");
    let mut young = another(&cloud);
    young.driven_admin(&file, &["restore", text(&backup), "--keys", text(&copy)]);
    assert!(!shown(&young.path("data")).is_empty(), "the test looks in the right places");
    let command = young.driven(&file);
    young.start_as(command);
    young.stop();
    assert_eq!(young.driven_admin(&file, &["ledger"]).lines().count(), 1);
    // Thirty-two days later; the copy of the keys was overwritten meanwhile.
    cloud.stop();
    driver.jump_to(day(32)).unwrap();
    let command = cloud.driven(&file);
    cloud.start_as(command);
    for arguments in [["backup", text(&cloud.path("ahead"))].as_slice(), &["keys", "copy", text(&copy)]] {
        let refused = cloud.try_driven_admin(&file, arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("admin clock confirm"), "{said}");
    }
    cloud.driven_admin(&file, &["clock", "confirm"]);
    let keys = cloud.path("data/keys/days");
    let began = Instant::now();
    while std::fs::read_dir(&keys).unwrap().any(|key| key.unwrap().path() == keys.join(key_name(now))) {
        assert!(began.elapsed() < 3 * PATIENCE, "its key is still there");
        driver.jump_to(driver.now().plus_ms(600_000)).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    let said = cloud.driven_admin(&file, &["keys", "copy", text(&copy)]);
    assert!(said.contains("1 day(s) lapsed and destroyed there"), "{said}");
    for copy in [&copy, &old_copy] {
        let mut old = another(&cloud);
        let said = old.driven_admin(&file, &["restore", text(&backup), "--keys", text(copy)]);
        assert!(said.contains("1 day(s) lapsed since, and are not restored"), "{said}");
        let command = old.driven(&file);
        old.start_as(command);
        old.stop();
        assert_eq!(old.driven_admin(&file, &["ledger"]).lines().count(), 0);
        let left = shown(&old.path("data"));
        assert!(left.is_empty(), "{left:?}");
        assert!(!old.path("data/keys/days").join(key_name(now)).exists(), "an old key is not brought back");
        for path in files_below(&old.path("data")) {
            let name = path.strip_prefix(old.path("data")).unwrap().to_str().unwrap().to_owned();
            assert!(store::retention::of_file(&name).is_some(), "{name} is not in the registry");
        }
    }
    cloud.stop();
}

fn key_name(at: UtcMs) -> String {
    let (year, month, day) = at.date();
    format!("{year:04}-{month:02}-{day:02}.key")
}
