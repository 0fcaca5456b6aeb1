//! Button presses and self-tests: counters in every frame become events once (decision 19).
//!
//! In: each observation of the right inverter. Out: an event where a counter changed. The first frame after any start
//! sets the baseline; it is a press only if its age says that nobody can have told it before.

use wire::{Event, EventKind, Observation, Report, TestResult};

use crate::state::Seen;

/// A press older than this at the first frame is history: pairing windows are ten minutes.
pub const FRESH_PRESS_MS: u64 = 10 * 60_000;

/// An event to be kept, undated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: EventKind,
    /// How long before this frame it began, milliseconds, where the kind has a beginning to date (a test's start).
    pub age_ms: Option<u64>,
}

/// What changed since `seen`, which is brought up to date.
pub fn changes(seen: &mut Seen, observation: &Observation) -> Vec<Change> {
    let mut changes = Vec::new();
    changes.extend(button(seen, observation));
    changes.extend(test(seen, observation));
    changes
}

fn button(seen: &mut Seen, observation: &Observation) -> Option<Change> {
    let button = observation.button?;
    let now = (observation.boot, button.count);
    let before = seen.button.replace(now);
    let pressed = match before {
        Some(before) if before == now => false,
        // The same boot counts on.
        Some((boot, _)) if boot == observation.boot && button.count > 0 => true,
        // First frame, or the inverter restarted.
        _ => button.count > 0 && button.age_ms <= FRESH_PRESS_MS,
    };
    pressed.then_some(Change {
        kind: EventKind::Button { boot: observation.boot, count: button.count, age_ms: button.age_ms },
        age_ms: None,
    })
}

fn test(seen: &mut Seen, observation: &Observation) -> Option<Change> {
    let test = observation.test.as_ref()?;
    let now = (test.count, test.kind.name().to_owned(), test.result.name().to_owned());
    let before = seen.test.replace(now.clone());
    if before.as_ref() == Some(&now) || (before.is_none() && test.result == TestResult::None) {
        return None;
    }
    let age_ms = match (test.started, test.started_uptime_ms, observation.uptime_ms) {
        (None, Some(started), Some(uptime)) => uptime.checked_sub(started),
        _ => None,
    };
    Some(Change {
        kind: EventKind::Test {
            count: test.count,
            test: test.kind.clone(),
            result: test.result.clone(),
            started: test.started,
            length_s: test.length_s,
            end_voltage: test.end_voltage,
        },
        age_ms,
    })
}

/// The body of a spool record: the age (`u64::MAX`: none), then the event as a report.
#[must_use]
pub fn to_body(change: Change) -> Vec<u8> {
    let mut body = change.age_ms.unwrap_or(u64::MAX).to_le_bytes().to_vec();
    let event = Event { sequence: None, uptime_ms: None, time: None, kind: change.kind };
    wire::report::cbor::encode(&Report { events: vec![event], ..Report::default() }, &mut body);
    body
}

/// The same back.
#[must_use]
pub fn from_body(body: &[u8]) -> Option<Change> {
    let (age, report) = body.split_first_chunk::<8>()?;
    let age_ms = Some(u64::from_le_bytes(*age)).filter(|age| *age != u64::MAX);
    let event = wire::report::cbor::decode(report).ok()?.events.pop()?;
    Some(Change { kind: event.kind, age_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Button, SelfTest, TestKind};

    fn pressed(boot: u64, count: u64, age_ms: u64) -> Observation {
        Observation { boot: Some(boot), button: Some(Button { count, age_ms }), ..Observation::default() }
    }

    #[test]
    fn a_press_is_an_event_once() {
        let mut seen = Seen::default();
        let mut events = |observation| changes(&mut seen, &observation).len();
        assert_eq!(events(pressed(1, 0, 0)), 0, "the baseline");
        assert_eq!(events(pressed(1, 1, 50)), 1);
        assert_eq!(events(pressed(1, 1, 1050)), 0);
        assert_eq!(events(pressed(1, 3, 10)), 1, "two presses between frames are one event with the count");
        assert_eq!(events(pressed(2, 0, 0)), 0, "the inverter restarted");
        assert_eq!(events(pressed(3, 1, 500)), 1, "restarted and pressed");
        assert_eq!(events(pressed(4, 1, FRESH_PRESS_MS + 1)), 0, "restarted and pressed long ago");
    }

    #[test]
    fn the_first_frame_is_a_press_only_if_it_is_fresh() {
        assert_eq!(changes(&mut Seen::default(), &pressed(1, 5, FRESH_PRESS_MS)).len(), 1);
        assert_eq!(changes(&mut Seen::default(), &pressed(1, 5, FRESH_PRESS_MS + 1)).len(), 0);
        // Known from before the restart: told already.
        let mut seen = Seen { button: Some((Some(1), 5)), test: None };
        assert_eq!(changes(&mut seen, &pressed(1, 5, 100)).len(), 0);
        assert_eq!(
            changes(&mut seen, &pressed(1, 6, FRESH_PRESS_MS * 2)).len(),
            1,
            "pressed while we were away"
        );
    }

    #[test]
    fn a_test_is_told_when_it_starts_and_when_it_ends() {
        let test = |result| Observation {
            uptime_ms: Some(90_000),
            test: Some(SelfTest {
                count: 4,
                kind: TestKind::Monthly,
                result,
                started: None,
                started_uptime_ms: Some(60_000),
                length_s: Some(30),
                end_voltage: Some(12_290),
            }),
            ..Observation::default()
        };
        let mut seen = Seen::default();
        assert!(changes(&mut seen, &test(TestResult::None)).is_empty());
        let started = changes(&mut seen, &test(TestResult::InProgress));
        assert_eq!(started[0].age_ms, Some(30_000));
        assert!(changes(&mut seen, &test(TestResult::InProgress)).is_empty());
        let ended = changes(&mut seen, &test(TestResult::Passed));
        assert_eq!(from_body(&to_body(ended[0].clone())), Some(ended[0].clone()));
    }
}
