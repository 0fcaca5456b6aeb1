//! Thirty days, byte for byte: nothing that was told stands in any file of the stores after that, in clear or to be opened.
//!
//! Proof that this can fail: take `secure_delete` or the emptying of the WAL out of `state::connect`, or the destroying of
//! keys out of `Days::sweep`, or a line out of the registry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fleet::audit::Verb;
use fleet::{InverterKey, StoredReading};
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, History};
use store::retention::{Goes, Kind, PLACES, of_file};
use store::state::{Act, By, EventRow, NewQuarantined, StateStore};
use wire::time::DAY_MS;
use wire::{Quantity, Sample, UtcMs};

use crate::history::fresh;

/// 2026-01-01T00:00:00Z, and an hour of that day.
const START: UtcMs = UtcMs(1_767_225_600_000);
const INVERTER: InverterKey = InverterKey(3);
/// No other bytes are like it.
const MARKER: &str = "AR=MARKER-7f3a91c2";

struct Stores {
    folder: tempfile::TempDir,
    state: StateStore,
    history: History,
}

impl Stores {
    async fn open(folder: tempfile::TempDir) -> Self {
        let state = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
        let keys = DayKeys::at(folder.path().join("keys/days"), fresh);
        let history = History::open(&folder.path().join("history"), keys, Config::default()).unwrap();
        Self { folder, state, history }
    }

    async fn again(self) -> Self {
        let Self { folder, state, history } = self;
        state.close().await.unwrap();
        drop(history);
        Self::open(folder).await
    }

