//! History: each reading exactly once, whatever was sealed, merged, restarted or replayed in between; and charts that
//! show what a plain loop over the readings finds.

use std::collections::BTreeSet;

use fleet::{InverterKey, StoredReading};
use proptest::prelude::*;
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, Episode, History, RangeQuery, Span, Spread, Subject};
use wire::time::{DAY_MS, HOUR_MS};
use wire::{BootId, Condition, Flag, Quality, Quantity, Sample, UtcMs};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const INVERTER: InverterKey = InverterKey(3);

pub fn fresh() -> Option<[u8; 32]> {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).ok().map(|()| key)
}

fn keys(folder: &tempfile::TempDir) -> DayKeys {
    DayKeys::at(folder.path().join("keys"), fresh)
}

fn open(folder: &tempfile::TempDir) -> History {
    open_with(folder, Config::default())
}

fn open_with(folder: &tempfile::TempDir, config: Config) -> History {
    History::open(folder.path(), keys(folder), config).unwrap()
}

/// A reading that says its number in its sequence and its value.
fn reading(number: u64, time: i64) -> StoredReading {
    let mut sample = Sample::default();
    sample.quantities.set(Quantity::BATTERY_VOLTAGE, i64::try_from(number).unwrap());
    sample.quantities.set(Quantity::LOAD, 40);
    sample.flags.set(Flag::BatteryPower, number % 100 < 10);
    StoredReading {
        time: UtcMs(time),
        quality: Quality::Synchronised,
        reported_time: None,
        // Without a boot nothing is recognised as sent twice: what is kept twice shows.
        boot: None,
        sequence: Some(number),
        sample,
    }
}

fn at(batch: u64) -> Position {
    Position { batch, index: 0 }
}

fn raw(history: &History, inverter: InverterKey, from: i64, to: i64) -> Vec<StoredReading> {
    history.raw(inverter, UtcMs(from), UtcMs(to), UtcMs(to)).unwrap().map(Result::unwrap).collect()
}

fn query(quantities: &[Quantity], from: i64, to: i64, points: usize) -> RangeQuery {
    RangeQuery {
        inverter: INVERTER,
        quantities: quantities.to_vec(),
        from: UtcMs(from),
        to: UtcMs(to),
        points,
    }
}

/// Two days of readings each ten seconds, with an hour's gap, taken in hour by hour.
fn two_days(history: &History) -> Vec<StoredReading> {
    let times = (0..2 * 8_640).map(|n| START + n * 10_000);
    let times = times.filter(|time| !(START + 5 * HOUR_MS..START + 6 * HOUR_MS).contains(time));
    let all: Vec<_> = (0..).zip(times).map(|(number, time)| reading(number, time)).collect();
    for (batch, part) in (1..).zip(all.chunks(360)) {
        history.append(INVERTER, part, at(batch));
    }
    all
}

#[test]
fn a_chart_shows_the_same_from_memory_hour_chunks_and_day_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    let all = two_days(&history);
    let end = START + 2 * DAY_MS;
    let both = [Quantity::BATTERY_VOLTAGE, Quantity::INPUT_VOLTAGE];
    let asked = |points| query(&both, START + 1_000, end, points);
    let look = |points| history.range(&asked(points), UtcMs(end)).unwrap();
    let known = |points| history.range_in_memory(&asked(points), UtcMs(end)).unwrap();
    let (fine, coarse) = (look(1_000), look(50));
    assert_eq!(history.seal_all().unwrap(), 47);
    assert_eq!((look(1_000), look(50)), (fine.clone(), coarse.clone()), "hour chunks");
    assert_eq!(history.merge_due(UtcMs(end + 2 * HOUR_MS)).unwrap(), 2);
    assert_eq!(known(50), None, "nobody has looked at the day chunks yet");
    assert_eq!((look(1_000), look(50)), (fine.clone(), coarse.clone()), "day chunks");
    assert_eq!((known(1_000), known(50)), (None, Some(coarse.clone())), "narrow buckets need the readings");
    assert_eq!((look(1_000), look(50)), (fine.clone(), coarse.clone()), "day chunks from memory");
    assert_eq!(raw(&history, INVERTER, START, end), all);
    let later = [reading(1, end - 2_000), reading(2, end - 1_000)];
    history.append(INVERTER, &later, at(1_000));
    assert_eq!(known(50), Some(look(50)), "with what is open");
    assert_ne!(known(50), Some(coarse.clone()));

    assert_eq!(fine.step_ms, 172_799);
    assert_eq!(
        fine.gaps,
        [Span { from: UtcMs(START + 5 * HOUR_MS - 10_000), to: UtcMs(START + 6 * HOUR_MS) }]
    );
    let breaks = fine.series[0].values.iter().filter(|value| value.is_none()).count();
    assert_eq!(breaks, 1, "one break for one gap");
    assert!(fine.times.len() <= 1_000 && fine.times.is_sorted());
    assert!(fine.series[1].values.iter().all(Option::is_none), "never reported");
    let second = fine.series[0].values[1].unwrap();
    assert_eq!(second, Spread { min: 0.18, mean: 0.26, max: 0.34 }, "readings 18 to 34 of 0.01 V");
    assert_eq!(coarse.step_ms, 3_600_000);
    assert_eq!(coarse.times[0], UtcMs(START + 300_000));
    let on_battery = |range: &store::history::Range| {
        range.episodes.iter().filter(|e| e.subject == Subject::Flag(Flag::BatteryPower)).count()
    };
    assert_eq!((on_battery(&fine), on_battery(&coarse)), (170, 170));
    assert_eq!(fine.episodes[0].span, Span { from: UtcMs(START + 1_000), to: UtcMs(START + 100_000) });
}

