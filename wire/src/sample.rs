//! What an inverter says of itself at one instant, without the instant.
//!
//! In: a decoder's work. Out: one [`Sample`], the same type from the native frame, the foreign streams and the
//! report, to the chunk and the page.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Conditions, Flags, Quantities};

/// Most unknown labels and codes carried in one sample; more are dropped.
pub const MAX_UNKNOWN: usize = 32;
/// Longest unknown label with its value, bytes; longer ones are cut at a character boundary.
pub const MAX_UNKNOWN_BYTES: usize = 64;

/// Values, flags and conditions of one instant. An absent key means "not reported", which is not "normal".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Measured values, scaled.
    pub quantities: Quantities,
    /// Yes/no facts.
    pub flags: Flags,
    /// The inverter's own conditions.
    pub conditions: Conditions,
    /// Labels and codes this version does not know, raw, as `label=value`. At most [`MAX_UNKNOWN`].
    pub unknown: Vec<String>,
}

impl Sample {
    /// Carries an unknown label or code, within the bounds above.
    pub fn push_unknown(&mut self, text: &str) {
        if self.unknown.len() < MAX_UNKNOWN {
            let cut = (0..=text.len().min(MAX_UNKNOWN_BYTES)).rev().find(|at| text.is_char_boundary(*at));
            self.unknown.push(String::from(text.get(..cut.unwrap_or(0)).unwrap_or("")));
        }
    }

    /// Whether flags, conditions or unknown codes differ: the change that is reported at once.
    #[must_use]
    pub fn state_differs(&self, other: &Self) -> bool {
        self.flags != other.flags || self.conditions != other.conditions || self.unknown != other.unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_labels_are_bounded_in_count_and_length() {
        let mut sample = Sample::default();
        for _ in 0..100 {
            sample.push_unknown(&"é".repeat(100));
        }
        assert_eq!(sample.unknown.len(), MAX_UNKNOWN);
        assert_eq!(sample.unknown[0].len(), MAX_UNKNOWN_BYTES);
    }
}
