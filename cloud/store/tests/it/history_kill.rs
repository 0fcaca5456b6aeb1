//! Journal, history and position together: a child process plays the pipeline, is killed with SIGKILL at random
//! moments (appending, checkpointing, sealing, merging), and after a replay every acknowledged reading is in history
//! exactly once.
//!
//! Proof that this can fail: let `History::append` ignore `replayed`, or `seal` skip `persist`, and readings are there
//! twice; move the position before `checkpoint`, and some are lost.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fleet::{InverterKey, StoredReading};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, History};
use store::journal::{self, Body, Committed, Entry, JournalError};
use wire::time::{DAY_MS, HOUR_MS};
use wire::{Quantity, Sample, UtcMs};

const FOLDER: &str = "STORE_TEST_HISTORY";
const FIRST: &str = "STORE_TEST_FIRST";
const CYCLES: u64 = 8;
/// Commits take this long, so that nearly every kill falls into one.
const SLOW_DISK: Duration = Duration::from_millis(3);
const INVERTERS: u64 = 3;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const DAYS: u64 = 4;

/// Everything of a number follows from it: its inverter, and a time that jumps over the days.
fn reading(number: u64) -> (InverterKey, StoredReading) {
    let minute = (number * 7_919) % (DAYS * 1_440);
    let mut sample = Sample::default();
    sample.quantities.set(Quantity::POWER, i64::try_from(number & 0xffff).unwrap());
    let reading = StoredReading {
        time: UtcMs(START + i64::try_from(minute).unwrap() * 60_000),
        // Without a boot nothing is recognised as sent twice: what is kept twice shows.
        boot: None,
        sequence: Some(number),
        sample,
        ..StoredReading::default()
    };
    (InverterKey(u32::try_from(number % INVERTERS).unwrap()), reading)
}

/// The pipeline's part of the state store: a number that moves in one step.
fn save_position(folder: &Path, position: Position) {
    let file = folder.join("position.new");
    std::fs::write(&file, format!("{} {}", position.batch, position.index)).unwrap();
    std::fs::rename(file, folder.join("position")).unwrap();
}

fn saved_position(folder: &Path) -> Position {
    let Ok(text) = std::fs::read_to_string(folder.join("position")) else { return Position::START };
    let (batch, index) = text.split_once(' ').unwrap();
    Position { batch: batch.parse().unwrap(), index: index.parse().unwrap() }
}

fn apply(history: &History, position: Position, entry: &Entry) {
    let Body::Report { payload, .. } = &entry.body else { panic!("only reports were written") };
    let number = u64::from_be_bytes(payload.as_slice().try_into().unwrap());
    let (inverter, reading) = reading(number);
    history.append(inverter, &[reading], position);
}

/// As the server starts: snapshots stand at the saved position, the rest is replayed.
fn recovered(folder: &Path) -> (History, Position) {
    let keys = DayKeys::at(folder.join("keys"), crate::history::fresh);
    let history = History::open(&folder.join("history"), keys, Config::default()).unwrap();
    let saved = saved_position(folder);
    assert!(history.durable_through() >= saved);
    let mut last = saved;
    journal::replay(&folder.join("journal"), saved, |position, entry| {
        apply(&history, position, &entry);
        last = position;
        Ok::<_, JournalError>(())
    })
    .unwrap();
    (history, last)
}

