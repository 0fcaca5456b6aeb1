//! The clock that a test drives is in `inverter-connect-driven` alone; what is shipped refuses it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use driven_clock::Driver;
use wire::time::DAY_MS;
use wire::{BootId, Quality, Quantity, Reading, Report, UtcMs};

use crate::cloud::{Cloud, Publisher, report};
use crate::door_setup::{PATIENCE, eventually};

/// ASVS 5.0: 13.4.2, 15.2.3.
#[test]
fn the_program_that_is_shipped_refuses_a_clock() {
    let output = Command::new(env!("CARGO_BIN_EXE_inverter-connect"))
        .args(["--config", "cloud.toml", "serve", "--clock", "clock"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("unexpected argument '--clock'"), "{told}");
}

#[test]
fn a_clock_that_cannot_be_read_is_named() {
    let cloud = Cloud::new();
    let mut command = cloud.driven(&cloud.path("nowhere"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("--clock") && told.contains("nowhere cannot be read"), "{told}");
}

#[test]
fn a_driven_clock_lets_thirty_days_pass_in_seconds() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("DRIVEN-1");
    let now = server::clock::now();
    let mut clock = Driver::create(&cloud.path("clock"), now).unwrap();
    let command = cloud.driven(&cloud.path("clock"));
    cloud.start_as(command);
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    let boot = BootId([9; 16]);
    link.publish(&report(boot, 1, now)).unwrap();
    let day = |days: i64| UtcMs((now.day() + days) * DAY_MS + DAY_MS / 2);
    let files = |cloud: &Cloud| {
        let of_days = std::fs::read_dir(cloud.path("data/history")).unwrap();
        let names = of_days.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("20") && name.ends_with(".sqlite")).count()
    };
    // The housekeeper must have seen the reading's hour open before that is over.
    clock.set_rate(100.0).unwrap();
    clock.wait_until(now.plus_ms(60_000));
    clock.jump_to(day(1)).unwrap();
    eventually("the day's file is there", || files(&cloud) == 1);
    clock.jump_to(day(29)).unwrap();
    clock.wait_until(day(29).plus_ms(60_000));
    assert_eq!(files(&cloud), 1, "29 days are kept");
    clock.jump_to(day(32)).unwrap();
    eventually("the day's file is deleted", || files(&cloud) == 0);
    cloud.stop();
}

/// No other bytes are like it.
const MARKER: &str = "MK7F3A91C2=17.5";

/// A reading with the marker among what nobody knows.
fn marked(boot: BootId, time: UtcMs) -> Vec<u8> {
    let mut reading =
        Reading { sequence: Some(1), time: Some(time), quality: Quality::Synchronised, ..Reading::default() };
    reading.sample.unknown = vec![MARKER.to_owned()];
    reading.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
    let report = Report { boot: Some(boot), readings: vec![reading], ..Report::default() };
    let mut payload = Vec::new();
    wire::report::cbor::encode(&report, &mut payload);
    payload
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Files below the data folder, and the log, in which the marker stands as it was told.
fn shown(cloud: &Cloud) -> Vec<PathBuf> {
    let mut files = files_below(&cloud.path("data"));
    files.push(cloud.path("serve.log"));
    // A file may go while it is looked for: then nothing stands in it.
    files.retain(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
    });
    files
}

/// ASVS 5.0: 14.2.4.
#[test]
fn a_marker_is_on_disk_for_thirty_days_and_in_no_byte_of_any_file_after_also_over_restarts() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("DRIVEN-2");
    let now = server::clock::now();
    let file = cloud.path("clock");
    let mut clock = Driver::create(&file, now).unwrap();
    let day = |days: i64| UtcMs((now.day() + days) * DAY_MS + DAY_MS / 2);
    let command = cloud.driven(&file);
    cloud.start_as(command);
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&marked(BootId([9; 16]), now)).unwrap();
    drop(link);
    clock.set_rate(100.0).unwrap();
    clock.wait_until(now.plus_ms(120_000));
    assert!(!shown(&cloud).is_empty(), "the test looks in the right places");
    let of_keys = cloud.path("data/keys/days");
    let keys = || std::fs::read_dir(&of_keys).map_or(0, Iterator::count);
    clock.jump_to(day(1)).unwrap();
    eventually("the day is sealed under its key", || keys() == 1);
    for path in files_below(&cloud.path("data")) {
        let name = path.strip_prefix(cloud.path("data")).unwrap().to_str().unwrap().to_owned();
        assert!(store::retention::of_file(&name).is_some(), "{name} is not in the registry");
    }
    clock.jump_to(day(29)).unwrap();
    clock.wait_until(day(29).plus_ms(1_500_000));
    assert_eq!(keys(), 1);
    // The state knows what nobody has told anew; the journal and the open chunks do not.
    let known = shown(&cloud);
    assert!(known.iter().any(|path| path.to_string_lossy().contains("state.sqlite")), "{known:?}");
    assert!(known.iter().all(|path| path.to_string_lossy().contains("state.sqlite")), "{known:?}");
    cloud.stop();
    // While it is away two days pass: nobody may take the clock's word for that.
    clock.jump_to(day(32)).unwrap();
    let command = cloud.driven(&file);
    cloud.start_as(command);
    eventually("nothing may go", || cloud.log().contains("Nothing older than 30 days is deleted"));
    assert_eq!(keys(), 1, "its key is still there");
    let confirm = cloud.driven_admin(&file, &["clock", "confirm"]);
    assert!(confirm.contains("was believed"), "{confirm}");
    eventually("the day's key is destroyed", || keys() == 0);
    // States are saved each five real seconds, and the next sweep empties the WAL in which they stood before.
    let began = std::time::Instant::now();
    while !shown(&cloud).is_empty() {
        assert!(began.elapsed() < 4 * PATIENCE, "{:?}", shown(&cloud));
        clock.jump_to(clock.now().plus_ms(600_000)).unwrap();
        std::thread::sleep(Duration::from_millis(500));
    }
    cloud.stop();
    let left = shown(&cloud);
    assert!(left.is_empty(), "{left:?}");
    let of_days = files_below(&cloud.path("data/history"));
    assert!(of_days.iter().all(|path| !path.to_string_lossy().contains("history/20")), "{of_days:?}");
}
