//! The journal: what goes in comes out in order, once, whatever was closed, damaged or locked in between.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fleet::InverterKey;
use proptest::prelude::*;
use store::journal::{self, Appender, Body, Committed, Config, Entry, JournalError, Position};
use wire::UtcMs;

fn report(number: u32) -> Entry {
    let payload = number.to_be_bytes().to_vec();
    Entry {
        received_at: UtcMs(i64::from(number)),
        body: Body::Report { inverter: InverterKey(number % 7), payload },
    }
}

fn open(config: Config) -> (Appender<u32>, mpsc::Receiver<Committed<u32>>) {
    let begun = Instant::now();
    loop {
        let (sender, receiver) = mpsc::channel();
        let on_commit = move |committed| drop(sender.send(committed));
        match journal::open(config.clone(), on_commit, |error| panic!("{error}")) {
            Ok(journal) => return (journal, receiver),
            // Another test of this process begins a child: until that runs its program it has what we have open, also a lock that was
            // let go meanwhile.
            Err(JournalError::InUse(_)) if begun.elapsed() < Duration::from_secs(5) => {
                std::thread::yield_now()
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn all(directory: &Path, after: Position) -> Result<Vec<(Position, Entry)>, JournalError> {
    let mut entries = Vec::new();
    journal::replay(directory, after, |position, entry| {
        entries.push((position, entry));
        Ok::<_, JournalError>(())
    })?;
    Ok(entries)
}

fn tiny_segments(directory: &Path) -> Config {
    Config { segment_bytes: 64, ..Config::new(directory) }
}

/// Appends one batch a number and waits for each, so that every entry is a batch of its own.
fn append_one_by_one(directory: &Path, numbers: std::ops::Range<u32>) {
    let (journal, committed) = open(tiny_segments(directory));
    for number in numbers {
        journal.append(report(number), number);
        let batch = committed.recv().unwrap();
        assert_eq!(batch.entries.iter().map(|(_, ticket)| *ticket).collect::<Vec<_>>(), [number]);
    }
}

#[test]
fn tickets_come_back_after_the_commit_with_their_entries_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, committed) = open(Config::new(folder.path()));
    for number in 0..1_000 {
        journal.append(report(number), number);
    }
    journal.close();
    let mut expected = 0;
    for batch in committed {
        // Seen by another reader at the moment of the acknowledgement or not at all.
        for (index, (entry, ticket)) in batch.entries.into_iter().enumerate() {
            assert_eq!((entry, ticket), (report(expected), expected), "batch {} index {index}", batch.batch);
            expected += 1;
        }
    }
    assert_eq!(expected, 1_000);
}

#[test]
fn what_is_acknowledged_can_be_read_by_another_connection_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_owned();
    let (sender, receiver) = mpsc::channel();
    let on_commit = move |committed: Committed<()>| {
        let read = all(&directory, Position::START).unwrap();
        sender.send((committed.batch, read.last().unwrap().0.batch)).unwrap();
    };
    let journal = journal::open(Config::new(folder.path()), on_commit, |error| panic!("{error}")).unwrap();
    for number in 0..5 {
        journal.append(report(number), ());
        let (batch, newest_read) = receiver.recv().unwrap();
        assert_eq!(batch, newest_read);
    }
}

#[test]
fn batches_count_on_across_restarts_and_segments_without_a_hole() {
    let folder = tempfile::tempdir().unwrap();
    append_one_by_one(folder.path(), 0..20);
    drop(open(tiny_segments(folder.path())));
    drop(open(tiny_segments(folder.path())));
    append_one_by_one(folder.path(), 20..30);
    let entries = all(folder.path(), Position::START).unwrap();
    let expected: Vec<_> =
        (0..30).map(|n| (Position { batch: u64::from(n) + 1, index: 0 }, report(n))).collect();
    assert_eq!(entries, expected);
    assert_eq!(all(folder.path(), Position { batch: 25, index: 0 }).unwrap(), expected[25..]);
    assert_eq!(all(folder.path(), Position { batch: 30, index: 0 }).unwrap(), []);
}

#[test]
fn deleting_drops_whole_segments_before_the_position_and_never_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    append_one_by_one(folder.path(), 0..30);
    let through = Position { batch: 17, index: 0 };
    assert!(journal::delete_through(folder.path(), through).unwrap() > 0);
    assert_eq!(all(folder.path(), through).unwrap().len(), 13);
    assert!(all(folder.path(), Position::START).unwrap().len() >= 13);
    journal::delete_through(folder.path(), Position { batch: u64::MAX, index: 0 }).unwrap();
    append_one_by_one(folder.path(), 30..31);
    let last = all(folder.path(), Position::START).unwrap().last().unwrap().clone();
    assert_eq!(last, (Position { batch: 31, index: 0 }, report(30)));
}