#[test]
fn the_last_cell_is_counted_whole_wherever_its_readings_are() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    let minute = |number: i64| START + number * 60_000;
    // The chart ends at minute 61, within the cell of the minutes 60 to 64; the next cell is none of its.
    history.append(INVERTER, &[reading(1, minute(62)), reading(2, minute(65))], at(1));
    let look =
        || history.range(&query(&[Quantity::BATTERY_VOLTAGE], minute(0), minute(61), 1), UtcMs(minute(70)));
    let open = look().unwrap();
    assert_eq!(open.series[0].values, [Some(Spread { min: 0.01, mean: 0.01, max: 0.01 })]);
    history.seal_all().unwrap();
    assert_eq!(look().unwrap(), open, "read from the disk");
    assert_eq!(look().unwrap(), open, "from memory");
}

#[test]
fn the_future_is_no_gap_and_thirty_days_are_the_most() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    history.append(INVERTER, &[reading(1, START), reading(2, START + 10_000)], at(1));
    let now = UtcMs(START + 15_000);
    let range = history.range(&query(&[], START - 60 * DAY_MS, START + DAY_MS, 100), now).unwrap();
    let first = now.plus_ms(-30 * DAY_MS);
    assert_eq!(range.gaps, [Span { from: first, to: UtcMs(START) }]);
    let late = UtcMs(START + 30 * DAY_MS + 5_000);
    assert_eq!(
        history.raw(INVERTER, UtcMs(0), late, late).unwrap().count(),
        1,
        "the first is older than 30 days"
    );
    let empty = history.range(&query(&[Quantity::LOAD], 10, 10, 5), now).unwrap();
    assert_eq!((empty.times.len(), empty.series.len()), (0, 1));
}

#[test]
fn conditions_become_episodes() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    let all: Vec<_> = (0_u64..)
        .zip((0..60).map(|n| START + n * 10_000))
        .map(|(number, time)| {
            let mut reading = reading(99, time);
            reading.sequence = Some(number);
            reading.sample.conditions.set(Condition::OVERLOAD, (20..30).contains(&number));
            reading
        })
        .collect();
    history.append(INVERTER, &all, at(1));
    let range = history.range(&query(&[], START, START + HOUR_MS, 100), UtcMs(START + HOUR_MS)).unwrap();
    let span = Span { from: UtcMs(START + 200_000), to: UtcMs(START + 300_000) };
    assert_eq!(range.episodes, [Episode { subject: Subject::Condition(Condition::OVERLOAD), span }]);
}

