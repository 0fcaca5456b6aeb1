//! Decimal numbers ↔ scaled integers, exactly: 136.42 with two decimals is 13642 without a detour over binary
//! fractions.
//!
//! In: the text of a JSON number. Out: a scaled integer, or `None` where it is none or too large; and back.

use core::fmt;

use crate::quantity::{SCALED_LIMIT, Scaled};

/// The number times 10^decimals, rounded half away from zero.
pub(super) fn parse(text: &str, decimals: u8) -> Option<Scaled> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i32>().ok()?)
        }
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || (fraction.is_empty() && mantissa.contains('.')) {
        return None;
    }
    // How many of the digits after the point belong to the scaled integer; negative: digits before it fall away.
    let shift = exponent.checked_add(i32::from(decimals))?;
    let digits = whole.bytes().chain(fraction.bytes());
    let keep = i32::try_from(whole.len()).ok()?.checked_add(shift)?;
    let mut scaled = 0_i64;
    let mut taken = 0_i32;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        if taken < keep {
            scaled = scaled.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        } else if taken == keep && digit >= b'5' {
            scaled = scaled.checked_add(1)?;
        }
        taken = taken.checked_add(1)?;
    }
    // Digits that the text leaves out are zeros; zero stays zero however large the exponent.
    while taken < keep && scaled != 0 {
        scaled = scaled.checked_mul(10)?;
        taken += 1;
    }
    (scaled < SCALED_LIMIT).then_some(if negative { -scaled } else { scaled })
}

/// A scaled integer as the shortest decimal text that is the same number.
pub(super) struct Decimal(pub(super) Scaled, pub(super) u8);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(scaled, decimals) = *self;
        let scale = 10_u64.pow(u32::from(decimals));
        let magnitude = scaled.unsigned_abs();
        if scaled < 0 {
            f.write_str("-")?;
        }
        write!(f, "{}", magnitude / scale)?;
        let (mut fraction, mut width) = (magnitude % scale, usize::from(decimals));
        if fraction == 0 {
            return Ok(());
        }
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        write!(f, ".{fraction:0width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn check(text: &str, decimals: u8, expect: Option<i64>) {
        assert_eq!(parse(text, decimals), expect, "{text} with {decimals}");
    }

    #[test]
    fn numbers_are_scaled_exactly() {
        check("136.42", 2, Some(13_642));
        check("-0.005", 2, Some(-1));
        check("0.005", 2, Some(1));
        check("0.0049999999999999999999999", 2, Some(0));
        check("9.995", 2, Some(1000));
        check("1e3", 0, Some(1000));
        check("1.5E+3", 0, Some(1500));
        check("15e-1", 0, Some(2));
        check("14e-1", 0, Some(1));
        check("4e-1", 0, Some(0));
        check("5e-1", 0, Some(1));
        check("5e-2", 0, Some(0));
        check("99e-2", 0, Some(1));
        check("0e999999999", 0, Some(0));
        check("1e-999999999", 3, Some(0));
        check("1e999", 0, None);
        check("1e99999999999999999999", 0, None);
        check("4503599627370495", 0, Some((1 << 52) - 1));
        check("4503599627370496", 0, None);
        check("9999999999999999999999", 0, None);
        check("0000000000000000000000000000001", 0, Some(1));
        check("", 0, None);
        check("-", 0, None);
        check(".5", 0, None);
        check("5.", 0, None);
        check("null", 0, None);
        check("\"5\"", 0, None);
        check("0x10", 0, None);
    }

    proptest::proptest! {
        #[test]
        fn text_and_back(scaled in -(1_i64 << 52) + 1..1_i64 << 52, decimals in 0_u8..4) {
            proptest::prop_assert_eq!(parse(&Decimal(scaled, decimals).to_string(), decimals), Some(scaled));
        }

        #[test]
        fn any_text_is_survived(text in "[-+0-9.eE]{0,30}") {
            let _ = parse(&text, 2);
        }
    }
}