    async fn tell(&self, day: i64) {
        let at = START.plus_ms(day * DAY_MS + 3_600_000);
        let batch = u64::try_from(day).unwrap() + 1;
        let reading = |number: i64| {
            let mut sample = Sample { unknown: vec![MARKER.to_owned()], ..Sample::default() };
            sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_000 + number);
            StoredReading { time: at.plus_ms(number * 10_000), sample, ..StoredReading::default() }
        };
        let readings: Vec<_> = (0..100).map(reading).collect();
        self.history.append(INVERTER, &readings, Position { batch, index: 0 });
        self.history.checkpoint(Position { batch, index: 0 }).unwrap();
        // Many, so that pages are split and filled anew.
        let event = |number: i64| EventRow {
            inverter: INVERTER,
            key: format!("{day}/{number}"),
            kind: "raised".to_owned(),
            condition: None,
            occurred_at: at.plus_ms(number),
            received_at: at.plus_ms(number),
            late: false,
            detail: format!("{MARKER} {}", "x".repeat(usize::try_from(number % 90).unwrap())),
        };
        self.state.commit_events(&(0..500).map(event).collect::<Vec<_>>()).await.unwrap();
        let report = NewQuarantined {
            key: format!("{day}"),
            inverter: INVERTER,
            received_at: at,
            reason: MARKER.to_owned(),
            payload: MARKER.repeat(2_000).into_bytes(),
        };
        self.state.quarantine(&[report]).await.unwrap();
    }

    async fn sweep(&self, now: UtcMs) {
        self.history.seal_all().unwrap();
        self.history.merge_due(now).unwrap();
        self.history.sweep(now).unwrap();
        self.state.sweep(now).await.unwrap();
    }

    /// Files in which the marker stands as it was told, by their names.
    fn shown(&self) -> BTreeSet<String> {
        let holds = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
        };
        let files = files_below(self.folder.path());
        files.into_iter().filter(holds).map(|path| self.name(&path)).collect()
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.folder.path()).unwrap().to_str().unwrap().to_owned()
    }

    fn readings(&self, now: UtcMs) -> usize {
        let all = self.history.raw(INVERTER, START, now, now).unwrap();
        all.filter(|reading| reading.as_ref().is_ok_and(|r| r.sample.unknown == [MARKER])).count()
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn day(day: i64) -> UtcMs {
    START.plus_ms(day * DAY_MS + DAY_MS / 2)
}

#[tokio::test]
async fn what_was_told_is_there_on_day_29_and_nowhere_byte_for_byte_after_day_30() {
    let stores = Stores::open(tempfile::tempdir().unwrap()).await;
    stores.tell(0).await;
    let shown = stores.shown();
    assert!(shown.contains("history/open.sqlite-wal") && shown.contains("state.sqlite-wal"), "{shown:?}");
    stores.sweep(day(1)).await;
    assert_eq!(stores.shown(), BTreeSet::from(["state.sqlite".to_owned()]), "readings are sealed");
    let stores = stores.again().await;
    stores.sweep(day(29)).await;
    assert_eq!(stores.readings(day(29)), 100, "with the key they are there");
    assert_eq!(stores.shown(), BTreeSet::from(["state.sqlite".to_owned()]));
    let (file, key) = ("history/2026-01-01.sqlite", "keys/days/2026-01-01.key");
    let at = |name: &str| stores.folder.path().join(name);
    // A copy that somebody made of the day, and of its key: together they open it, the copy of the data alone never again.
    let copies = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(copies.path().join("history")).unwrap();
    std::fs::copy(at(file), copies.path().join(file)).unwrap();
    let of_copy = |keys: PathBuf| {
        let keys = DayKeys::at(keys, fresh);
        let history = History::open(&copies.path().join("history"), keys, Config::default()).unwrap();
        let raw = history.raw(INVERTER, START, day(1), day(1));
        raw.map(Iterator::count).map_err(|error| error.to_string())
    };
    assert_eq!(of_copy(at("keys/days")), Ok(100));
    // Thirty days after it happened what happened is gone; readings can be seen no more, and their day is not over yet.
    stores.sweep(START.plus_ms(30 * DAY_MS + 7_200_000)).await;
    assert_eq!(stores.shown(), BTreeSet::new());
    assert_eq!(stores.readings(START.plus_ms(30 * DAY_MS + 7_200_000)), 0);
    let stores = stores.again().await;
    stores.sweep(day(31)).await;
    assert_eq!(stores.shown(), BTreeSet::new());
    assert!(!stores.folder.path().join(file).exists() && !stores.folder.path().join(key).exists());
    let refused = of_copy(stores.folder.path().join("keys/days")).unwrap_err();
    assert!(refused.contains("2026-01-01.key"), "{refused}");
}

#[tokio::test]
async fn days_come_and_go_and_none_leaves_a_trace() {
    let mut stores = Stores::open(tempfile::tempdir().unwrap()).await;
    for number in 0..4 {
        stores.tell(number).await;
        stores.sweep(day(number)).await;
        if number == 2 {
            stores = stores.again().await;
        }
    }
    stores.sweep(day(5)).await;
    for number in 0..4 {
        stores.sweep(day(number + 31)).await;
        let left = usize::try_from(3 - number).unwrap();
        assert_eq!(files_below(&stores.folder.path().join("keys")).len(), left);
        // What happened goes thirty days after it did, so one day sooner than the day of its readings.
        assert_eq!(stores.shown().is_empty(), number >= 2, "{number}");
    }
    assert_eq!(stores.shown(), BTreeSet::new());
}

/// ASVS 5.0: 14.2.4, 16.2.3.
#[tokio::test]
async fn every_table_of_the_schema_is_in_the_registry_and_every_file_of_the_stores() {
    let stores = Stores::open(tempfile::tempdir().unwrap()).await;
    stores.tell(0).await;
    stores.history.seal_all().unwrap();
    let file = stores.folder.path().join("state.sqlite");
    let connection = rusqlite::Connection::open(&file).unwrap();
    let mut query = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: BTreeSet<String> =
        query.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let places = PLACES.iter().filter(|place| place.kind == Kind::Table);
    let registered: BTreeSet<String> = places.clone().map(|place| place.name.to_owned()).collect();
    assert_eq!(tables, registered, "say in store::retention what it holds and how that goes");
    assert_eq!(registered.len(), places.count(), "each once");
    for path in files_below(stores.folder.path()) {
        let name = stores.name(&path);
        assert!(of_file(&name).is_some(), "{name}: say in store::retention what it holds and how that goes");
    }
    for place in PLACES {
        if let Goes::Otherwise(how) = place.goes {
            assert!(!how.is_empty(), "{}", place.name);
        }
    }
}

#[tokio::test]
async fn an_operator_confirms_the_clock_and_that_is_in_the_log() {
    let stores = Stores::open(tempfile::tempdir().unwrap()).await;
    assert_eq!(stores.state.kept_clock().await.unwrap(), None);
    stores.state.keep_clock(day(0)).await.unwrap();
    let stores = stores.again().await;
    assert_eq!(stores.state.kept_clock().await.unwrap(), Some(day(0)));
    let act = Act::new(Verb::ClockConfirm, By::CommandLine, day(40), [9; 32]);
    stores.state.confirm_clock(&act).await.unwrap();
    assert_eq!(stores.state.kept_clock().await.unwrap(), Some(day(40)));
    let query = store::state::AuditQuery::newest(store::state::Whose::Everybody, 1);
    assert_eq!(stores.state.audit_acts(&query).await.unwrap()[0].name, "clock.confirm");
}