#[test]
fn hours_are_sealed_by_the_clock_late_data_after_waiting_and_the_largest_over_budget() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    let hour = |n: i64| START + n * HOUR_MS;
    history.append(INVERTER, &[reading(1, hour(0)), reading(2, hour(1))], at(1));
    assert_eq!(history.seal_due(UtcMs(hour(1) + 1)).unwrap(), 0, "grace");
    assert_eq!(history.seal_due(UtcMs(hour(1) + 301_000)).unwrap(), 1);
    history.append(INVERTER, &[reading(3, hour(0) + 5)], at(2));
    assert_eq!(history.seal_due(UtcMs(hour(1) + 400_000)).unwrap(), 0, "late data waits");
    assert_eq!(history.seal_due(UtcMs(hour(1) + 1_001_000)).unwrap(), 1);
    assert_eq!(history.seal_due(UtcMs(hour(2) + 301_000)).unwrap(), 1);
    assert_eq!(history.open_bytes(), 0);
    assert_eq!(raw(&history, INVERTER, START, hour(5)).len(), 3);

    let folder = tempfile::tempdir().unwrap();
    let config = Config { memory_budget_bytes: 20_000, ..Config::default() };
    let history = open_with(&folder, config);
    for inverter in 0..30 {
        history.append(InverterKey(inverter), &[reading(1, hour(0))], at(u64::from(inverter) + 1));
    }
    assert!(history.seal_due(UtcMs(hour(0) + 1)).unwrap() > 5);
    assert!(history.open_bytes() <= 20_000);
}

#[test]
fn days_older_than_thirty_are_unlinked_with_what_lies_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    for day in 0..3_u8 {
        history.append(
            INVERTER,
            &[reading(day.into(), START + i64::from(day) * DAY_MS)],
            at(u64::from(day) + 1),
        );
    }
    history.seal_all().unwrap();
    let end_of_second = UtcMs(START + 2 * DAY_MS);
    assert_eq!(history.sweep(end_of_second.plus_ms(30 * DAY_MS - 1)).unwrap(), 1);
    assert_eq!(history.sweep(end_of_second.plus_ms(30 * DAY_MS)).unwrap(), 1);
    let files: BTreeSet<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("2026"))
        .map(|name| name[..10].to_owned())
        .collect();
    assert_eq!(files, BTreeSet::from(["2026-01-03".to_owned()]));
}

#[test]
fn what_a_gateway_sends_twice_is_kept_once_in_raw_readings() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    let numbered = |number, time| StoredReading { boot: Some(BootId([1; 16])), ..reading(number, time) };
    history.append(INVERTER, &[numbered(1, START), numbered(2, START + 1)], at(1));
    history.seal_all().unwrap();
    history.append(INVERTER, &[numbered(1, START), numbered(3, START + 2)], at(2));
    assert_eq!(raw(&history, INVERTER, START, START + DAY_MS).len(), 3);
    assert_eq!(history.merge_due(UtcMs(START + 2 * DAY_MS)).unwrap(), 1);
    assert_eq!(raw(&history, INVERTER, START, START + DAY_MS).len(), 3);
    assert_eq!(history.merge_due(UtcMs(START + 2 * DAY_MS)).unwrap(), 0, "nothing is left to merge");
}

#[test]
fn a_damaged_chunk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    two_days(&history);
    history.seal_all().unwrap();
    let file = folder.path().join("2026-01-01.sqlite");
    let changed = rusqlite::Connection::open(file)
        .unwrap()
        .execute("UPDATE chunks SET content = CAST(x'01000000' || content AS BLOB) WHERE hour = 2", ())
        .unwrap();
    assert_eq!(changed, 1);
    let error = history
        .raw(INVERTER, UtcMs(START), UtcMs(START + DAY_MS), UtcMs(START))
        .unwrap()
        .find_map(Result::err)
        .unwrap();
    assert!(error.to_string().contains("inverter 3, hour 2"), "{error}");
}

