//! A backup holds what was kept at one instant, and its days lapse as they do here.
//!
//! Proof that this can fail: copy the keys into the backup; restore days whatever `first_day` says; begin the journal one entry later.
//! What the hold is for stands with `history::copying`, where a test goes red without it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fleet::alarm::{AlarmName, Key};
use fleet::event::Cause;
use fleet::notice::Incident;
use fleet::{Condition, InverterState};
use store::Position;
use store::backup::{BackupError, Missing};
use store::history::History;
use store::journal::{Body, Entry, JournalError, replay};
use store::state::{
    Alarm, Email, EventRow, IncidentKey, IncidentRow, Made, NewAccount, NewQuarantined, Place, StateStore,
};
use wire::time::DAY_MS;
use wire::{Quantity, Reading, Report, Sample, UtcMs};

use crate::backup_house::{
    House, INVERTER, MARKER, START, day, files_below, holding, reading, report, restored,
};

/// An alarm that is still active and has a note, and the incident that it is part of.
async fn alarm(state: &StateStore, at: UtcMs) {
    let name = AlarmName { key: Key::of(Condition::CHARGER_FAULT), cause: Cause::default(), since: at };
    let severity = Condition::CHARGER_FAULT.definition().severity;
    let incident = IncidentKey(7);
    let alarm = Alarm {
        inverter: INVERTER,
        name: name.to_string(),
        code: "CODE".to_owned(),
        key: name.key.clone(),
        severity,
        since: at,
        raised_at: at,
        cleared: None,
        unstable: false,
        quiet: false,
        acknowledged_at: Some(at),
        acknowledged_by: None,
        note: MARKER.to_owned(),
        shelved_until: None,
        incident: Some(incident),
    };
    let begun = Incident::new(Incident::member(INVERTER, name, severity, at), true, at);
    let row = IncidentRow::new(incident, Place::Inverter(INVERTER), begun);
    let made = Made { alarms: vec![alarm], incidents: vec![row], ..Made::default() };
    assert!(state.announcing().await.unwrap().commit(&made).await.unwrap());
}

/// The state of an inverter that reported `quantity` at an instant, and an unknown code.
fn told(state: &mut InverterState, quantity: Quantity, at: UtcMs) {
    let mut sample = Sample { unknown: vec![MARKER.to_owned()], ..Sample::default() };
    sample.quantities.set(quantity, 42);
    let reading = Reading { time: Some(at), sample, ..Reading::default() };
    fleet::apply(state, Report { readings: vec![reading], ..Report::default() }, at);
}

impl House {
    /// The marker in every place that it can be in, all of one day.
    async fn tell_everywhere(&self, at: UtcMs) {
        let email = Email::parse("ann@x.test").unwrap();
        let ann =
            NewAccount { email: &email, name: "Ann", password_hash: "$x", operator: false, created_at: at };
        self.state.create_account(ann).await.unwrap();
        let readings: Vec<_> =
            (0..100).map(|n| reading(n, at.plus_ms(i64::try_from(n).unwrap()), MARKER)).collect();
        let position = self.journal(report(0, at, "nothing"), at);
        self.history.append(INVERTER, &readings, position);
        self.history.checkpoint(position).unwrap();
        self.history.seal_all().unwrap();
        // Some of it is open.
        let position = self.journal(report(0, at, "nothing"), at);
        let more: Vec<_> =
            (100..110).map(|n| reading(n, at.plus_ms(i64::try_from(n).unwrap()), MARKER)).collect();
        self.history.append(INVERTER, &more, position);
        self.history.checkpoint(position).unwrap();
        let event = EventRow {
            inverter: INVERTER,
            key: "1".to_owned(),
            kind: "raised".to_owned(),
            condition: None,
            occurred_at: at,
            received_at: at,
            late: false,
            detail: MARKER.to_owned(),
        };
        let mut state = InverterState::default();
        told(&mut state, Quantity::BATTERY_VOLTAGE, at);
        let states = [(INVERTER, state.to_snapshot())];
        self.state.commit_snapshots(&states, &[event], &[], position, at).await.unwrap();
        let report_in_quarantine = NewQuarantined {
            key: "1".to_owned(),
            inverter: INVERTER,
            received_at: at,
            reason: MARKER.to_owned(),
            payload: MARKER.repeat(100).into_bytes(),
        };
        self.state.quarantine(&[report_in_quarantine]).await.unwrap();
        alarm(&self.state, at).await;
        // And some of it waits in the journal.
        self.journal(report(999, at, MARKER), at);
    }
}

fn readings(history: &History, now: UtcMs) -> Vec<u64> {
    let all = history.raw(INVERTER, START, now.plus_ms(1), now).unwrap();
    all.map(|reading| reading.unwrap().sequence.unwrap()).collect()
}

fn entries(folder: &std::path::Path, after: Position) -> Vec<(Position, Entry)> {
    let mut all = Vec::new();
    replay(&folder.join("data/journal"), after, |position, entry| {
        all.push((position, entry));
        Ok::<_, JournalError>(())
    })
    .unwrap();
    all
}

