//! The calendar of tests: what stands in each month, and that nothing is called missed that nobody could know of.

use fleet::compliance::{Annual, Apart, Cell, Last, Month, View, Watched, view};
use fleet::record::{Outage, Record};
use fleet::self_test::{EN_50172, Found, Kind, NFPA_101, Reason, RuleSet, SeenBy, Standing};
use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

fn at(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).unwrap()
}

/// Noon of a day of UTC.
fn day(text: &str) -> UtcMs {
    at(&format!("{text}T12:00:00Z"))
}

fn found(kind: Kind, started: UtcMs, length_s: f32) -> Found {
    Found {
        kind,
        seen_by: SeenBy::Telemetry,
        started,
        length_s,
        interrupted: false,
        gave_up: false,
        charged: Some(true),
        above_cutoff_v: None,
        load: None,
        own: None,
        at_cutoff: false,
    }
}

fn monthly(day_of: &str) -> Record {
    Record::Test(found(Kind::Monthly, day(day_of), 30.0))
}

fn failed(day_of: &str) -> Record {
    Record::Test(Found { gave_up: true, ..found(Kind::Monthly, day(day_of), 11.0) })
}

fn annual(day_of: &str) -> Record {
    Record::Test(found(Kind::Annual, day(day_of), 5_400.0))
}

/// One inverter with a logbook, watched since the first day of 2025, heard until now.
struct Case<'a> {
    rules: &'a RuleSet,
    since: UtcMs,
    kept_from: UtcMs,
    heard_until: Option<UtcMs>,
    last: Last,
    now: UtcMs,
    zone_h: i64,
}

impl Case<'_> {
    fn new(now: &str) -> Self {
        let now = day(now);
        Self {
            rules: &NFPA_101,
            since: at("2025-01-01T00:00:00Z"),
            kept_from: UtcMs(0),
            heard_until: Some(now),
            last: Last::default(),
            now,
            zone_h: 0,
        }
    }

    fn view(&self, records: &[Record], months: u8) -> View {
        let zone_ms = self.zone_h * HOUR_MS;
        let wall = move |at: UtcMs| at.plus_ms(zone_ms).0.div_euclid(60_000);
        let watched = Watched {
            rules: self.rules,
            required_s: 5_400.0,
            since: self.since,
            kept_from: self.kept_from,
            heard_until: self.heard_until,
            last: self.last,
            now: self.now,
            wall: &wall,
        };
        view(&watched, records, Month::of(self.now, &wall), months)
    }

    fn cells(&self, records: &[Record], months: u8) -> Vec<Cell> {
        self.view(records, months).months.iter().map(|month| month.cell).collect()
    }
}

#[test]
fn a_year_of_tests_is_twelve_passes() {
    let case = Case::new("2026-11-17");
    let days = (0..13).map(|back| day("2026-11-03").plus_ms(-30 * DAY_MS * back));
    let records: Vec<Record> = days.map(|at| Record::Test(found(Kind::Monthly, at, 30.0))).collect();
    let view = case.view(&records, 12);
    assert_eq!(view.months.len(), 12);
    assert_eq!(view.months[0].month, Month::new(2025, 12).unwrap());
    for month in &view.months {
        // Thirty days are less than a month: two of them may stand in one.
        assert_eq!(month.cell, Cell::Passed, "{:?}", month.month);
        let proof = &view.tests[month.proof.unwrap()];
        assert_eq!(Month::of(proof.started(), &|at| at.0 / 60_000), month.month);
    }
    assert_eq!(view.monthly, Standing::Done { next: day("2026-12-03") });
    assert!(view.tests.iter().all(|test| test.apart.is_none()));
}

#[test]
fn a_month_between_two_tests_thirty_days_apart_lacks_nothing() {
    let case = Case::new("2026-04-20");
    let records =
        [monthly("2025-12-30"), monthly("2026-01-30"), monthly("2026-03-01"), monthly("2026-03-31")];
    let cells = case.cells(&records, 5);
    assert_eq!(cells[1..4], [Cell::Passed, Cell::NoneDue, Cell::Passed]);
    // The next was due on April 30, and may wait until May 5.
    assert_eq!(cells[4], Cell::Later { from: day("2026-04-30") });
}

#[test]
fn five_weeks_without_a_test_are_a_miss_and_the_late_one_says_so() {
    let case = Case::new("2026-06-20");
    let records = [monthly("2026-01-10"), monthly("2026-04-10"), monthly("2026-05-10")];
    let view = case.view(&records, 6);
    let cells: Vec<Cell> = view.months.iter().map(|month| month.cell).collect();
    assert_eq!(cells[..3], [Cell::Passed, Cell::Missed, Cell::Missed]);
    assert_eq!(cells[3..5], [Cell::Passed, Cell::Passed]);
    assert_eq!(cells[5], Cell::Missed, "five weeks after May 10 were over on June 14");
    assert_eq!(view.tests[1].apart, Some(Apart::TooFar(90)));
    assert!(view.months[3].apart && !view.months[4].apart);
    assert_eq!(view.monthly, Standing::Missed { since: day("2026-06-14") });
    let due = Case::new("2026-06-12").cells(&records, 1);
    assert_eq!(due, [Cell::Due { by: day("2026-06-14") }]);
}

