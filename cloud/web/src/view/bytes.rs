//! Sizes in words.
//!
//! In: bytes. Out: `64 KB`, `1.2 GB`: decimal units, as disks are sold.

use super::words::NB;

/// `980 B`, `64 KB`, `1.2 GB`.
#[must_use]
pub fn words(bytes: u64) -> String {
    let mut rest = bytes;
    let mut tenths = 0;
    let mut unit = "B";
    for larger in ["KB", "MB", "GB", "TB"] {
        if rest < 1000 {
            break;
        }
        (tenths, rest, unit) = (rest % 1000 / 100, rest / 1000, larger);
    }
    if unit == "B" || rest >= 10 { format!("{rest}{NB}{unit}") } else { format!("{rest}.{tenths}{NB}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, expect) in [
            (0, "0\u{a0}B"),
            (999, "999\u{a0}B"),
            (1_000, "1.0\u{a0}KB"),
            (64_000, "64\u{a0}KB"),
            (1_290_000_000, "1.2\u{a0}GB"),
            (u64::MAX, "18446744\u{a0}TB"),
        ] {
            assert_eq!(words(bytes), expect);
        }
    }
}
