//! What happens to an alarm in its life, in the words of ISA-18.2.
//!
//! In: turns that the machine and people make. Out: their names and, of each alarm, one name that never changes, however
//! often the journal is replayed (decision 8).

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::key::Key;
use crate::AccountKey;
use crate::event::Cause;

/// Names one alarm: its key and the record that it began with; where no numbered record began it, the instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub struct AlarmName {
    /// What it is about.
    #[n(0)]
    pub key: Key,
    /// The record that it began with.
    #[cbor(n(1), with = "crate::encoding::cause")]
    pub cause: Cause,
    /// Since when the condition held.
    #[n(2)]
    pub since: UtcMs,
}

/// One turn in the life of an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmTurn {
    /// Of which alarm.
    pub alarm: AlarmName,
    /// What.
    pub what: Turned,
}

/// What happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Raised: the condition held for its delay.
    Raised {
        /// It comes and goes: one alarm stands for all that follow.
        unstable: bool,
        /// Nobody is told: it is shelved or maintained.
        quiet: bool,
    },
    /// It comes and goes; from here on this alarm stands for all that follow.
    Unstable,
    /// Shelf or maintenance are over, and it still holds, unacknowledged.
    Returned,
    /// Cleared: the condition was gone for its delay.
    Cleared {
        /// When it was gone.
        ended: UtcMs,
        /// Nobody is told.
        quiet: bool,
    },
    /// Somebody has seen it.
    Acknowledged {
        /// Who.
        by: AccountKey,
        /// What that person wrote, or empty.
        note: String,
    },
    /// Put away until a time.
    Shelved {
        /// Until then.
        until: UtcMs,
        /// Who.
        by: AccountKey,
        /// Why.
        reason: String,
    },
    /// Taken back from the shelf before its time.
    Unshelved {
        /// Who.
        by: AccountKey,
    },
}

impl Turned {
    /// Short stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Raised { .. } => "raised",
            Self::Unstable => "unstable",
            Self::Returned => "returned",
            Self::Cleared { .. } => "cleared",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Shelved { .. } => "shelved",
            Self::Unshelved { .. } => "unshelved",
        }
    }

    /// The rest of it as `name=value` words.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Raised { unstable: false, quiet: false } | Self::Unstable | Self::Returned => String::new(),
            Self::Raised { unstable, quiet } => format!("unstable={unstable} quiet={quiet}"),
            Self::Cleared { ended, quiet } => format!("ended={ended} quiet={quiet}"),
            Self::Acknowledged { by, note } => format!("by={} {note}", by.0).trim_end().to_owned(),
            Self::Unshelved { by } => format!("by={}", by.0),
            Self::Shelved { until, by, reason } => format!("by={} until={until} {reason}", by.0),
        }
    }
}

/// `battery.low/<boot>/<sequence>`, or `link.gateway_offline/t<milliseconds>`.
impl std::fmt::Display for AlarmName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.cause.boot, self.cause.sequence) {
            (Some(boot), Some(sequence)) => write!(f, "{}/{boot}/{sequence}", self.key),
            _ => write!(f, "{}/t{}", self.key, self.since.0),
        }
    }
}
