//! The spool by itself: any crash point, order, bound, what goes first when it is full.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gateway::dating::Clock;
use gateway::spool::record::{Kind, Loss};
use gateway::spool::{Intervals, Settings, Spool};
use proptest::prelude::*;
use wire::{BootId, Quality, Quantity, Reading, Report, Sample, UtcMs};

const LIMIT: u64 = 64 * 1024 * 1024;

fn open(folder: &Path, boot: u8, limit_bytes: u64, done: Intervals) -> Spool {
    let clock = Clock { wall_at_zero: UtcMs(1_767_225_600_000), quality: Quality::Aged };
    let settings =
        Settings { folder: folder.to_owned(), limit_bytes, boot: BootId([boot; 16]), kernel: [9; 16], clock };
    Spool::open(settings, done, 0).unwrap()
}

/// A reading whose LOAD is `number`, with the number of quantities that performance.md counts on.
/// What reading `number` of [`fill`] says.
pub fn sample(number: u64) -> Sample {
    let mut sample = Sample::default();
    for quantity in Quantity::all().take(30) {
        sample.quantities.set(quantity, 12_000 + i64::from(quantity.code()) * 77);
    }
    sample.quantities.set(Quantity::LOAD, i64::try_from(number).unwrap());
    sample
}

fn reading(number: u64) -> Vec<u8> {
    let sample = sample(number);
    let mut body = Vec::new();
    let readings = vec![Reading { sample, ..Reading::default() }];
    wire::report::cbor::encode(&Report { readings, ..Report::default() }, &mut body);
    body
}

/// A spool as an earlier start leaves it: `count` readings.
pub fn fill(folder: &Path, limit_bytes: u64, count: u64) {
    let mut spool = open(folder, 1, limit_bytes, Intervals::default());
    for number in 0..count {
        spool.append(Kind::Reading, number * 10, reading(number)).unwrap();
    }
}

