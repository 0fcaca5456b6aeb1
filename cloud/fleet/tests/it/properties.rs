//! Duplicates, replay and reordering.

use std::collections::BTreeSet;

use fleet::{Applied, InverterState, apply};
use proptest::prelude::*;
use wire::report::EventKind;
use wire::{BootId, Condition, Event, Flag, Quality, Quantity, Reading, Report, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);

fn boot(number: u8) -> BootId {
    BootId([number; 16])
}

/// A numbered reading whose time and content follow from its number: a gateway never gives one number to two.
fn reading(boot_number: u8, sequence: u64, salt: u64) -> Reading {
    let mut reading =
        Reading { sequence: Some(sequence), quality: Quality::Synchronised, ..Reading::default() };
    // Distinct times, so that "newest" has one answer.
    let ms = i64::from(boot_number) * 40_000_000 + i64::try_from(sequence).unwrap() * 7_000;
    reading.time = Some(NOW.plus_ms(ms - 200_000_000));
    let mix = sequence.wrapping_mul(0x9e37_79b9).wrapping_add(salt).rotate_left(7);
    let value = i64::try_from(mix % 1_000).unwrap();
    reading.sample.quantities.set(Quantity::BATTERY_VOLTAGE, value);
    if mix.is_multiple_of(3) {
        reading.sample.quantities.set(Quantity::LOAD, value);
    }
    if !mix.is_multiple_of(5) {
        reading.sample.flags.set(Flag::LinePresent, !mix.is_multiple_of(7));
        reading.sample.flags.set(Flag::BatteryPower, mix.is_multiple_of(7));
        reading.sample.conditions.set(Condition::UTILITY_LOST, mix.is_multiple_of(7));
    }
    reading
}

fn report(boot_number: u8, sequences: &[u64], salt: u64) -> Report {
    let (events, readings): (Vec<u64>, Vec<u64>) = sequences.iter().partition(|s| s.is_multiple_of(11));
    Report {
        boot: Some(boot(boot_number)),
        readings: readings.into_iter().map(|s| reading(boot_number, s, salt)).collect(),
        events: events.into_iter().map(|s| event(boot_number, s)).collect(),
        ..Report::default()
    }
}

fn event(boot_number: u8, sequence: u64) -> Event {
    let kind =
        EventKind::Button { boot: Some(u64::from(boot_number)), count: sequence, age_ms: sequence * 7 };
    Event { sequence: Some(sequence), uptime_ms: None, time: reading(boot_number, sequence, 0).time, kind }
}

fn any_reports() -> impl Strategy<Value = Vec<(u8, Vec<u64>)>> {
    prop::collection::vec((0_u8..3, prop::collection::vec(0_u64..60, 0..8)), 0..30)
}

/// Everything that came of it, in order.
fn run(state: &mut InverterState, reports: &[(u8, Vec<u64>)]) -> Vec<Applied> {
    reports.iter().map(|(boot, sequences)| apply(state, report(*boot, sequences, 0), NOW)).collect()
}

fn stored(applied: &[Applied]) -> Vec<(BootId, u64)> {
    applied.iter().flat_map(|a| &a.stored).map(|r| (r.boot.unwrap(), r.sequence.unwrap())).collect()
}

proptest! {
    #[test]
    fn no_number_is_stored_twice_and_each_new_one_once(reports in any_reports()) {
        let found = stored(&run(&mut InverterState::default(), &reports));
        let sent: BTreeSet<_> = reports
            .iter()
            .flat_map(|(number, sequences)| sequences.iter().map(|s| (boot(*number), *s)))
            .filter(|(_, sequence)| !sequence.is_multiple_of(11))
            .collect();
        let unique: BTreeSet<_> = found.iter().copied().collect();
        prop_assert_eq!(unique.len(), found.len());
        prop_assert_eq!(unique, sent);
    }

    #[test]
    fn the_same_journal_gives_the_same_state_and_effects(reports in any_reports(), cut in 0_usize..30) {
        let mut through = InverterState::default();
        let whole = run(&mut through, &reports);
        // A kill after `cut` reports: the snapshot is loaded and the rest replayed.
        let (before, after) = reports.split_at(cut.min(reports.len()));
        let mut first = InverterState::default();
        let mut pieces = run(&mut first, before);
        let mut second = InverterState::from_snapshot(&first.to_snapshot()).unwrap();
        prop_assert_eq!(&second, &first);
        pieces.extend(run(&mut second, after));
        prop_assert_eq!(pieces, whole);
        prop_assert_eq!(second, through);
    }

    #[test]
    fn repeats_change_counters_only(reports in any_reports()) {
        let mut once = InverterState::default();
        run(&mut once, &reports);
        let mut twice = once.clone();
        let again = run(&mut twice, &reports);
        prop_assert!(again.iter().all(|a| a.stored.is_empty() && a.events.is_empty() && !a.live));
        twice.counters = once.counters;
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn order_of_arrival_changes_neither_values_nor_what_is_stored(
        reports in any_reports(), shuffled in any::<prop::sample::Index>(),
    ) {
        let mut one = InverterState::default();
        let mut first: Vec<_> = stored(&run(&mut one, &reports));
        let mut other = reports.clone();
        other.reverse();
        if !other.is_empty() {
            let at = shuffled.index(other.len());
            other.rotate_left(at);
        }
        let mut two = InverterState::default();
        let mut second = stored(&run(&mut two, &other));
        first.sort_unstable();
        second.sort_unstable();
        prop_assert_eq!(first, second);
        prop_assert_eq!(&one.latest, &two.latest);
        prop_assert_eq!(one.last_reading, two.last_reading);
        for (number, sequence) in (0..3).flat_map(|boot| (0..60).map(move |sequence| (boot, sequence))) {
            let taken = |state: &InverterState| state.seen.contains(boot(number), sequence);
            prop_assert_eq!(taken(&one), taken(&two));
        }
        let levels = |state: &InverterState| -> Vec<_> {
            state.flags.iter().chain(&state.conditions).map(|l| (l.code, l.holds, l.time)).collect()
        };
        prop_assert_eq!(levels(&one), levels(&two));
    }

    #[test]
    fn late_data_never_raises(reports in any_reports()) {
        let mut state = InverterState::default();
        let newest = Report { readings: vec![reading(9, 1, 0)], boot: Some(boot(9)), ..Report::default() };
        apply(&mut state, newest, NOW);
        let (on_battery, last) = (state.on_battery_since, state.last_reading);
        for applied in run(&mut state, &reports) {
            let raised = |e: &fleet::Event| !e.late && !matches!(e.kind, fleet::EventKind::Button { .. });
            prop_assert!(!applied.events.iter().any(raised), "{:?}", applied.events);
        }
        prop_assert_eq!(state.on_battery_since, on_battery);
        prop_assert_eq!(state.last_reading, last);
    }

    #[test]
    fn any_bytes_are_survived_as_a_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = InverterState::from_snapshot(&bytes);
    }
}
