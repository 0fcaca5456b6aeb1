//! The fifteen conditions an inverter itself reports.
//!
//! In: codes or names. Out: [`Conditions`], in which "not reported" is not "normal". What a condition means
//! (severity, delays, words) is the fleet's business; conditions that only the cloud derives live there too.

use core::fmt;

/// One condition an inverter reports, known by its code in [`TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition(u8);

macro_rules! conditions {
    ($($constant:ident $code:literal $name:literal;)*) => {
        impl Condition {
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Self = Self($code);)*
        }
        /// Every condition: code (bit number and integer key) and name, ordered by code.
        pub static TABLE: &[(u8, &str)] = &[$(($code, $name),)*];
    };
}

conditions! {
    INVERTER_FAULT     0 "inverter.fault";
    CHARGER_FAULT      1 "charger.fault";
    OUTPUT_FAULT       2 "output.fault";
    OVERLOAD           3 "overload";
    OVERLOAD_SHUTDOWN  4 "overload.shutdown";
    AMBIENT_HIGH       5 "ambient.high";
    INPUT_HIGH         6 "input.high";
    INPUT_LOW          7 "input.low";
    BATTERY_LOW        8 "battery.low";
    BATTERY_NEAR_LOW   9 "battery.near_low";
    UTILITY_LOST      10 "utility.lost";
    LOAD_REDUCED      11 "load.reduced";
    RUNTIME_SHORT     12 "runtime.short";
    OUTPUT_BREAKER    13 "output.breaker";
    INVERTER_OVERTEMP 14 "inverter.overtemp";
}

impl Condition {
    /// The condition of a code, where the table has it.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        u8::try_from(code).ok().filter(|c| usize::from(*c) < TABLE.len()).map(Self)
    }

    /// The condition of a name, where the table has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, n)| *n == name).map(|(code, _)| Self(*code))
    }

    /// All conditions in code order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(code, _)| Self(*code))
    }

    /// Bit number and integer key.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Name in JSON and everywhere people configure things.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.get(usize::from(self.0)).map_or("", |(_, name)| name)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Conditions as reported: a mask of those reported and a mask of those that hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Conditions {
    #[n(0)]
    reported: u16,
    #[n(1)]
    raised: u16,
}

const KNOWN: u16 = 0x7fff;

impl Conditions {
    /// Both masks (bit = [`Condition::code`]); bits without a condition are dropped, raised implies reported.
    #[must_use]
    pub const fn from_bits(reported: u16, raised: u16) -> Self {
        let reported = reported & KNOWN;
        Self { reported, raised: raised & reported }
    }

    /// Every condition reported, none raised.
    #[must_use]
    pub const fn all_clear() -> Self {
        Self { reported: KNOWN, raised: 0 }
    }

    /// Mask of conditions that were reported.
    #[must_use]
    pub const fn reported_bits(self) -> u16 {
        self.reported
    }

    /// Mask of conditions that hold.
    #[must_use]
    pub const fn raised_bits(self) -> u16 {
        self.raised
    }

    /// Sets one condition.
    pub const fn set(&mut self, condition: Condition, value: bool) {
        let bit = 1 << condition.code();
        self.reported |= bit;
        if value {
            self.raised |= bit;
        } else {
            self.raised &= !bit;
        }
    }

    /// `None`: not reported.
    #[must_use]
    pub const fn value(self, condition: Condition) -> Option<bool> {
        let bit = 1 << condition.code();
        if self.reported & bit == 0 { None } else { Some(self.raised & bit != 0) }
    }

    /// Reported conditions with their values, in code order.
    pub fn iter(self) -> impl Iterator<Item = (Condition, bool)> {
        Condition::all().filter_map(move |c| self.value(c).map(|value| (c, value)))
    }

    /// Conditions that hold, in code order.
    pub fn raised(self) -> impl Iterator<Item = Condition> {
        self.iter().filter(|(_, raised)| *raised).map(|(condition, _)| condition)
    }

    /// Whether none was reported.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.reported == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_conditions_fill_the_mask_and_absent_is_not_normal() {
        assert_eq!(TABLE.len(), 15);
        for (at, (code, name)) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(*code), at);
            assert_eq!(Condition::from_name(name).map(Condition::code), Some(*code));
        }
        assert_eq!(Condition::from_code(15), None);
        let mut conditions = Conditions::default();
        assert_eq!(conditions.value(Condition::UTILITY_LOST), None);
        conditions.set(Condition::UTILITY_LOST, true);
        assert_eq!(conditions.raised().next(), Some(Condition::UTILITY_LOST));
        assert_eq!(Conditions::from_bits(0xffff, 0xffff).raised_bits(), KNOWN);
    }
}
