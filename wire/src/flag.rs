//! The four yes/no facts an inverter reports beside its conditions.
//!
//! In: codes or names. Out: [`Flags`], in which "not reported" is not "no".

/// One flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// The load is fed from the battery.
    BatteryPower,
    /// Utility voltage is present at the input.
    LinePresent,
    /// The charger charges the battery.
    BatteryCharging,
    /// The inverter is ready to take over.
    SystemReady,
}

/// Every flag with its code (bit number and integer key) and name.
pub static TABLE: [(Flag, u8, &str); 4] = [
    (Flag::BatteryPower, 0, "battery_power"),
    (Flag::LinePresent, 1, "line_present"),
    (Flag::BatteryCharging, 2, "battery_charging"),
    (Flag::SystemReady, 3, "system_ready"),
];

impl Flag {
    /// Bit number and integer key.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|(flag, ..)| *flag == self).map_or("", |(.., name)| name)
    }

    /// The flag of a code, where the table has it.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        TABLE.iter().find(|(_, c, _)| u64::from(*c) == code).map(|(flag, ..)| *flag)
    }

    /// The flag of a name, where the table has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(.., n)| *n == name).map(|(flag, ..)| *flag)
    }
}

/// Flags as reported: a mask of those reported and a mask of those that are true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Flags {
    #[n(0)]
    reported: u8,
    #[n(1)]
    raised: u8,
}

impl Flags {
    /// Both masks (bit = [`Flag::code`]); bits without a flag are dropped, true implies reported.
    #[must_use]
    pub const fn from_bits(reported: u8, raised: u8) -> Self {
        let reported = reported & 0x0f;
        Self { reported, raised: raised & reported }
    }

    /// Mask of flags that were reported.
    #[must_use]
    pub const fn reported_bits(self) -> u8 {
        self.reported
    }

    /// Mask of flags that are true.
    #[must_use]
    pub const fn raised_bits(self) -> u8 {
        self.raised
    }

    /// Sets one flag.
    pub const fn set(&mut self, flag: Flag, value: bool) {
        let bit = 1 << flag.code();
        self.reported |= bit;
        if value {
            self.raised |= bit;
        } else {
            self.raised &= !bit;
        }
    }

    /// `None`: not reported.
    #[must_use]
    pub const fn value(self, flag: Flag) -> Option<bool> {
        let bit = 1 << flag.code();
        if self.reported & bit == 0 { None } else { Some(self.raised & bit != 0) }
    }

    /// Reported flags with their values, in code order.
    pub fn iter(self) -> impl Iterator<Item = (Flag, bool)> {
        TABLE.iter().filter_map(move |(flag, ..)| self.value(*flag).map(|value| (*flag, value)))
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
    fn codes_match_the_table_and_absent_is_not_false() {
        for (flag, code, name) in TABLE {
            assert_eq!(flag.code(), code);
            assert_eq!(Flag::from_name(name), Some(flag));
            assert_eq!(Flag::from_code(u64::from(code)), Some(flag));
        }
        let mut flags = Flags::default();
        assert_eq!(flags.value(Flag::LinePresent), None);
        flags.set(Flag::LinePresent, false);
        assert_eq!(flags.value(Flag::LinePresent), Some(false));
        assert_eq!(Flags::from_bits(0xff, 0xff).raised_bits(), 0x0f);
        assert_eq!(Flags::from_bits(0b01, 0b11).raised_bits(), 0b01);
    }
}
