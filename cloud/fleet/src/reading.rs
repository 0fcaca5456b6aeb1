//! What history keeps of one instant.
//!
//! In: a reading that was dated and found new. Out: [`StoredReading`]. Holds no rule of its own.

use wire::{BootId, Quality, Sample, UtcMs};

/// A reading as history keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredReading {
    /// When it was taken, repaired (decision 5). Its UTC day is the day it is kept in.
    pub time: UtcMs,
    /// How far `time` can be trusted.
    pub quality: Quality,
    /// What the gateway said before repair, where it said something else than `time`.
    pub reported_time: Option<UtcMs>,
    /// The gateway's start that numbered it; `None` from publishers that do not number.
    pub boot: Option<BootId>,
    /// Its number within that start.
    pub sequence: Option<u64>,
    /// Values, flags, conditions.
    pub sample: Sample,
}