#[tokio::test]
async fn everything_comes_back_until_its_day_lapses_and_nothing_of_it_after_byte_for_byte() {
    let house = House::new().await;
    house.tell_everywhere(day(0)).await;
    let backup = house.folder.path().join("b");
    house.back_up("b", day(0)).unwrap();
    house.copy_keys("old-copy", day(0));
    assert_eq!(holding(&backup, MARKER.as_bytes()), Vec::<std::path::PathBuf>::new(), "nothing in clear");
    let old_copy = house.folder.path().join("old-copy");

    let (folder, done) = restored(&backup, &old_copy, day(1), Missing::Refuse).unwrap();
    assert_eq!((done.days, done.entries), (1, 1));
    let waiting = entries(folder.path(), Position { batch: 2, index: 0 });
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    let again = House::open(folder).await;
    assert_eq!(readings(&again.history, day(1)), (0..110).collect::<Vec<_>>());
    let snapshots = again.state.load_snapshots().await.unwrap();
    assert_eq!(snapshots, house.state.load_snapshots().await.unwrap());
    assert_eq!(again.state.alarm("CODE").await.unwrap(), house.state.alarm("CODE").await.unwrap());
    assert_eq!(
        again.state.incident(IncidentKey(7)).await.unwrap(),
        house.state.incident(IncidentKey(7)).await.unwrap()
    );
    let found: BTreeSet<_> = holding(again.folder.path(), MARKER.as_bytes())
        .into_iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().trim_end_matches("-wal").to_owned())
        .collect();
    assert!(found.contains("state.sqlite") && found.contains("open.sqlite") && found.len() == 3, "{found:?}");

    // The day lapses here: its key is destroyed, and the copy of the keys follows.
    house.sweep(day(31)).await;
    house.copy_keys("copy", day(31));
    let copy = house.folder.path().join("copy");
    let nothing = async |copy: &std::path::Path, now: UtcMs, missing: Missing| {
        let (folder, done) = restored(&backup, copy, now, missing).unwrap();
        assert_eq!((done.days, done.entries), (0, 0));
        let again = House::open(folder).await;
        assert_eq!(readings(&again.history, day(1)), Vec::<u64>::new());
        assert_eq!(again.state.load_snapshots().await.unwrap().states, []);
        assert_eq!(again.state.alarm("CODE").await.unwrap(), None);
        assert_eq!(again.state.incident(IncidentKey(7)).await.unwrap(), None);
        assert_eq!(again.state.accounts().await.unwrap().len(), 1, "people are there");
        let found = holding(again.folder.path(), MARKER.as_bytes());
        assert!(found.is_empty(), "{found:?}");
        again.keys().days().unwrap()
    };
    nothing(&copy, day(31), Missing::Refuse).await;
    // With an old copy of the keys, which could open it: by the clock it lapsed, and its key is not brought back.
    assert_eq!(nothing(&old_copy, day(31), Missing::Refuse).await, Vec::<i64>::new());
    // With a clock that stands still the key is gone all the same.
    let refused = restored(&backup, &copy, day(5), Missing::Refuse).map(drop).unwrap_err();
    assert!(matches!(&refused, BackupError::MissingKeys(days) if days.len() == 1), "{refused}");
    assert!(refused.to_string().contains("2026-01-01"), "{refused}");
    nothing(&copy, day(5), Missing::LeaveOut).await;
}

/// ASVS 5.0: 14.2.4.
#[tokio::test]
async fn no_key_is_in_a_backup_and_its_owner_alone_may_read_it() {
    let house = House::new().await;
    house.tell_everywhere(day(0)).await;
    let made = house.back_up("b", day(0)).unwrap();
    assert_eq!(made.bytes, files_below(&made.place).iter().map(|f| f.metadata().unwrap().len()).sum::<u64>());
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&made.place), 0o700);
    files_below(&made.place).iter().for_each(|file| assert_eq!(mode(file), 0o600, "{}", file.display()));
    let mut keys = 0;
    for file in files_below(&house.folder.path().join("keys/days")) {
        for record in std::fs::read(file).unwrap().as_chunks::<40>().0 {
            assert!(holding(&made.place, &record[4..36]).is_empty());
            keys += 1;
        }
    }
    assert!(keys >= 2, "the server's and the backup's own");
    let key = std::fs::read_to_string(house.folder.path().join("keys/backup.key")).unwrap();
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&key[at * 2..at * 2 + 2], 16).unwrap()).collect();
    assert!(
        holding(&made.place, &bytes).is_empty() && holding(&made.place, key.trim().as_bytes()).is_empty()
    );
}

