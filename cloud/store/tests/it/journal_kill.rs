//! The ledger in small: a child process appends, is killed with SIGKILL, and whatever it said was acknowledged must
//! be in the journal exactly once.
//!
//! Proof that this can fail: in `journal/appender.rs`, move `on_commit` before `writer.commit`; nearly every kill then
//! falls between the two and `acknowledged and lost` is reported (done: red in 4 of 4 runs).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleet::InverterKey;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use store::journal::{self, Body, Committed, Config, Entry, JournalError, Position};
use wire::UtcMs;

const FOLDER: &str = "STORE_TEST_JOURNAL";
const FIRST: &str = "STORE_TEST_FIRST";
const THREADS: u32 = 4;
const CYCLES: u64 = 8;
/// Commits take this long, so that nearly every kill falls into one.
const SLOW_DISK: Duration = Duration::from_millis(3);

/// Not a test of its own: the process that is killed.
#[test]
#[ignore = "started by the test below"]
fn child() {
    let folder = std::env::var_os(FOLDER).expect("started by the test below");
    let first: u64 = std::env::var_os(FIRST).unwrap().to_str().unwrap().parse().unwrap();
    let on_commit = |committed: Committed<u64>| {
        let mut line: String = committed.entries.iter().map(|(_, number)| format!("{number} ")).collect();
        line.insert_str(0, "acknowledged ");
        line.push('\n');
        // One write: a pipe keeps what was written when the writer is killed.
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    };
    let config = Config { segment_bytes: 20_000, added_commit_delay: SLOW_DISK, ..Config::new(folder) };
    let journal = journal::open(config, on_commit, |error| panic!("{error}")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let journal = journal.clone();
            scope.spawn(move || {
                for step in 0_u64.. {
                    let number = first + step * u64::from(THREADS) + u64::from(thread);
                    let payload = number.to_be_bytes().to_vec();
                    let body = Body::Report { inverter: InverterKey(thread), payload };
                    journal.append(Entry { received_at: UtcMs(1), body }, number);
                    while journal.waiting() > 50 {
                        std::thread::yield_now();
                    }
                }
            });
        }
    });
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(7);
    let mut acknowledged = Vec::new();
    for cycle in 0..CYCLES {
        let before = acknowledged.len();
        let patience = Duration::from_millis(random.random_range(30..250));
        acknowledged.extend(run_and_kill(folder.path(), cycle << 32, patience));
        assert!(acknowledged.len() > before, "a cycle in which nothing was acknowledged proves nothing");
        check(folder.path(), &acknowledged);
    }
}

fn run_and_kill(folder: &Path, first: u64, patience: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal_kill::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers = Vec::new();
    let mut read = |line: String| {
        // The harness's own words stand before the first line.
        if let Some((_, list)) = line.split_once("acknowledged ") {
            numbers.extend(list.split_ascii_whitespace().map(|n| n.parse::<u64>().unwrap()));
        }
    };
    for line in lines.by_ref() {
        let line = line.unwrap();
        let begun = line.contains("acknowledged ");
        read(line);
        if begun {
            break;
        }
    }
    let killer = std::thread::spawn(move || {
        std::thread::sleep(patience);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    lines.for_each(|line| read(line.unwrap()));
    killer.join().unwrap();
    numbers
}

fn check(folder: &Path, acknowledged: &[u64]) {
    let mut stored = HashMap::new();
    let mut newest = HashMap::new();
    journal::replay(folder, Position::START, |_, entry| {
        let Body::Report { inverter, payload } = entry.body else { panic!("only reports were written") };
        let number = u64::from_be_bytes(payload.try_into().unwrap());
        *stored.entry(number).or_insert(0) += 1;
        let before = newest.insert(inverter, number);
        assert!(before < Some(number), "out of order");
        Ok::<_, JournalError>(())
    })
    .unwrap();
    let lost = acknowledged.iter().filter(|number| !stored.contains_key(number)).count();
    assert_eq!(lost, 0, "acknowledged and lost");
    assert_eq!(stored.values().filter(|times| **times > 1).count(), 0, "stored twice");
}
