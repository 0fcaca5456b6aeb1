//! Alarms: what becomes of a condition that holds, in the words of ISA-18.2.
//!
//! In: the facts that hold, time, what people do about it; all in the order of the journal. Out: turns (raised, unstable,
//! cleared, acknowledged, shelved, returned), the same however often and however finely the journal is replayed, and when
//! time alone will bring about the next one. One open alarm per inverter and key; who is told is decided elsewhere.

mod facts;
mod flaps;
mod hand;
mod key;
mod machine;
mod pass;
mod rules;
mod severities;
mod told;
mod track;
mod turn;
mod watch;

pub use facts::{Fact, STALE_MS, facts};
pub use hand::act;
pub use key::{Key, Subject};
pub use machine::{Alarms, LONGEST_SHELF_MS, Open};
pub(crate) use pass::observe;
pub use pass::{due, pass, resumed};
pub use rules::{
    LONGEST_DELAY_MS, LONGEST_WINDOW_MS, Limit, MOST_LIMITS, MOST_WINDOWS, RuleError, Rules, Side, Window,
};
pub use severities::{Severities, SeverityError, least, on_inverters};
pub use track::{Acknowledged, UNSTABLE_CLEAR_MS, UNSTABLE_ONSETS};
pub use turn::{AlarmName, AlarmTurn, Turned};
pub use watch::{LIVE_LAG_MS, Watch};
