//! The table of measured things: name as in Network UPS Tools, unit, decimals.
//!
//! In: a code from a frame or a name from JSON. Out: a [`Quantity`] and its value as a scaled integer.
//! Adding a quantity is one line of the table; codes are never used again for something else.

use alloc::vec::Vec;
use core::fmt;

/// A value times ten to the power of its quantity's decimals: 136.42 V (two decimals) is 13642.
pub type Scaled = i64;

/// Scaled values are smaller than this, either sign: beyond it `f64` would not hold them exactly.
pub const SCALED_LIMIT: Scaled = 1 << 52;

/// One measured thing, known by its code in [`TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantity(u8);

/// One line of [`TABLE`].
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// Integer key in CBOR, in the native frame and in chunks. Stable for ever.
    pub code: u8,
    /// Name as in Network UPS Tools (`docs/nut-names.txt` of that project).
    pub name: &'static str,
    /// Unit symbol for people, `""` where the number has none.
    pub unit: &'static str,
    /// Decimals kept: a scaled value is the value times 10^decimals.
    pub decimals: u8,
}

macro_rules! quantities {
    ($($constant:ident $code:literal $name:literal $unit:literal $decimals:literal;)*) => {
        impl Quantity {
            $(#[doc = concat!("`", $name, "`, ", $unit, ", ", stringify!($decimals), " decimals.")]
              pub const $constant: Self = Self($code);)*
        }
        /// Every quantity, ordered by code.
        pub static TABLE: &[Definition] = &[
            $(Definition { code: $code, name: $name, unit: $unit, decimals: $decimals },)*
        ];
    };
}

quantities! {
    INPUT_VOLTAGE         1 "input.voltage"         "V"  1;
    INPUT_FREQUENCY       2 "input.frequency"       "Hz" 2;
    OUTPUT_VOLTAGE        3 "output.voltage"        "V"  1;
    OUTPUT_CURRENT        4 "output.current"        "A"  2;
    OUTPUT_FREQUENCY      5 "output.frequency"      "Hz" 2;
    REALPOWER             6 "ups.realpower"         "W"  0;
    POWER                 7 "ups.power"             "VA" 0;
    LOAD                  8 "ups.load"              "%"  0;
    BATTERY_VOLTAGE       9 "battery.voltage"       "V"  2;
    BATTERY_CURRENT      10 "battery.current"       "A"  2;
    BATTERY_TEMPERATURE  11 "battery.temperature"   "°C" 1;
    BATTERY_CHARGE       12 "battery.charge"        "%"  0;
    BATTERY_RUNTIME      13 "battery.runtime"       "s"  0;
    AMBIENT_TEMPERATURE  14 "ambient.temperature"   "°C" 1;
    TEMPERATURE          15 "ups.temperature"       "°C" 1;
    DEVICE_UPTIME        16 "device.uptime"         "s"  0;
    BATTERY_SECONDS      17 "battery.seconds"       "s"  0;
    INPUT_CURRENT        18 "input.current"         "A"  2;
    INPUT_L1_VOLTAGE     19 "input.L1-N.voltage"    "V"  1;
    INPUT_L2_VOLTAGE     20 "input.L2-N.voltage"    "V"  1;
    INPUT_L3_VOLTAGE     21 "input.L3-N.voltage"    "V"  1;
    INPUT_L1_CURRENT     22 "input.L1.current"      "A"  2;
    INPUT_L2_CURRENT     23 "input.L2.current"      "A"  2;
    INPUT_L3_CURRENT     24 "input.L3.current"      "A"  2;
    OUTPUT_L1_VOLTAGE    25 "output.L1-N.voltage"   "V"  1;
    OUTPUT_L2_VOLTAGE    26 "output.L2-N.voltage"   "V"  1;
    OUTPUT_L3_VOLTAGE    27 "output.L3-N.voltage"   "V"  1;
    OUTPUT_L1_CURRENT    28 "output.L1.current"     "A"  2;
    OUTPUT_L2_CURRENT    29 "output.L2.current"     "A"  2;
    OUTPUT_L3_CURRENT    30 "output.L3.current"     "A"  2;
    OUTPUT_L1_REALPOWER  31 "output.L1.realpower"   "W"  0;
    OUTPUT_L2_REALPOWER  32 "output.L2.realpower"   "W"  0;
    OUTPUT_L3_REALPOWER  33 "output.L3.realpower"   "W"  0;
    OUTPUT_L1_LOAD       34 "output.L1.power.percent" "%" 0;
    OUTPUT_L2_LOAD       35 "output.L2.power.percent" "%" 0;
    OUTPUT_L3_LOAD       36 "output.L3.power.percent" "%" 0;
    OUTPUT_POWERFACTOR   37 "output.powerfactor"    ""   2;
    BATTERY_POWER        38 "battery.power"         "W"  0;
    INPUT_REALPOWER      39 "input.realpower"       "W"  0;
    OUTPUT_ENERGY        40 "output.energy"         "Wh" 0;
}