#[tokio::test]
async fn a_silent_inverters_values_go_each_with_its_day() {
    let house = House::new().await;
    let mut state = InverterState::default();
    told(&mut state, Quantity::BATTERY_VOLTAGE, day(0));
    told(&mut state, Quantity::LOAD, day(10));
    let states = [(INVERTER, state.to_snapshot())];
    house.state.commit_snapshots(&states, &[], &[], Position::START, day(10)).await.unwrap();
    house.back_up("b", day(12)).unwrap();
    house.copy_keys("copy", day(12));
    let place = |name: &str| house.folder.path().join(name);
    let known = async |now: UtcMs| {
        let (folder, _) = restored(&place("b"), &place("copy"), now, Missing::Refuse).unwrap();
        let again = House::open(folder).await;
        let states = again.state.load_snapshots().await.unwrap().states;
        let state = InverterState::from_snapshot(&states.first()?.1).unwrap();
        Some(state.latest.iter().map(|known| known.quantity).collect::<BTreeSet<_>>())
    };
    let both = BTreeSet::from([Quantity::BATTERY_VOLTAGE, Quantity::LOAD]);
    assert_eq!(known(day(12)).await, Some(both));
    assert_eq!(known(day(31)).await, Some(BTreeSet::from([Quantity::LOAD])), "the first day lapsed");
    assert_eq!(known(day(41)).await, Some(BTreeSet::new()), "it is known, and nothing of what it said");
    assert_eq!(known(day(43)).await, None, "the day of the backup lapsed");
}

/// A server in small: journals, applies, saves, seals, merges without a pause.
async fn run(house: &House, stop: &AtomicBool, committed: &AtomicU64) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let at = START.plus_ms(i64::try_from(number).unwrap() * 60_000);
        let position = house.journal(report(number, at, "x"), at);
        committed.store(number, Ordering::SeqCst);
        house.history.append(INVERTER, &[reading(number, at, "x")], position);
        if number % 7 == 0 {
            house.history.checkpoint(position).unwrap();
            house.state.commit_snapshots(&[], &[], &[], position, at).await.unwrap();
        }
        if number % 23 == 0 {
            house.history.seal_all().unwrap();
        }
        if number % 101 == 0 {
            house.history.merge_due(at).unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_beside_a_busy_server_hold_each_committed_reading_exactly_once() {
    let house = Arc::new(House::new().await);
    let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writing = {
        let (house, stop, committed) = (Arc::clone(&house), Arc::clone(&stop), Arc::clone(&committed));
        tokio::spawn(async move { run(&house, &stop, &committed).await })
    };
    let mut backups = Vec::new();
    for round in 0..12_u64 {
        while committed.load(Ordering::SeqCst) < 40 * (round + 1) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let before = committed.load(Ordering::SeqCst);
        let busy = Arc::clone(&house);
        let made = tokio::task::spawn_blocking(move || busy.back_up(&format!("b{round}"), day(1)).unwrap());
        backups.push((made.await.unwrap(), before));
    }
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    house.copy_keys("copy", day(1));
    let mut waited = 0;
    for (made, before) in backups {
        assert!(made.held.as_millis() < 2_000);
        let copy = house.folder.path().join("copy");
        let (folder, done) = restored(&made.place, &copy, day(1), Missing::Refuse).unwrap();
        waited += done.entries;
        let again = House::open(folder).await;
        // As the pipeline does after a kill.
        let snapshots = again.state.load_snapshots().await.unwrap();
        let mut last = snapshots.position;
        for (position, entry) in entries(again.folder.path(), snapshots.position) {
            let Body::Report { inverter, payload } = entry.body else { panic!("{entry:?}") };
            let told = wire::report::decode(&payload).unwrap().readings.remove(0);
            again.history.append(
                inverter,
                &[reading(told.sequence.unwrap(), told.time.unwrap(), "x")],
                position,
            );
            last = position;
        }
        let found = readings(&again.history, day(3));
        let up_to = found.len() as u64;
        assert!(up_to >= before, "{up_to} of {before} that were committed before");
        assert_eq!(found, (1..=up_to).collect::<Vec<_>>(), "each once");
        assert_eq!(last.batch, up_to, "one batch each");
        assert_eq!(again.journal(report(0, day(1), "x"), day(1)).batch, up_to + 1, "numbers go on");
    }
    assert!(waited > 0, "some of it stood in the journal");
}

#[tokio::test]
async fn a_day_that_is_deleted_meanwhile_and_two_at_once_do_no_harm() {
    let house = House::new().await;
    house.tell_everywhere(day(0)).await;
    // In the last hour of its thirty days: it would be gone before the backup is whole.
    let last = START.plus_ms(31 * DAY_MS - 60_000);
    let made = house.back_up("late", last).unwrap();
    assert_eq!(made.days, 1, "only today's, of the alarm that is active: {made:?}");
    let held = std::fs::File::open(house.folder.path().join("data/history")).unwrap();
    held.try_lock().unwrap();
    assert!(matches!(house.back_up("other", day(0)), Err(BackupError::Busy(_))));
    drop(held);
    house.back_up("other", day(0)).unwrap();
}