/// All pending records: boot, ordinal, kind, body.
fn all(spool: &Spool) -> Vec<(BootId, u64, Kind, Vec<u8>)> {
    let (mut cursor, mut all) = (spool.start(), Vec::new());
    spool.read(&mut cursor, spool.next_ordinal(), |boot, record| {
        all.push((boot, record.ordinal, record.kind, record.body.clone()));
        ControlFlow::Continue(())
    });
    assert_eq!(cursor.next, spool.next_ordinal());
    all
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn on_disk(folder: &Path) -> u64 {
    files(folder).iter().map(|file| std::fs::metadata(file).unwrap().len().next_multiple_of(4096)).sum()
}

#[derive(Clone, Debug)]
enum Step {
    Reading(usize),
    Event(usize),
    Send(usize),
    Acknowledge,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..600).prop_map(Step::Reading),
        2 => (0_usize..100).prop_map(Step::Event),
        2 => (1_usize..40).prop_map(Step::Send),
        2 => Just(Step::Acknowledge),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: what was appended and not acknowledged is there, in order, once.
    #[test]
    fn nothing_is_lost_and_nothing_is_out_of_order(steps in proptest::collection::vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let mut boot = 1;
        let mut spool = open(folder.path(), boot, LIMIT, Intervals::default());
        let mut model: Vec<(BootId, u64, Kind, Vec<u8>)> = Vec::new();
        let mut cursor = spool.start();
        let mut sent: Vec<(u64, u64, u64)> = Vec::new();
        for (at, step) in steps.into_iter().enumerate() {
            let id = BootId([boot; 16]);
            match step {
                Step::Reading(length) | Step::Event(length) => {
                    let kind = if matches!(step, Step::Reading(_)) { Kind::Reading } else { Kind::Event };
                    let body = vec![u8::try_from(at % 256).unwrap(); length];
                    let ordinal = spool.append(kind, at as u64, body.clone()).unwrap();
                    model.push((id, ordinal, kind, body));
                }
                Step::Send(count) => {
                    let (first, mut records) = (cursor.next, 0);
                    spool.read(&mut cursor, spool.next_ordinal(), |_, _| {
                        if records == count as u64 { return ControlFlow::Break(()); }
                        records += 1;
                        ControlFlow::Continue(())
                    });
                    if records > 0 { sent.push((first, cursor.next - 1, records)); }
                }
                Step::Acknowledge => if !sent.is_empty() {
                    let (first, last, records) = sent.remove(0);
                    spool.acknowledge(first, last, records).unwrap();
                    model.retain(|(_, ordinal, ..)| !(first..=last).contains(ordinal));
                },
                Step::Reopen => {
                    let done = spool.done().clone();
                    drop(spool);
                    boot += 1;
                    spool = open(folder.path(), boot, LIMIT, done);
                    (cursor, sent) = (spool.start(), Vec::new());
                }
            }
            prop_assert_eq!(spool.pending(), model.len() as u64);
        }
        prop_assert_eq!(all(&spool), model);
    }

    /// Any cut and any flipped byte of any file: every record that is whole is still there, once and in order, and
    /// what is missing is a gap.
    #[test]
    fn any_crash_point_costs_only_what_is_torn(
        lengths in proptest::collection::vec((0_usize..300, proptest::bool::weighted(0.1)), 1..80),
        file in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), cut: bool, flip in 1_u8..
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), 1, LIMIT, Intervals::default());
        let mut model = Vec::new();
        for (at, (length, event)) in lengths.into_iter().enumerate() {
            let kind = if event { Kind::Event } else { Kind::Reading };
            let body = vec![u8::try_from(at % 256).unwrap(); length];
            let ordinal = spool.append(kind, at as u64, body.clone()).unwrap();
            model.push((BootId([1; 16]), ordinal, kind, body));
        }
        drop(spool);
        let files = files(folder.path());
        let file = file.get(&files);
        let mut bytes = std::fs::read(file).unwrap();
        let at = place.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
        std::fs::write(file, &bytes).unwrap();

        let spool = open(folder.path(), 2, LIMIT, Intervals::default());
        let found = all(&spool);
        let old: Vec<_> = found.iter().filter(|(boot, ..)| *boot == BootId([1; 16])).cloned().collect();
        prop_assert!(old.iter().all(|record| model.contains(record)), "nothing invented");
        prop_assert!(old.windows(2).all(|pair| pair[0].1 < pair[1].1));
        let whole = model.iter().filter(|record| old.contains(record)).count();
        let lost = model.len() - whole;
        if !cut {
            prop_assert!(lost <= 1, "one flipped byte costs one record at most, not {}", lost);
        }
        let gaps: Vec<Loss> = found.iter().filter(|(_, _, kind, _)| *kind == Kind::Gap)
            .map(|(.., body)| Loss::from_body(body).unwrap()).collect();
        if lost == 1 && !cut {
            let missing = model.iter().find(|record| !old.contains(record)).unwrap().1;
            prop_assert_eq!(gaps.len(), 1);
            prop_assert!(gaps[0].first <= missing && missing <= gaps[0].last, "{:?} {}", gaps, missing);
        }
        // New numbers never repeat old ones.
        let highest = model.last().unwrap().1;
        prop_assert!(found.iter().filter(|(boot, ..)| *boot != BootId([1; 16])).all(|(_, n, ..)| *n > highest || cut));
    }
}

