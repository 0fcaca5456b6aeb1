//! What happened to an inverter, once each.
//!
//! In: transitions and events that `apply` finds. Out: [`Event`] with a deterministic key, so that replaying the
//! journal makes the same rows and repeats are dropped (decision 8). Never decides who is told.

use wire::{BootId, UtcMs};

use crate::alarm::{AlarmTurn, Turned};
use crate::condition::Condition;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened, repaired.
    pub time: UtcMs,
    /// When the cloud received the record that told of it.
    pub received_at: UtcMs,
    /// The record that told of it.
    pub cause: Cause,
    /// Told of by late data: history only, nobody is paged (decision 3).
    pub late: bool,
    /// What happened.
    pub kind: EventKind,
}

/// The record that told of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// The gateway's start.
    pub boot: Option<BootId>,
    /// The record's number within it.
    pub sequence: Option<u64>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An alarm took a turn in its life.
    Alarm(AlarmTurn),
    /// Late data tells that a condition of the inverter's own began to hold then, or ended: no alarm now.
    Was {
        /// Which.
        condition: Condition,
        /// It began.
        holds: bool,
    },
    /// The load went over to the battery.
    OnBattery,
    /// The load came back from the battery.
    OffBattery {
        /// When it had gone over.
        since: UtcMs,
    },
    /// The cabinet button was pressed.
    Button {
        /// The inverter's boot counter.
        boot: Option<u64>,
        /// Presses since that boot.
        count: u64,
    },
    /// A self-test began, ended or changed its result.
    Test(TestRecord),
    /// The gateway's spool lost records.
    Gap {
        /// How many.
        count: u64,
        /// Time of the first, as well as known.
        from: Option<UtcMs>,
        /// Time of the last, as well as known.
        to: Option<UtcMs>,
    },
    /// The gateway's serial stream named another inverter.
    WrongInverter {
        /// The name it gave, at most 32 characters.
        found: String,
    },
    /// A record claimed to be more than five minutes in the future, or from before there was this program; it was dated
    /// by its arrival or its age.
    ClockJump {
        /// What it claimed.
        reported: UtcMs,
    },
    /// A kind that this version does not know, by name.
    Other(String),
}

/// A self-test as last told.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TestRecord {
    /// The inverter's test counter.
    #[n(0)]
    pub count: u64,
    /// `monthly`, `annual`, `manual`, or the raw text of another kind.
    #[n(1)]
    pub kind: String,
    /// `none`, `in_progress`, `passed`, `warning`, `failed`, `aborted`, or raw text.
    #[n(2)]
    pub result: String,
    /// Start, as well as known.
    #[n(3)]
    pub started: Option<UtcMs>,
    /// Length so far or in all, seconds.
    #[n(4)]
    pub length_s: Option<u64>,
    /// Battery voltage at the end, scaled as [`wire::Quantity::BATTERY_VOLTAGE`].
    #[n(5)]
    pub end_voltage: Option<wire::Scaled>,
    /// When the cloud last heard of it.
    #[n(6)]
    pub told: UtcMs,
}

impl TestRecord {
    /// Whether it is running.
    #[must_use]
    pub fn in_progress(&self) -> bool {
        self.result == wire::TestResult::InProgress.name()
    }
}

impl Event {
    /// The same for the same record, however often it is applied: names the row.
    ///
    /// Records that carry no number are named by their time.
    #[must_use]
    pub fn key(&self) -> String {
        let what = self.kind.name();
        if let EventKind::Alarm(AlarmTurn { alarm, what: turned }) = &self.kind {
            return match turned {
                // Once in an alarm's life.
                Turned::Raised { .. }
                | Turned::Unstable
                | Turned::Cleared { .. }
                | Turned::Acknowledged { .. } => {
                    format!("{what}/{alarm}")
                }
                Turned::Returned | Turned::Shelved { .. } | Turned::Unshelved { .. } => {
                    format!("{what}/{alarm}/{}", self.received_at.0)
                }
            };
        }
        let object = self.kind.condition().map_or("", Condition::name);
        match (self.cause.boot, self.cause.sequence) {
            (Some(boot), Some(sequence)) => format!("{what}/{object}/{boot}/{sequence}"),
            _ => format!("{what}/{object}/{}/{}", self.time.0, self.received_at.0),
        }
    }
}

impl EventKind {
    /// Short stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Alarm(turn) => turn.what.name(),
            Self::Was { holds: true, .. } => "was_raised",
            Self::Was { holds: false, .. } => "was_cleared",
            Self::OnBattery => "on_battery",
            Self::OffBattery { .. } => "off_battery",
            Self::Button { .. } => "button",
            Self::Test(_) => "test",
            Self::Gap { .. } => "gap",
            Self::WrongInverter { .. } => "wrong_inverter",
            Self::ClockJump { .. } => "clock_jump",
            Self::Other(_) => "other",
        }
    }

    /// The condition it is about, if one.
    #[must_use]
    pub const fn condition(&self) -> Option<Condition> {
        match self {
            Self::Alarm(turn) => Some(turn.alarm.key.condition),
            Self::Was { condition, .. } => Some(*condition),
            Self::OnBattery | Self::OffBattery { .. } => Some(Condition::UTILITY_LOST),
            Self::Gap { .. } => Some(Condition::DATA_GAP),
            Self::WrongInverter { .. } => Some(Condition::WRONG_INVERTER),
            Self::ClockJump { .. } => Some(Condition::CLOCK_JUMP),
            Self::Button { .. } | Self::Test(_) | Self::Other(_) => None,
        }
    }

    /// The rest of it as `name=value` words, for the event's row.
    #[must_use]
    pub fn detail(&self) -> String {
        let ms = |time: &Option<UtcMs>| time.map_or_else(|| "?".to_owned(), |t| t.to_rfc3339());
        match self {
            Self::Alarm(turn) => {
                let raw = turn.alarm.key.raw().map(|raw| format!("raw={raw} ")).unwrap_or_default();
                format!("{raw}since={} {}", turn.alarm.since, turn.what.detail()).trim_end().to_owned()
            }
            Self::Was { .. } | Self::OnBattery => String::new(),
            Self::OffBattery { since } => format!("since={since}"),
            Self::Button { boot, count } => {
                format!("boot={} count={count}", boot.map_or_else(|| "?".to_owned(), |b| b.to_string()))
            }
            Self::Test(test) => format!(
                "count={} kind={} result={} started={}",
                test.count,
                test.kind,
                test.result,
                ms(&test.started)
            ),
            Self::Gap { count, from, to } => format!("count={count} from={} to={}", ms(from), ms(to)),
            Self::WrongInverter { found } => format!("found={found}"),
            Self::ClockJump { reported } => format!("reported={reported}"),
            Self::Other(name) => format!("kind={name}"),
        }
    }
}
