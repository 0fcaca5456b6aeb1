//! What an inverter says of itself at one instant, without the instant.
//!
//! In: a decoder's work. Out: one [`Sample`], the same type from the native frame, the foreign streams and the
//! report, to the chunk and the page.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

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
            self.unknown.push(String::from(cut(text, MAX_UNKNOWN_BYTES)));
        }
    }

    /// The same for what is not yet text; never makes more of it than is kept.
    pub fn push_unknown_display(&mut self, text: &dyn fmt::Display) {
        if self.unknown.len() < MAX_UNKNOWN {
            let mut bounded = Bounded(String::new());
            // An error says that the bound was reached: the beginning is what is kept.
            let _ = write!(bounded, "{text}");
            self.unknown.push(bounded.0);
        }
    }

    /// Whether flags, conditions or unknown codes differ: the change that is reported at once.
    ///
    /// An unknown entry counts as a code, and its change as a change, where its value is hexadecimal (`AR=0x4000`)
    /// or no number (`Relay=ON`). Of an unknown number (`H24=17`) only coming and going counts: it may be a measured value,
    /// and a value that moves with each frame is no change of state.
    #[must_use]
    pub fn state_differs(&self, other: &Self) -> bool {
        self.flags != other.flags
            || self.conditions != other.conditions
            || !self
                .unknown
                .iter()
                .map(|text| code_part(text))
                .eq(other.unknown.iter().map(|text| code_part(text)))
    }
}

/// The part of an unknown entry that tells of state: the label alone where the value is a decimal number.
fn code_part(text: &str) -> &str {
    match text.split_once('=') {
        Some((label, value)) if value.parse::<f64>().is_ok() => label,
        _ => text,
    }
}

/// At most `bytes` bytes of `text`, cut at a character boundary.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let at = (0..=text.len().min(bytes)).rev().find(|at| text.is_char_boundary(*at));
    text.get(..at.unwrap_or(0)).unwrap_or("")
}

/// A text that stops growing at [`MAX_UNKNOWN_BYTES`].
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let kept = cut(text, MAX_UNKNOWN_BYTES.saturating_sub(self.0.len()));
        self.0.push_str(kept);
        if kept.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 1.3.3.
    #[test]
    fn unknown_labels_are_bounded_in_count_and_length() {
        let mut sample = Sample::default();
        for _ in 0..100 {
            sample.push_unknown(&"é".repeat(100));
        }
        assert_eq!(sample.unknown.len(), MAX_UNKNOWN);
        assert_eq!(sample.unknown[0].len(), MAX_UNKNOWN_BYTES);
        let mut sample = Sample::default();
        for _ in 0..100 {
            sample.push_unknown_display(&format_args!("{}={}", "a", "é".repeat(100)));
        }
        assert_eq!(sample.unknown.len(), MAX_UNKNOWN);
        assert_eq!(sample.unknown[0].len(), MAX_UNKNOWN_BYTES);
    }

    #[test]
    fn a_changed_code_is_a_change_of_state_and_a_moving_number_is_not() {
        let differs = |before: &str, after: &str| {
            let sample = |text: &str| Sample { unknown: alloc::vec![text.into()], ..Sample::default() };
            sample(before).state_differs(&sample(after))
        };
        assert!(differs("AR=0x4000", "AR=0x8000"));
        assert!(differs("Relay=ON", "Relay=OFF"));
        assert!(!differs("H24=17", "H24=18"));
        assert!(differs("H24=17", "H25=17"));
    }
}