/// What happens to history between two looks.
#[derive(Clone, Debug)]
enum Step {
    /// A journal entry with these readings: minutes since the start, for one of two inverters.
    Entry(bool, Vec<i64>),
    /// History is checkpointed and the pipeline's state stands there too.
    Snapshot,
    /// History is checkpointed, and the state is not: a kill may fall between.
    Checkpoint,
    SealAll,
    /// The clock goes on by so many minutes and due chunks are sealed.
    Clock(i64),
    Merge,
    /// The process is gone; the pipeline replays what came after its snapshot.
    Kill,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), prop::collection::vec(0..3_000_i64, 1..8)).prop_map(|(other, at)| Step::Entry(other, at)),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::SealAll),
        2 => (0..300_i64).prop_map(Step::Clock),
        1 => Just(Step::Merge),
        2 => Just(Step::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn each_reading_is_there_exactly_once(steps in prop::collection::vec(any_step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut history = open(&folder);
        let mut journal: Vec<(InverterKey, Vec<StoredReading>, Position)> = Vec::new();
        let (mut snapshot, mut clock, mut number) = (Position::START, START, 0);
        let end = START + 3 * DAY_MS;
        for step in steps {
            let newest = at(journal.len() as u64);
            match step {
                Step::Entry(other, minutes) => {
                    let inverter = InverterKey(if other { 4 } else { 3 });
                    let readings: Vec<_> = minutes.into_iter().map(|minute| {
                        number += 1;
                        reading(number, START + minute * 60_000)
                    }).collect();
                    let position = at(journal.len() as u64 + 1);
                    history.append(inverter, &readings, position);
                    journal.push((inverter, readings, position));
                }
                Step::Snapshot => {
                    history.checkpoint(newest).unwrap();
                    snapshot = newest;
                }
                Step::Checkpoint => history.checkpoint(newest).unwrap(),
                Step::SealAll => drop(history.seal_all().unwrap()),
                Step::Clock(minutes) => {
                    clock += minutes * 60_000;
                    history.seal_due(UtcMs(clock)).unwrap();
                }
                Step::Merge => drop(history.merge_due(UtcMs(end)).unwrap()),
                Step::Kill => {
                    history = open(&folder);
                    prop_assert!(history.durable_through() >= snapshot);
                    for (inverter, readings, position) in &journal {
                        if *position > snapshot {
                            history.append(*inverter, readings, *position);
                        }
                    }
                }
            }
            for inverter in [InverterKey(3), InverterKey(4)] {
                let mut expected: Vec<_> = journal.iter().filter(|(of, ..)| *of == inverter)
                    .flat_map(|(_, readings, _)| readings.clone()).collect();
                expected.sort_by_key(|reading| (reading.time, reading.sequence));
                prop_assert_eq!(raw(&history, inverter, START, end), expected);
            }
        }
    }

    #[test]
    fn a_chart_agrees_with_a_plain_loop(
        minutes in prop::collection::vec(0..2_800_i64, 1..60), seals in prop::collection::vec(any::<bool>(), 60),
        from in -100..2_000_i64, width in 1..2_000_i64, points in 1..200_usize, merge: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let history = open(&folder);
        let mut all = Vec::new();
        for (number, (minute, seal)) in (1..).zip(minutes.iter().zip(&seals)) {
            all.push(reading(number, START + minute * 60_000));
            history.append(INVERTER, &all[all.len() - 1..], at(number));
            if *seal {
                history.seal_all().unwrap();
            }
        }
        if merge {
            history.merge_due(UtcMs(START + 5 * DAY_MS)).unwrap();
        }
        let (from, to) = (START + from * 60_000, START + (from + width) * 60_000);
        let asked = query(&[Quantity::LOAD, Quantity::BATTERY_VOLTAGE], from, to, points);
        let range = history.range(&asked, UtcMs(START + 5 * DAY_MS)).unwrap();
        prop_assert!(range.times.is_sorted());
        let broken = range.times.iter().zip(&range.series[0].values).filter(|(_, v)| v.is_none()).count();
        prop_assert!(range.times.len() - broken <= points);
        let coarse = range.step_ms >= 1_800_000;
        let first = if coarse { (from + 299_999) / 300_000 * 300_000 } else { from };
        let bucket = |time: i64| (time - first).div_euclid(range.step_ms);
        let mut seen = 0;
        for (row, time) in range.times.iter().enumerate() {
            let within = |r: &&StoredReading| {
                // Cells are counted whole.
                let t = if coarse { r.time.0 / 300_000 * 300_000 } else { r.time.0 };
                (first..to).contains(&t) && bucket(t) == bucket(time.0)
            };
            let values: Vec<i64> = all.iter().filter(within)
                .filter_map(|r| r.sample.quantities.value(Quantity::BATTERY_VOLTAGE)).collect();
            seen += values.len();
            match range.series[1].values[row] {
                None => prop_assert!(values.is_empty()),
                Some(spread) => {
                    let scaled = |v: &i64| Quantity::BATTERY_VOLTAGE.to_f64(*v);
                    prop_assert_eq!(Some(spread.min), values.iter().min().map(scaled));
                    prop_assert_eq!(Some(spread.max), values.iter().max().map(scaled));
                    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                    let mean = values.iter().sum::<i64>() as f64 / values.len() as f64 / 100.0;
                    prop_assert!((spread.mean - mean).abs() < 0.000_51);
                }
            }
        }
        let in_reach = all.iter().filter(|r| {
            let t = if coarse { r.time.0 / 300_000 * 300_000 } else { r.time.0 };
            (first..to).contains(&t)
        });
        prop_assert_eq!(seen, in_reach.count());
    }
}

/// All files below a folder with what is in them.
fn files_below(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}

#[test]
fn a_sealed_reading_stands_nowhere_in_clear_and_its_key_goes_with_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    let marker = "MARKER-7f3a91c2".to_owned();
    let marked: Vec<_> = (0..50)
        .map(|number| {
            let mut reading = reading(number, START + i64::try_from(number).unwrap() * 10_000);
            reading.sample.unknown = vec![marker.clone()];
            reading
        })
        .collect();
    history.append(INVERTER, &marked, at(1));
    history.checkpoint(at(1)).unwrap();
    let shows = |what: &[u8]| -> Vec<String> {
        let all = files_below(folder.path());
        let with = all.into_iter().filter(|(_, bytes)| bytes.windows(what.len()).any(|w| w == what));
        with.map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(shows(marker.as_bytes()), ["open.sqlite-wal"], "the test looks in the right place");
    history.seal_all().unwrap();
    history.sweep(UtcMs(START + DAY_MS)).unwrap();
    assert_eq!(shows(marker.as_bytes()), [""; 0], "sealed, and the open chunk's row overwritten");
    history.merge_due(UtcMs(START + 2 * DAY_MS)).unwrap();
    history.sweep(UtcMs(START + 29 * DAY_MS)).unwrap();
    assert_eq!(shows(marker.as_bytes()), [""; 0], "merged");
    // With the key it is there.
    assert_eq!(raw(&history, INVERTER, START, START + DAY_MS), marked);
    let (key, day) = (folder.path().join("keys/2026-01-01.key"), folder.path().join("2026-01-01.sqlite"));
    assert!(key.exists() && day.exists());
    history.sweep(UtcMs(START + 31 * DAY_MS)).unwrap();
    assert!(!key.exists() && !day.exists());
    assert_eq!(shows(marker.as_bytes()), [""; 0]);
}

#[test]
fn what_is_open_of_a_day_that_is_over_is_dropped_and_not_sealed_again() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    history.append(INVERTER, &[reading(1, START)], at(1));
    history.append(INVERTER, &[reading(2, START + 31 * DAY_MS)], at(2));
    history.checkpoint(at(2)).unwrap();
    history.sweep(UtcMs(START + 31 * DAY_MS + 1)).unwrap();
    assert_eq!(history.seal_all().unwrap(), 1);
    drop(history);
    let history = open(&folder);
    assert_eq!(history.open_bytes(), 0);
    assert!(!folder.path().join("keys/2026-01-01.key").exists());
    assert_eq!(raw(&history, INVERTER, START + 31 * DAY_MS, START + 32 * DAY_MS).len(), 1);
}

