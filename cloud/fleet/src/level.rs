//! What is known last of each value, flag and condition, with its own age.
//!
//! In: samples with their instants, in any order. Out: per thing the newest value, and since when a level holds. A
//! thing that a sample does not report keeps what was known, at its old age.

use wire::{Quantity, Sample, Scaled, UtcMs};

/// The newest value of one quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Latest {
    /// What.
    #[n(0)]
    pub quantity: Quantity,
    /// How much, scaled.
    #[n(1)]
    pub value: Scaled,
    /// When.
    #[n(2)]
    pub time: UtcMs,
}

/// A yes/no fact: a flag or a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Level {
    /// [`wire::Flag::code`] or [`wire::Condition::code`].
    #[n(0)]
    pub code: u8,
    /// What was reported last.
    #[n(1)]
    pub holds: bool,
    /// Since when it is so, as far as readings tell.
    #[n(2)]
    pub since: UtcMs,
    /// When it was reported last.
    #[n(3)]
    pub time: UtcMs,
}

/// A level that turned over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// [`wire::Flag::code`] or [`wire::Condition::code`].
    pub code: u8,
    /// What it is now.
    pub holds: bool,
    /// Since when it had been the other; `None` if it had never been reported.
    pub since: Option<UtcMs>,
}

/// Takes the values of a sample that are newer than what is known. Both lists ascend by quantity.
pub fn merge_quantities(latest: &mut Vec<Latest>, sample: &Sample, time: UtcMs) {
    let mut at = 0;
    for (quantity, value) in sample.quantities.iter() {
        while latest.get(at).is_some_and(|known| known.quantity < quantity) {
            at += 1;
        }
        match latest.get_mut(at) {
            Some(known) if known.quantity == quantity => {
                if time >= known.time {
                    known.value = value;
                    known.time = time;
                }
            }
            _ => latest.insert(at, Latest { quantity, value, time }),
        }
        at += 1;
    }
}

/// Takes one reported level at `time`; tells of a turn. Levels ascend by code. A level that is reported for the
/// first time turns only if it holds. What is older than the known changes nothing.
pub fn merge_level(levels: &mut Vec<Level>, code: u8, holds: bool, time: UtcMs) -> Option<Turn> {
    match levels.binary_search_by_key(&code, |level| level.code) {
        Ok(at) => {
            let level = levels.get_mut(at)?;
            if time < level.time {
                return None;
            }
            level.time = time;
            if level.holds == holds {
                return None;
            }
            let turn = Turn { code, holds, since: Some(level.since) };
            level.holds = holds;
            level.since = time;
            Some(turn)
        }
        Err(at) => {
            levels.insert(at, Level { code, holds, since: time, time });
            holds.then_some(Turn { code, holds, since: None })
        }
    }
}

/// The level of a code, if it was ever reported.
#[must_use]
pub fn find(levels: &[Level], code: u8) -> Option<Level> {
    levels.binary_search_by_key(&code, |level| level.code).ok().and_then(|at| levels.get(at)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_not_reported_keeps_its_age() {
        let mut latest = Vec::new();
        let sample = |pairs: &[(Quantity, Scaled)]| Sample {
            quantities: pairs.iter().copied().collect(),
            ..Sample::default()
        };
        merge_quantities(&mut latest, &sample(&[(Quantity::LOAD, 40), (Quantity::POWER, 700)]), UtcMs(1_000));
        merge_quantities(
            &mut latest,
            &sample(&[(Quantity::INPUT_VOLTAGE, 2301), (Quantity::POWER, 710)]),
            UtcMs(2_000),
        );
        merge_quantities(&mut latest, &sample(&[(Quantity::LOAD, 99)]), UtcMs(500));
        let seen: Vec<_> = latest.iter().map(|l| (l.quantity, l.value, l.time.0)).collect();
        assert_eq!(
            seen,
            [
                (Quantity::INPUT_VOLTAGE, 2301, 2_000),
                (Quantity::POWER, 710, 2_000),
                (Quantity::LOAD, 40, 1_000)
            ]
        );
    }

    #[test]
    fn a_level_turns_once_and_remembers_since_when() {
        let mut levels = Vec::new();
        assert_eq!(merge_level(&mut levels, 10, false, UtcMs(1)), None);
        assert_eq!(
            merge_level(&mut levels, 10, true, UtcMs(5)),
            Some(Turn { code: 10, holds: true, since: Some(UtcMs(1)) })
        );
        assert_eq!(merge_level(&mut levels, 10, true, UtcMs(6)), None);
        assert_eq!(merge_level(&mut levels, 10, false, UtcMs(4)), None, "older than what is known");
        assert_eq!(find(&levels, 10).map(|l| (l.holds, l.since.0, l.time.0)), Some((true, 5, 6)));
        assert_eq!(merge_level(&mut levels, 3, true, UtcMs(7)).and_then(|turn| turn.since), None);
    }
}