/// Not a test of its own: the process that is killed.
#[test]
#[ignore = "started by the test below"]
fn child() {
    let folder = std::env::var_os(FOLDER).expect("started by the test below");
    let folder = Path::new(&folder);
    let first: u64 = std::env::var_os(FIRST).unwrap().to_str().unwrap().parse().unwrap();
    let (history, mut last) = recovered(folder);
    let (sender, committed) = mpsc::channel::<Committed<u64>>();
    let config = journal::Config {
        segment_bytes: 20_000,
        added_commit_delay: SLOW_DISK,
        ..journal::Config::new(folder.join("journal"))
    };
    let on_commit = move |committed: Committed<u64>| {
        let numbers: String = committed.entries.iter().map(|(_, number)| format!("{number} ")).collect();
        std::io::stdout().write_all(format!("acknowledged {numbers}\n").as_bytes()).unwrap();
        let _ = sender.send(committed);
    };
    let journal = journal::open(config, on_commit, |error| panic!("{error}")).unwrap();
    std::thread::spawn({
        let journal = journal.clone();
        move || {
            for number in first.. {
                let (inverter, reading) = reading(number);
                let body = Body::Report { inverter, payload: number.to_be_bytes().to_vec() };
                journal.append(Entry { received_at: reading.time, body }, number);
                while journal.waiting() > 20 {
                    std::thread::yield_now();
                }
            }
        }
    });
    std::thread::spawn({
        let history = history.clone();
        let mut random = SmallRng::seed_from_u64(first);
        move || {
            loop {
                std::thread::sleep(Duration::from_millis(random.random_range(1..8)));
                match random.random_range(0..3) {
                    0 => drop(history.seal_all().unwrap()),
                    1 => drop(history.merge_due(UtcMs(START + 20 * DAY_MS)).unwrap()),
                    _ => drop(history.seal_due(UtcMs(START + random.random_range(0..96) * HOUR_MS)).unwrap()),
                }
            }
        }
    });
    for (turn, batch) in committed.iter().enumerate() {
        for (index, (entry, _)) in (0..).zip(&batch.entries) {
            last = Position { batch: batch.batch, index };
            apply(&history, last, entry);
        }
        if turn % 5 == 0 {
            history.checkpoint(last).unwrap();
            save_position(folder, last);
            journal.delete_through(last).unwrap();
        }
    }
}

#[test]
fn each_acknowledged_reading_is_in_history_exactly_once_after_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(11);
    let mut acknowledged = Vec::new();
    for cycle in 0..CYCLES {
        let before = acknowledged.len();
        let patience = Duration::from_millis(random.random_range(60..400));
        acknowledged.extend(run_and_kill(folder.path(), cycle << 24, patience));
        assert!(acknowledged.len() > before, "a cycle in which nothing was acknowledged proves nothing");
    }
    let (history, _) = recovered(folder.path());
    let mut stored: HashMap<u64, u32> = HashMap::new();
    let end = UtcMs(START + 10 * DAY_MS);
    for inverter in 0..u32::try_from(INVERTERS).unwrap() {
        for found in history.raw(InverterKey(inverter), UtcMs(START), end, end).unwrap() {
            let found = found.unwrap();
            let number = found.sequence.unwrap();
            assert_eq!((InverterKey(inverter), found), reading(number));
            *stored.entry(number).or_default() += 1;
        }
    }
    let lost = acknowledged.iter().filter(|number| !stored.contains_key(number)).count();
    assert_eq!(lost, 0, "of {} acknowledged", acknowledged.len());
    assert_eq!(stored.values().filter(|times| **times > 1).count(), 0, "stored twice");
    let rows: i64 = rows_in_day_files(folder.path());
    assert!(rows > 0, "nothing was ever sealed: the test is too short to prove anything");
}

fn rows_in_day_files(folder: &Path) -> i64 {
    let files = std::fs::read_dir(folder.join("history")).unwrap().map(|file| file.unwrap().path());
    let days =
        files.filter(|path| path.to_string_lossy().ends_with(".sqlite") && !path.ends_with("open.sqlite"));
    let count = |path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.query_row("SELECT count(*) FROM chunks", (), |row| row.get::<_, i64>(0)).unwrap()
    };
    days.map(count).sum()
}

fn run_and_kill(folder: &Path, first: u64, patience: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "history_kill::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut numbers = Vec::new();
    let mut read = |line: &str| {
        let Some((_, list)) = line.split_once("acknowledged ") else { return false };
        numbers.extend(list.split_ascii_whitespace().map(|number| number.parse::<u64>().unwrap()));
        true
    };
    // The harness's own words stand before the first line.
    let begun = lines.by_ref().any(|line| read(&line));
    assert!(begun, "the child ended before it began: see its words above");
    let killer = std::thread::spawn(move || {
        std::thread::sleep(patience);
        child.kill().unwrap();
        child.wait().unwrap().signal_number()
    });
    lines.for_each(|line| {
        read(&line);
    });
    assert_eq!(killer.join().unwrap(), Some(9), "the child ended by itself: see its words above");
    numbers
}

/// Which signal ended a process.
trait Signal {
    fn signal_number(&self) -> Option<i32>;
}

impl Signal for std::process::ExitStatus {
    fn signal_number(&self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(self)
    }
}