#[test]
fn tests_too_near_each_other_are_marked_but_a_retest_is_not() {
    let case = Case::new("2026-03-20");
    let records = [monthly("2026-01-05"), monthly("2026-01-20"), failed("2026-03-03"), monthly("2026-03-06")];
    let view = case.view(&records, 3);
    assert_eq!(view.tests[1].apart, Some(Apart::TooNear(15)));
    assert_eq!(view.tests[3].apart, Some(Apart::TooFar(45)), "since the last that counted");
    assert_eq!(view.months[2].cell, Cell::Retested);
    assert_eq!(view.months[2].proof, Some(3));
    let european = Case { rules: &EN_50172, ..Case::new("2026-03-20") };
    assert_eq!(european.view(&records, 3).tests[1].apart, None, "EN 50172 has no least distance");
    // The long test has its own date.
    let beside = case.view(&[monthly("2026-02-01"), annual("2026-03-01"), monthly("2026-03-03")], 2);
    assert!(beside.tests.iter().all(|test| test.apart.is_none()));
}

#[test]
fn what_failed_or_was_cut_short_stands_in_its_month() {
    let case = Case::new("2026-03-20");
    let cut = Record::Test(Found { interrupted: true, ..found(Kind::Monthly, day("2026-02-05"), 12.0) });
    let empty = Record::Test(Found { charged: Some(false), ..found(Kind::Monthly, day("2026-01-05"), 30.0) });
    let cells = case.cells(&[empty, cut.clone(), failed("2026-03-03")], 3);
    assert_eq!(
        cells,
        [Cell::Remark(Reason::NotCharged), Cell::Incomplete(Reason::Outage), Cell::Failed(Reason::GaveUp)]
    );
    // Done again in the same month, it is done.
    let again = case.cells(&[cut, monthly("2026-02-06"), monthly("2026-03-03"), failed("2026-03-04")], 2);
    assert_eq!(again, [Cell::Passed, Cell::Failed(Reason::GaveUp)]);
}

#[test]
fn what_nobody_can_know_is_never_called_missed() {
    let new = Case { since: day("2026-09-20"), ..Case::new("2026-11-17") };
    let cells = new.cells(&[], 4);
    assert_eq!(cells, [Cell::NotWatched, Cell::NoneDue, Cell::Missed, Cell::Missed]);
    // Without a logbook, thirty days are kept.
    let now = day("2026-11-17");
    let short = Case { kept_from: now.plus_ms(-30 * DAY_MS), ..Case::new("2026-11-17") };
    let cells = short.cells(&[monthly("2026-10-25")], 3);
    assert_eq!(cells, [Cell::NotKept, Cell::Passed, Cell::Later { from: day("2026-11-24") }]);
    assert_eq!(short.cells(&[], 3), [Cell::NotKept, Cell::NotKept, Cell::Due { by: day("2026-11-22") }]);
    assert_eq!(short.view(&[], 3).annual, Annual::NotKept);
    // The days of the last tests outlive their records.
    let last = Last { monthly: Some(day("2026-10-05")), annual: Some(day("2026-03-14")) };
    let known = Case { last, ..short };
    assert_eq!(known.cells(&[], 2), [Cell::NotKept, Cell::Missed], "five weeks after October 5");
    let annual = known.view(&[], 2).annual;
    assert_eq!(annual, Annual::Done { at: day("2026-03-14"), proof: None, by: day("2027-03-14") });
    // Not heard of since September.
    let silent = Case { heard_until: Some(day("2026-09-30")), ..Case::new("2026-11-17") };
    let cells = silent.cells(&[monthly("2026-09-05")], 3);
    assert_eq!(cells, [Cell::Passed, Cell::NotHeard, Cell::NotHeard]);
    let never = Case { heard_until: None, ..Case::new("2026-11-17") };
    assert_eq!(never.cells(&[], 1), [Cell::NotHeard]);
}