impl Quantity {
    /// The quantity of a code, where the table has it.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        u8::try_from(code).ok().filter(|c| *c >= 1 && usize::from(*c) <= TABLE.len()).map(Self)
    }

    /// The quantity of a name, where the table has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|d| d.name == name).map(|d| Self(d.code))
    }

    /// All quantities in code order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|d| Self(d.code))
    }

    /// Code in CBOR, frames and chunks.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The table's line. Codes run from 1 without a hole (tested), so every quantity has one.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        static NONE: Definition = Definition { code: 0, name: "", unit: "", decimals: 0 };
        TABLE.get(usize::from(self.0).wrapping_sub(1)).unwrap_or(&NONE)
    }

    /// Name as in Network UPS Tools.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Unit symbol.
    #[must_use]
    pub fn unit(self) -> &'static str {
        self.definition().unit
    }

    /// Decimals kept.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.definition().decimals
    }

    /// 10^decimals.
    #[must_use]
    pub fn scale(self) -> f64 {
        [1.0, 10.0, 100.0, 1000.0].get(usize::from(self.decimals())).copied().unwrap_or(1.0)
    }

    /// Scaled integer → number in the unit.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "scaled values of real equipment are far below 2^52")]
    pub fn to_f64(self, scaled: Scaled) -> f64 {
        scaled as f64 / self.scale()
    }

    /// Number in the unit → scaled integer, rounded half away from zero. `None` unless finite and within
    /// ±[`SCALED_LIMIT`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    pub fn to_scaled(self, value: f64) -> Option<Scaled> {
        let scaled = value * self.scale();
        // `f64::round` is std; half away from zero by hand.
        (scaled.abs() < SCALED_LIMIT as f64).then_some(if scaled < 0.0 {
            (scaled - 0.5) as i64
        } else {
            (scaled + 0.5) as i64
        })
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl<C> minicbor::Encode<C> for Quantity {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Quantity {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_code(d.u64()?).ok_or_else(|| minicbor::decode::Error::message("unknown quantity code"))
    }
}

/// Values by quantity, ordered by code, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Quantities(#[n(0)] Vec<(Quantity, Scaled)>);

impl Quantities {
    /// An empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes room for `more` values at once.
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve_exact(more);
    }

    /// Adds a value; `false`, and nothing changes, where the quantity has one already.
    pub fn insert(&mut self, quantity: Quantity, scaled: Scaled) -> bool {
        match self.0.last() {
            Some((last, _)) if *last >= quantity => match self.0.binary_search_by_key(&quantity, |(q, _)| *q)
            {
                Ok(_) => return false,
                Err(at) => self.0.insert(at, (quantity, scaled)),
            },
            _ => self.0.push((quantity, scaled)),
        }
        true
    }

    /// Sets a value, replacing an earlier one of the same quantity.
    pub fn set(&mut self, quantity: Quantity, scaled: Scaled) {
        match self.0.last() {
            Some((last, _)) if *last >= quantity => match self.0.binary_search_by_key(&quantity, |(q, _)| *q)
            {
                Ok(at) => {
                    if let Some(slot) = self.0.get_mut(at) {
                        slot.1 = scaled;
                    }
                }
                Err(at) => self.0.insert(at, (quantity, scaled)),
            },
            _ => self.0.push((quantity, scaled)),
        }
    }

    /// The value of a quantity, where reported.
    #[must_use]
    pub fn value(&self, quantity: Quantity) -> Option<Scaled> {
        self.0
            .binary_search_by_key(&quantity, |(q, _)| *q)
            .ok()
            .and_then(|at| self.0.get(at))
            .map(|(_, v)| *v)
    }

    /// All values in code order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Quantity, Scaled)> + '_ {
        self.0.iter().copied()
    }

    /// How many quantities are reported.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Quantity, Scaled)> for Quantities {
    fn from_iter<T: IntoIterator<Item = (Quantity, Scaled)>>(items: T) -> Self {
        let mut all = Self::new();
        for (quantity, scaled) in items {
            all.set(quantity, scaled);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_run_from_one_without_a_hole_and_names_are_unique() {
        for (at, definition) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(definition.code), at + 1, "{}", definition.name);
            assert_eq!(Quantity::from_name(definition.name), Some(Quantity(definition.code)));
            assert!(definition.decimals <= 3);
        }
        assert_eq!(Quantity::from_code(0), None);
        assert_eq!(Quantity::from_code(TABLE.len() as u64 + 1), None);
        assert_eq!(Quantity::from_code(257), None);
    }

    #[test]
    fn scaling_rounds_half_away_from_zero_and_refuses_the_absurd() {
        let v = Quantity::BATTERY_VOLTAGE;
        assert_eq!(v.to_scaled(136.42), Some(13642));
        assert_eq!(v.to_scaled(-0.005), Some(-1));
        assert_eq!(v.to_scaled(f64::NAN), None);
        assert_eq!(v.to_scaled(f64::INFINITY), None);
        assert_eq!(v.to_scaled(1e300), None);
        assert!((v.to_f64(13642) - 136.42).abs() < 1e-9);
    }

    #[test]
    fn values_stay_ordered_and_unique() {
        let set: Quantities =
            [(Quantity::LOAD, 1), (Quantity::INPUT_VOLTAGE, 2), (Quantity::LOAD, 3)].into_iter().collect();
        let pairs: Vec<_> = set.iter().collect();
        assert_eq!(pairs, [(Quantity::INPUT_VOLTAGE, 2), (Quantity::LOAD, 3)]);
        assert_eq!(set.value(Quantity::LOAD), Some(3));
        assert_eq!(set.value(Quantity::POWER), None);
    }
}
