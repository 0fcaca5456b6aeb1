//! Whether the service itself is well: what watches must itself be watched.
//!
//! In: facts about the service's parts (how long each has not got on, the disk, the clock, the ways to people), time. Out:
//! for each check how it is, since when and what to do; whom to write to and when. One table of bounds, each with its
//! reason. Knows no inverter and no person.

mod checks;
mod facts;
mod lag;
mod news;
mod watch;

pub use checks::{Check, judge};
pub use facts::{Disk, Door, Facts, Sending, Watched};
pub use lag::Lag;
pub use news::{News, Told};
pub use watch::{Finding, Watch};

/// How something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Well.
    #[default]
    Well,
    /// Somebody should look in working hours.
    Warn,
    /// People may not be told of an alarm, or data may be lost: somebody must look now.
    Bad,
}

impl Grade {
    /// Name, in `/health` and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// By how far something has gone: past its first bound, past its second.
    #[must_use]
    pub(crate) const fn past(value: i64, warn: i64, bad: i64) -> Self {
        if value >= bad {
            Self::Bad
        } else if value >= warn {
            Self::Warn
        } else {
            Self::Well
        }
    }
}
