//! Climbs by a driven clock: whatever people acknowledge, however windows lie, whenever the cloud goes away, each step is told
//! once and in order, never after all is in somebody's hands, never in a window, and never before its wait is over.

use fleet::alarm::{AlarmName, Key};
use fleet::event::Cause;
use fleet::notice::{Ground, Hush, Incident, Joined, LOOK_AGAIN_MS, Ladder, Member, Step, TAKEN_MS};
use fleet::{AccountKey, Condition, InverterKey};
use proptest::prelude::*;
use wire::UtcMs;

const T0: UtcMs = UtcMs(1_800_000_000_000);
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// Waits of the steps, minutes.
const WAITS: [i64; 4] = [0, 5, 0, 10];

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// So many seconds go by.
    Wait(i64),
    /// Everything that is open is acknowledged by one person.
    AcknowledgeAll(i64),
    /// The first that is open is.
    Acknowledge(i64),
    Raise,
    /// From in so many seconds, for so many.
    Window(i64, i64),
    /// Whatever runs is ended early.
    EndWindows,
    /// The cloud is away for so many seconds.
    Restart(i64),
    /// Nobody of the step that comes next can be reached.
    Unreachable,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (1..900_i64).prop_map(Op::Wait),
        1 => (1..4_i64).prop_map(Op::AcknowledgeAll),
        2 => (1..4_i64).prop_map(Op::Acknowledge),
        2 => Just(Op::Raise),
        3 => (0..600_i64, 1..1_200_i64).prop_map(|(from, length)| Op::Window(from, length)),
        1 => Just(Op::EndWindows),
        1 => (1..600_i64).prop_map(Op::Restart),
        1 => Just(Op::Unreachable),
    ]
}

fn ladder() -> Ladder {
    let steps = (1..)
        .zip(WAITS)
        .map(|(account, wait)| Step { wait_ms: wait * MINUTE, people: vec![AccountKey(account)] });
    Ladder::new(steps.collect()).unwrap()
}

/// The world, and an oracle that counts seconds.
struct World {
    now: UtcMs,
    incident: Incident,
    acknowledged: Vec<AlarmName>,
    windows: Vec<(UtcMs, UtcMs)>,
    watched: UtcMs,
    ladder: Ladder,
    /// Steps that were told in this climb.
    told: usize,
    /// Time in which somebody could have answered, since the last of them.
    free_ms: i64,
    /// What may have been counted later than it went by.
    slack_ms: i64,
    unreachable: bool,
    hurried: bool,
    steps: usize,
    words: Vec<AccountKey>,
    takers: Vec<AccountKey>,
}

impl World {
    fn new() -> Self {
        let incident = Incident::new(member(0, T0), true, T0);
        let mut world = Self {
            now: T0,
            incident,
            acknowledged: Vec::new(),
            windows: Vec::new(),
            watched: UtcMs(i64::MIN),
            ladder: ladder(),
            told: 0,
            free_ms: 0,
            slack_ms: LOOK_AGAIN_MS + SECOND,
            unreachable: false,
            hurried: false,
            steps: 0,
            words: Vec::new(),
            takers: Vec::new(),
        };
        world.look();
        world
    }

    fn waits(&self) -> bool {
        self.incident.critical().any(|member| !self.acknowledged.contains(&member.alarm))
    }