#[test]
fn the_long_test_has_a_year_and_a_failed_one_is_not_forgotten() {
    let case = Case::new("2026-11-17");
    let of = |records: &[Record]| case.view(records, 12).annual;
    assert_eq!(
        of(&[annual("2026-03-14")]),
        Annual::Done { at: day("2026-03-14"), proof: Some(0), by: day("2027-03-14") }
    );
    let last = Some(day("2025-11-21"));
    assert_eq!(of(&[annual("2025-11-21")]), Annual::Due { by: day("2026-11-21"), last });
    assert!(matches!(of(&[annual("2025-11-10")]), Annual::Missed { last: Some(_), .. }));
    assert!(matches!(of(&[]), Annual::Missed { last: None, .. }), "watched for more than a year");
    let gave_up = Record::Test(Found { gave_up: true, ..found(Kind::Annual, day("2026-10-01"), 3_700.0) });
    let expect = Annual::Failed { at: day("2026-10-01"), reason: Reason::GaveUp, proof: 1 };
    assert_eq!(of(&[annual("2026-03-14"), gave_up.clone()]), expect);
    assert!(matches!(of(&[gave_up.clone(), annual("2026-10-20")]), Annual::Done { .. }));
    // The retest was cut short, or is too short for a long one: the failure is open still.
    let cut = Record::Test(Found { interrupted: true, ..found(Kind::Annual, day("2026-10-03"), 900.0) });
    let by_hand = Record::Test(found(Kind::Manual, day("2026-10-04"), 2_700.0));
    assert_eq!(of(&[annual("2026-03-14"), gave_up, cut, by_hand]), expect);
    // One of that length fails as a long one whoever started it, a short one does not.
    let hand =
        |length_s| Record::Test(Found { gave_up: true, ..found(Kind::Manual, day("2026-10-01"), length_s) });
    assert_eq!(of(&[annual("2026-03-14"), hand(3_600.0)]), expect);
    assert!(matches!(of(&[annual("2026-03-14"), hand(20.0)]), Annual::Done { .. }));
    let young = Case { since: day("2026-10-01"), ..Case::new("2026-11-17") };
    assert_eq!(young.view(&[], 2).annual, Annual::NotYet { by: day("2027-10-01") });
}

#[test]
fn a_test_at_the_sites_midnight_is_in_the_month_on_the_wall() {
    let minute = |text: &str| Record::Test(found(Kind::Monthly, at(text), 30.0));
    // New Year's Eve in Chicago and in Auckland; the same instants are elsewhere in UTC.
    let records = [minute("2026-01-01T05:59:30Z"), minute("2026-02-01T06:00:00Z")];
    let chicago = Case { zone_h: -6, ..Case::new("2026-02-20") };
    assert_eq!(chicago.cells(&records, 3), [Cell::Passed, Cell::NoneDue, Cell::Passed]);
    let utc = Case::new("2026-02-20");
    assert_eq!(utc.cells(&records, 3)[1..], [Cell::Passed, Cell::Passed]);
    let auckland = Case { zone_h: 13, ..Case::new("2026-02-20") };
    let eve = [minute("2025-12-31T10:59:59Z"), minute("2025-12-31T11:00:00Z")];
    let view = auckland.view(&eve, 3);
    assert_eq!((view.months[0].cell, view.months[1].cell), (Cell::Passed, Cell::Passed));
}

#[test]
fn power_failures_are_counted_where_they_began() {
    let outage = |day_of: &str| {
        Record::Outage(Outage {
            started: day(day_of),
            length_s: 600.0,
            gave_up: false,
            lowest_v: Some(118.0),
            load: None,
            predicted: None,
            recharged: None,
            contact_lost: false,
            end_unseen: false,
        })
    };
    let view =
        Case::new("2026-03-20").view(&[outage("2026-02-28"), outage("2026-03-01"), outage("2026-03-02")], 3);
    let counts: Vec<usize> = view.months.iter().map(|month| month.outages).collect();
    assert_eq!((counts, view.outages.len()), (vec![0, 1, 2], 3));
}

#[test]
fn due_dates_are_counted_from_the_newest_test_that_counted_and_was_of_that_kind() {
    let case = Case::new("2026-11-17");
    let (old, new) = (annual("2025-03-02"), annual("2026-02-20"));
    // A short test after the long one moves the short one's date alone, a failed one moves none.
    let view = case.view(&[old.clone(), new.clone(), monthly("2026-11-01"), failed("2026-11-10")], 12);
    assert_eq!(view.monthly, Standing::Done { next: day("2026-12-01") });
    let Annual::Done { at, proof, by } = view.annual else { panic!("{:?}", view.annual) };
    assert_eq!((at, by), (day("2026-02-20"), day("2026-02-20").plus_ms(NFPA_101.annual_ms)));
    assert_eq!(view.tests[proof.unwrap()].started(), at);
    // Short tests alone never stand for a long one.
    let view = case.view(&[monthly("2026-10-05"), monthly("2026-11-03")], 12);
    assert!(matches!(view.annual, Annual::Missed { last: None, .. }), "{:?}", view.annual);
    // What is known of though its record is gone counts like the others.
    let gone =
        Case { last: Last { monthly: None, annual: Some(day("2026-05-04")) }, ..Case::new("2026-11-17") };
    let Annual::Done { at, .. } = gone.view(&[old, new], 12).annual else { panic!("the newest is of May") };
    assert_eq!(at, day("2026-05-04"));
}