#[test]
fn a_full_spool_drops_the_oldest_readings_keeps_every_event_and_tells_the_gap() {
    let (folder, limit) = (tempfile::tempdir().unwrap(), 512 * 1024);
    let mut spool = open(folder.path(), 1, limit, Intervals::default());
    let (mut events, mut readings) = (Vec::new(), Vec::new());
    for number in 0..10_000_u64 {
        if number % 50 == 0 {
            events.push(spool.append(Kind::Event, number, vec![1; 60]).unwrap());
        }
        readings.push(spool.append(Kind::Reading, number, reading(number)).unwrap());
        assert!(on_disk(folder.path()) <= limit, "{} bytes at {number}", on_disk(folder.path()));
    }
    let check = |spool: &Spool| {
        let found = all(spool);
        let of = |kind| found.iter().filter(move |(_, _, k, _)| *k == kind);
        assert_eq!(of(Kind::Event).map(|(_, ordinal, ..)| *ordinal).collect::<Vec<_>>(), events);
        let kept: Vec<u64> = of(Kind::Reading).map(|(_, ordinal, ..)| *ordinal).collect();
        assert_eq!(kept, readings[readings.len() - kept.len()..], "the newest are kept");
        assert!(kept.len() > 1500, "{}", kept.len());
        let gaps: Vec<Loss> = of(Kind::Gap).map(|(.., body)| Loss::from_body(body).unwrap()).collect();
        let lost: u64 = gaps.iter().map(|gap| gap.count).sum();
        assert_eq!(lost as usize, readings.len() - kept.len(), "every lost reading is in one gap");
        assert_eq!(gaps.first().unwrap().first, readings[0]);
        assert_eq!(gaps.last().unwrap().last, readings[readings.len() - kept.len() - 1]);
        let times = gaps[0].from.zip(gaps[0].to).unwrap();
        assert!(times.0.uptime_ms < times.1.uptime_ms && times.0.wall < times.1.wall);
        assert_eq!(spool.pending() as usize, found.len());
    };
    check(&spool);
    drop(spool);
    check(&open(folder.path(), 2, limit, Intervals::default()));
}

#[test]
fn events_alone_may_fill_the_spool_and_then_the_oldest_go_with_a_gap() {
    let (folder, limit) = (tempfile::tempdir().unwrap(), 256 * 1024);
    let mut spool = open(folder.path(), 1, limit, Intervals::default());
    for number in 0..5000 {
        spool.append(Kind::Event, number, vec![2; 80]).unwrap();
        assert!(on_disk(folder.path()) <= limit);
    }
    let found = all(&spool);
    let lost: u64 = found
        .iter()
        .filter(|(_, _, kind, _)| *kind == Kind::Gap)
        .map(|(.., body)| Loss::from_body(body).unwrap().count)
        .sum();
    let kept = found.iter().filter(|(_, _, kind, _)| *kind == Kind::Event).count() as u64;
    assert!(kept > 1000 && lost + kept >= 5000, "{kept} kept, {lost} told as lost");
}

#[test]
fn acknowledged_segments_are_deleted_and_acknowledged_records_are_not_sent_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1, LIMIT, Intervals::default());
    for number in 0..10_000 {
        spool.append(Kind::Reading, number, reading(number)).unwrap();
    }
    let before = files(folder.path()).len();
    spool.acknowledge(1, 9_000, 9_000).unwrap();
    assert!(before >= 7 && files(folder.path()).len() <= 2, "{before} {}", files(folder.path()).len());
    let done = spool.done().clone();
    drop(spool);
    let mut spool = open(folder.path(), 2, LIMIT, done);
    assert_eq!(
        all(&spool).iter().map(|(_, n, ..)| *n).collect::<Vec<_>>(),
        (9_001..=10_000).collect::<Vec<_>>()
    );
    spool.acknowledge(9_001, 10_000, 1_000).unwrap();
    assert_eq!((spool.pending(), files(folder.path()).len()), (0, 0));
    // Without the list of what is acknowledged everything is sent again rather than anything lost.
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1, LIMIT, Intervals::default());
    for number in 0..10 {
        spool.append(Kind::Reading, number, reading(number)).unwrap();
    }
    spool.acknowledge(1, 5, 5).unwrap();
    drop(spool);
    assert_eq!(open(folder.path(), 2, LIMIT, Intervals::default()).pending(), 10);
}
