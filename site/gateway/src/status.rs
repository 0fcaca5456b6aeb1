//! Plain sentences for the person who reads the journal.
//!
//! In: a sentence from this process or a child's line. Out: one line on stderr, free of control characters.
//! Never carries a reading or a secret.

use std::fmt::Display;
use std::io::Write;

/// Longest line printed, bytes; a child that says more is cut.
pub const MAX_LINE_BYTES: usize = 2000;

/// Prints one sentence on stderr. A closed stderr is not an error.
pub fn say(sentence: impl Display) {
    let line = clean(&sentence.to_string());
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Replaces control characters, so that nothing a peer sends can draw on a terminal, and cuts at
/// [`MAX_LINE_BYTES`].
#[must_use]
pub fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_LINE_BYTES));
    for character in text.trim_end().chars() {
        if line.len() >= MAX_LINE_BYTES {
            line.push('…');
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    line
}

/// The first of what a peer said, in quotes: enough to know it again.
#[must_use]
pub fn quote(text: &str) -> String {
    const CHARACTERS: usize = 60;
    let mut characters = text.trim().chars();
    let first: String = characters.by_ref().take(CHARACTERS).collect();
    format!("\"{}{}\"", clean(&first), if characters.next().is_some() { "…" } else { "" })
}

/// `1204` → `1,204`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1` → `1 reading is kept`, `1204` → `1,204 readings are kept`.
#[must_use]
pub fn kept(number: u64) -> String {
    if number == 1 { "1 reading is kept".to_owned() } else { format!("{} readings are kept", count(number)) }
}

/// `72_500` → `1 min 12 s`; for waits and ages.
#[must_use]
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds.div_ceil(1000);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// An error with its causes, separated by colons.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_read_well() {
        for (number, expect) in [(0, "0"), (999, "999"), (1204, "1,204"), (1_000_000, "1,000,000")] {
            assert_eq!(count(number), expect);
        }
        for (ms, expect) in [
            (1, "1 s"),
            (12_000, "12 s"),
            (60_000, "1 min"),
            (72_500, "1 min 13 s"),
            (7_260_000, "2 h 1 min"),
        ] {
            assert_eq!(duration(ms), expect);
        }
    }

    #[test]
    fn nothing_draws_on_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\r\nc\n"), "a [31mb  c");
        assert!(clean(&"x".repeat(5000)).len() <= MAX_LINE_BYTES + 3);
        assert_eq!(quote(" a\u{1b}b\r\n"), "\"a b\"");
        assert_eq!(quote(&"x".repeat(5000)), format!("\"{}…\"", "x".repeat(60)));
    }
}