#[test]
fn a_day_whose_key_is_lost_is_a_gap_on_the_chart_and_the_operator_is_told_which_file() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(&folder);
    two_days(&history);
    history.seal_all().unwrap();
    drop(history);
    let key = folder.path().join("keys/2026-01-01.key");
    let copy = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let history = open(&folder);
    let first_day = START.div_euclid(DAY_MS);
    assert_eq!(history.without_key(), [first_day]);
    let end = START + 2 * DAY_MS;
    let chart = history.range(&query(&[Quantity::LOAD], START, end, 1_000), UtcMs(end)).unwrap();
    let second = Span { from: UtcMs(START), to: UtcMs(START + DAY_MS) };
    assert_eq!(chart.gaps, [second]);
    assert!(chart.series[0].values.iter().any(Option::is_some), "the second day is there");
    let error = history.raw(INVERTER, UtcMs(START), UtcMs(end), UtcMs(end)).err().unwrap().to_string();
    assert!(error.contains("2026-01-01.key") && error.contains("copy"), "{error}");
    assert_eq!(history.merge_due(UtcMs(end + 2 * HOUR_MS)).err().map(|error| error.to_string()), Some(error));
    // A reading that comes late makes a key of its own; the lost one is still told of.
    history.append(INVERTER, &[reading(1, START + 1)], at(5_000));
    history.seal_all().unwrap();
    assert_eq!(history.without_key(), [first_day]);
    let since = std::fs::read(&key).unwrap();
    std::fs::write(&key, [since, copy].concat()).unwrap();
    assert_eq!(history.without_key(), [0; 0]);
    assert_eq!(history.merge_due(UtcMs(end + 2 * HOUR_MS)).unwrap(), 1);
    assert_eq!(raw(&history, INVERTER, START, end).len(), 2 * 8_640 - 360 + 1);
}