#[test]
fn a_missing_segment_is_an_error_and_not_a_silent_hole() {
    let folder = tempfile::tempdir().unwrap();
    append_one_by_one(folder.path(), 0..30);
    journal::delete_through(folder.path(), Position { batch: 20, index: 0 }).unwrap();
    let error = all(folder.path(), Position { batch: 3, index: 0 }).unwrap_err();
    assert!(matches!(error, JournalError::Missing { expected: 4, .. }), "{error}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _committed) = open(Config::new(folder.path()));
    let refused = journal::open(Config::new(folder.path()), |_: Committed<()>| (), |_| ()).err().unwrap();
    assert!(refused.to_string().contains("in use by another server"), "{refused}");
    drop(journal);
    drop(open(Config::new(folder.path())));
}

/// ASVS 5.0: 16.5.3.
#[test]
fn after_a_failed_commit_nothing_is_acknowledged_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (acknowledged, acknowledgements) = mpsc::channel();
    let (failed, failure) = mpsc::channel();
    let journal = journal::open(
        Config::new(folder.path()),
        move |committed: Committed<u32>| acknowledged.send(committed.entries.len()).unwrap(),
        move |error| failed.send(error.to_string()).unwrap(),
    )
    .unwrap();
    journal.append(report(0), 0);
    assert_eq!(acknowledgements.recv().unwrap(), 1);
    // Another hand removes the table: the next INSERT fails as a failing disk would.
    let segment = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .unwrap();
    rusqlite::Connection::open(segment).unwrap().execute_batch("DROP TABLE batches").unwrap();
    journal.append(report(1), 1);
    let why = failure.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(why.contains("nothing further is acknowledged"), "{why}");
    for number in 2..100 {
        journal.append(report(number), number);
    }
    assert!(journal.has_failed());
    assert_eq!(journal.waiting(), 0);
    journal.close();
    assert_eq!(acknowledgements.try_iter().count(), 0);
}

#[test]
fn a_fault_while_acknowledging_ends_the_journal_too() {
    let folder = tempfile::tempdir().unwrap();
    let (failed, failure) = mpsc::channel();
    let journal = journal::open(
        Config::new(folder.path()),
        |_: Committed<()>| panic!("meant to be seen in the test's output"),
        move |error| failed.send(error.to_string()).unwrap(),
    )
    .unwrap();
    journal.append(report(0), ());
    let why = failure.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(why.contains("a fault in this program"), "{why}");
    assert!(journal.has_failed());
}

#[test]
fn a_torn_or_changed_wal_leaves_an_intact_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, committed) = open(Config::new(folder.path()));
    for number in 0..40 {
        journal.append(report(number), number);
        committed.recv().unwrap();
    }
    let wal = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with("-wal"))
        .unwrap();
    let whole = std::fs::read(&wal).unwrap();
    for (case, at) in (0..whole.len()).step_by(whole.len() / 23).enumerate() {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            // As after a power cut: the index file is not there, or not of this content.
            if !file.path().to_string_lossy().ends_with("-shm") {
                std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
        }
        let mut bytes = whole.clone();
        if case % 2 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 0x40;
        }
        std::fs::write(copy.path().join(wal.file_name().unwrap()), &bytes).unwrap();
        let entries = all(copy.path(), Position::START).unwrap();
        let expected: Vec<_> = (0..u32::try_from(entries.len()).unwrap()).map(report).collect();
        assert_eq!(entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), expected, "byte {at}");
        // And it can be written on, from the next number.
        let next = u32::try_from(expected.len()).unwrap();
        append_one_by_one(copy.path(), next..next + 1);
        let last = all(copy.path(), Position::START).unwrap().last().unwrap().clone();
        assert_eq!(last, (Position { batch: u64::from(next) + 1, index: 0 }, report(next)));
    }
}

#[test]
fn a_changed_blob_is_an_error_that_names_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    append_one_by_one(folder.path(), 0..3);
    let segment = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .unwrap();
    rusqlite::Connection::open(segment)
        .unwrap()
        .execute("UPDATE batches SET entries = CAST(entries || x'00' AS BLOB)", ())
        .unwrap();
    let error = all(folder.path(), Position::START).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { batch: 1..=3, .. }), "{error}");
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let payload = || prop::collection::vec(any::<u8>(), 0..300);
    let inverter = || any::<u32>().prop_map(InverterKey);
    let body = prop_oneof![
        (inverter(), payload()).prop_map(|(inverter, payload)| Body::Report { inverter, payload }),
        (inverter(), ".{0,40}", payload()).prop_map(|(inverter, reason, payload)| Body::Quarantined {
            inverter,
            reason,
            payload
        }),
        (inverter(), payload()).prop_map(|(inverter, payload)| Body::Act { inverter, payload }),
        Just(Body::Tick),
        Just(Body::CloudUp),
        Just(Body::CloudDown),
    ];
    (any::<i64>(), body).prop_map(|(ms, body)| Entry { received_at: UtcMs(ms), body })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_come_back_in_order_after_any_restarts(
        sessions in prop::collection::vec(prop::collection::vec(any_entry(), 0..30), 1..4),
        segment_bytes in 1_u64..4_000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for session in &sessions {
            let config = Config { segment_bytes, ..Config::new(folder.path()) };
            let (journal, _committed) = open(config);
            for entry in session {
                journal.append(entry.clone(), 0);
            }
            journal.close();
        }
        let read = all(folder.path(), Position::START).unwrap();
        for pair in read.windows(2) {
            let (a, b) = (pair[0].0, pair[1].0);
            let next_batch = Position { batch: a.batch + 1, index: 0 };
            let follows = b == Position { index: a.index + 1, ..a } || b == next_batch;
            prop_assert!(follows, "{:?} after {:?}", b, a);
        }
        let expected: Vec<_> = sessions.into_iter().flatten().collect();
        prop_assert_eq!(read.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), expected);
    }
}
