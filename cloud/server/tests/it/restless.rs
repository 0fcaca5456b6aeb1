//! What comes and goes each second for a day: from its readings through the engine and the announcer to what a person gets.

use std::collections::BTreeMap;

use fleet::alarm::{self, UNSTABLE_CLEAR_MS};
use fleet::notice::{Channel, Channels, FOLLOW_UP_MS, Preferences};
use fleet::{EventKind, InverterKey, InverterState, apply};
use server::announcer::Turn;
use store::state::EventRow;
use wire::time::{DAY_MS, HOUR_MS};
use wire::{BootId, Condition, Conditions, Flag, Quality, Reading, Report};

use crate::announcer::{NOW, World, world};

const SECOND_MS: i64 = 1_000;
/// The most that a person may get of one condition at one inverter in a day, its end included.
const MOST: usize = 6;

/// One inverter with its owner, and messages as they are handed over.
struct Restless<'a> {
    world: &'a World,
    inverter: InverterKey,
    state: InverterState,
    told: Vec<(String, String)>,
    looked_until: i64,
}

impl Restless<'_> {
    /// A reading at `ms`, and all that follows from it or was due before it.
    async fn second(&mut self, ms: i64, holds: Option<Condition>) {
        let now = NOW.plus_ms(ms);
        let mut events = Vec::new();
        while let Some(due) = alarm::due(&self.state).filter(|due| *due <= now) {
            events.extend(alarm::pass(&mut self.state, due));
        }
        events.extend(apply(&mut self.state, report(ms, holds), now).events);
        self.take(&events).await;
        if !events.is_empty() {
            self.looked_until = ms + 2 * FOLLOW_UP_MS;
        }
        // The announcer's own clock runs beside it. Longer after the last turn than a follow-up is held nothing can be due.
        if ms < self.looked_until && self.world.store.is_due(now).await.unwrap() {
            self.world.announcer.due(now).await.unwrap();
        }
        if !events.is_empty() || ms % HOUR_MS == 0 {
            self.told.extend(self.world.sent(ms).await);
        }
    }

    async fn take(&self, events: &[fleet::Event]) {
        let turn = |event: &fleet::Event| match &event.kind {
            EventKind::Alarm(turn) => Some(Turn {
                event: EventRow::of(self.inverter, event),
                severity: self.state.rules.severity(&turn.alarm.key),
                turn: turn.clone(),
            }),
            _ => None,
        };
        let turns: Vec<Turn> = events.iter().filter_map(turn).collect();
        if !turns.is_empty() {
            self.world.take(&turns).await;
        }
    }
}

fn report(ms: i64, holds: Option<Condition>) -> Report {
    let mut reading = Reading {
        sequence: u64::try_from(ms / SECOND_MS).ok(),
        time: Some(NOW.plus_ms(ms)),
        quality: Quality::Synchronised,
        ..Reading::default()
    };
    reading.sample.flags.set(Flag::LinePresent, holds != Some(Condition::UTILITY_LOST));
    reading.sample.conditions = Conditions::all_clear();
    if let Some(condition) = holds {
        reading.sample.conditions.set(condition, true);
    }
    Report { boot: Some(BootId([6; 16])), readings: vec![reading], ..Report::default() }
}

/// Who wants to know everything, at a site of one inverter, where nothing is held for others.
async fn a_day_of(condition: Condition) -> BTreeMap<String, Vec<String>> {
    let world = world().await;
    let inverter = world.inverter("hall", None).await;
    for name in ["ann", "bob"] {
        let account = world.account(name).await;
        world.grant(account, inverter).await;
        let email = Channels::of(&[Channel::Email]);
        world
            .prefers(
                account,
                Preferences { critical: email, warning: email, info: email, ..Preferences::default() },
            )
            .await;
    }
    let mut hall = Restless {
        world: &world,
        inverter,
        state: InverterState::default(),
        told: Vec::new(),
        looked_until: 0,
    };
    for second in 0..DAY_MS / SECOND_MS {
        hall.second(second * SECOND_MS, (second % 2 == 0).then_some(condition)).await;
    }
    // Then it is well for good.
    for step in 0..(UNSTABLE_CLEAR_MS + 2 * HOUR_MS) / (10 * SECOND_MS) {
        hall.second(DAY_MS + step * 10 * SECOND_MS, None).await;
    }
    let mut by_person = BTreeMap::<String, Vec<String>>::new();
    for (to, subject) in hall.told {
        by_person.entry(to).or_default().push(subject);
    }
    assert!(!world.store.is_due(wire::UtcMs(i64::MAX)).await.unwrap(), "nothing is held back");
    by_person
}

/// The engine's own tests know the other conditions (`fleet`, `alarms`).
#[tokio::test]
async fn one_hertz_for_a_day_is_at_most_six_messages_a_person_and_the_last_says_that_it_is_over() {
    let by_person = a_day_of(Condition::UTILITY_LOST).await;
    assert_eq!(by_person.len(), 2, "{by_person:?}");
    for (person, subjects) in by_person {
        println!("{person}: {subjects:?}");
        assert!((1..=MOST).contains(&subjects.len()), "{person}: {subjects:?}");
        assert!(subjects.last().is_some_and(|last| last.starts_with("OK: ")), "{subjects:?}");
    }
}