    fn runs(&self) -> bool {
        self.windows.iter().any(|(from, to)| *from <= self.now && self.now < *to)
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Wait(seconds) => (0..seconds).for_each(|_| self.second()),
            Op::Acknowledge(by) => {
                let open = self.incident.critical().map(|member| &member.alarm);
                let first =
                    open.filter(|alarm| !self.acknowledged.contains(alarm)).take(1).cloned().collect();
                self.acknowledge(first, by);
            }
            Op::AcknowledgeAll(by) => {
                self.acknowledge(self.incident.critical().map(|member| member.alarm.clone()).collect(), by);
            }
            Op::Raise => {
                let number = u32::try_from(self.incident.members().len()).unwrap();
                let joined = self.incident.raised(&member(number, self.now), self.now);
                assert!(matches!(joined, Joined::Yes | Joined::No));
            }
            Op::Window(from, length) => {
                let from = self.now.plus_ms(from * SECOND);
                self.windows.push((from, from.plus_ms(length * SECOND)));
            }
            Op::EndWindows => {
                let now = self.now;
                self.windows
                    .iter_mut()
                    .filter(|(from, to)| *from <= now && now < *to)
                    .for_each(|window| window.1 = now);
            }
            Op::Restart(seconds) => {
                self.now = self.now.plus_ms(seconds * SECOND);
                self.incident = Incident::from_bytes(&self.incident.to_bytes()).unwrap();
                self.watched = self.now;
                self.slack_ms += LOOK_AGAIN_MS;
            }
            Op::Unreachable => self.unreachable = true,
        }
        self.look();
    }

    fn acknowledge(&mut self, alarms: Vec<AlarmName>, by: i64) {
        for alarm in alarms {
            if !self.acknowledged.contains(&alarm) {
                self.acknowledged.push(alarm);
                self.incident.taken(AccountKey(by), self.now);
                if !self.takers.contains(&AccountKey(by)) {
                    self.takers.push(AccountKey(by));
                }
                // As the turn of an alarm does: it is looked at at once.
                self.escalate();
            }
        }
    }

    fn second(&mut self) {
        if self.waits() && !self.runs() {
            self.free_ms += SECOND;
        }
        self.now = self.now.plus_ms(SECOND);
        self.look();
    }

    /// As the announcer: when it is due, and then all of it.
    fn look(&mut self) {
        if self.incident.due().is_some_and(|due| due <= self.now) {
            self.incident.pass(self.now);
            self.escalate();
            assert!(self.incident.due().is_none_or(|due| due > self.now), "looked at, and not due any more");
        }
    }

    fn escalate(&mut self) {
        let hush = Hush::of(self.windows.iter().copied());
        let waits = self.waits();
        let ladder = self.ladder.clone();
        let ground = Ground { ladder: &ladder, hush: &hush, waits, watched: self.watched };
        if self.incident.climbing().is_none() {
            (self.told, self.free_ms, self.hurried) = (0, 0, false);
        }
        while let Some(step) = self.incident.climb(&ground, self.now) {
            assert!(waits, "after all was acknowledged");
            assert!(!self.runs(), "in a window");
            assert_eq!(step, self.told, "in order, and once");
            let wait_ms = WAITS[step] * MINUTE;
            if !self.hurried {
                assert!(self.free_ms >= wait_ms, "{} ms of {wait_ms}", self.free_ms);
            }
            assert!(self.free_ms <= wait_ms + self.slack_ms, "{} ms of {wait_ms}", self.free_ms);
            (self.told, self.free_ms, self.slack_ms) = (step + 1, 0, LOOK_AGAIN_MS + SECOND);
            self.hurried = std::mem::take(&mut self.unreachable);
            if self.hurried {
                self.incident.nobody_reached();
            }
            self.steps += 1;
        }
        let words = self.incident.takers(waits, self.now);
        self.words.extend(words);
    }
}

fn member(number: u32, at: UtcMs) -> Member {
    let alarm = AlarmName {
        key: Key::of(Condition::CHARGER_FAULT),
        cause: Cause::default(),
        since: at.plus_ms(number.into()),
    };
    Incident::member(InverterKey(number), alarm, Condition::CHARGER_FAULT.definition().severity, at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn each_step_once_in_order_never_acknowledged_never_in_a_window(ops in prop::collection::vec(op(), 1..40)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        // Left alone, it climbs to its top; and whoever took something was told of once.
        (0..3 * 3_600).for_each(|_| world.second());
        if world.waits() {
            prop_assert_eq!(world.told, WAITS.len());
        }
        prop_assert_eq!(world.incident.due(), None);
        let mut words = world.words.clone();
        words.sort();
        world.takers.sort();
        prop_assert_eq!(words, world.takers);
    }
}

#[test]
fn word_waits_for_the_rest_of_it_and_not_when_nothing_is_left() {
    let mut world = World::new();
    for _ in 0..9 {
        world.apply(Op::Raise);
    }
    (0..301).for_each(|_| world.second());
    assert_eq!(world.incident.critical().count(), 10);
    for _ in 0..9 {
        world.apply(Op::Acknowledge(1));
        world.apply(Op::Wait(1));
    }
    assert_eq!(world.words, []);
    world.apply(Op::Acknowledge(1));
    assert_eq!(world.words, [AccountKey(1)], "at once: nothing is left");
    world.apply(Op::Raise);
    world.apply(Op::Wait(400));
    world.apply(Op::Acknowledge(1));
    assert_eq!(world.words.len(), 1, "said once");
    let mut world = World::new();
    world.apply(Op::Raise);
    world.apply(Op::Wait(301));
    world.apply(Op::Acknowledge(2));
    world.apply(Op::Wait(TAKEN_MS / SECOND - 1));
    assert_eq!(world.words, []);
    world.apply(Op::Wait(1));
    assert_eq!(world.words, [AccountKey(2)], "somebody has a part of it");
}
