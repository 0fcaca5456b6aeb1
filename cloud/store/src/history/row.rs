//! Readings of an open chunk as bytes, each told as its difference to the one before.
//!
//! In: readings as they come. Out: about 40 bytes each, that can be cut after any reading and go on later; and the
//! readings again. The same bytes are kept in memory and in the file of open chunks.

use fleet::StoredReading;
use wire::{BootId, Conditions, Flags, Quality, Quantities, Quantity, Sample, UtcMs};

use crate::bytes::{Reader, write_prefixed, write_signed, write_unsigned};

/// What differs from the reading before, as bits of the first byte.
const QUALITY: u8 = 1;
const REPORTED: u8 = 1 << 1;
const BOOT: u8 = 1 << 2;
/// The sequence is not the one before plus one; it follows, as 0 or itself plus one.
const SEQUENCE: u8 = 1 << 3;
/// Other quantities than before; their codes follow.
const LAYOUT: u8 = 1 << 4;
const FLAGS: u8 = 1 << 5;
const CONDITIONS: u8 = 1 << 6;
const UNKNOWN: u8 = 1 << 7;

/// Appends `reading` to `out`. `before` is the one written before it, the default for the first.
pub(super) fn write(out: &mut Vec<u8>, before: &StoredReading, reading: &StoredReading) {
    let (old, new) = (&before.sample, &reading.sample);
    let same_layout = old.quantities.len() == new.quantities.len()
        && old.quantities.iter().zip(new.quantities.iter()).all(|((a, _), (b, _))| a == b);
    let bits = [
        (QUALITY, before.quality != reading.quality),
        (REPORTED, reading.reported_time.is_some()),
        (BOOT, before.boot != reading.boot),
        (SEQUENCE, reading.sequence != next(before.sequence)),
        (LAYOUT, !same_layout),
        (FLAGS, old.flags != new.flags),
        (CONDITIONS, old.conditions != new.conditions),
        (UNKNOWN, old.unknown != new.unknown),
    ];
    let changed = bits.iter().fold(0, |byte, (bit, set)| if *set { byte | bit } else { byte });
    out.push(changed);
    write_signed(out, reading.time.0.wrapping_sub(before.time.0));
    if changed & QUALITY != 0 {
        out.push(reading.quality.code());
    }
    if let Some(reported) = reading.reported_time {
        write_signed(out, reading.time.0.wrapping_sub(reported.0));
    }
    if changed & BOOT != 0 {
        write_prefixed(out, reading.boot.as_ref().map_or(&[], |boot| &boot.0));
    }
    if changed & SEQUENCE != 0 {
        match reading.sequence {
            None => out.push(0),
            Some(sequence) => {
                out.push(1);
                write_unsigned(out, sequence);
            }
        }
    }
    if changed & LAYOUT != 0 {
        write_unsigned(out, new.quantities.len() as u64);
        new.quantities.iter().for_each(|(quantity, _)| out.push(quantity.code()));
    }
    for (quantity, value) in new.quantities.iter() {
        write_signed(out, value.wrapping_sub(old.quantities.value(quantity).unwrap_or_default()));
    }
    if changed & FLAGS != 0 {
        out.extend_from_slice(&[new.flags.reported_bits(), new.flags.raised_bits()]);
    }
    if changed & CONDITIONS != 0 {
        write_unsigned(out, new.conditions.reported_bits().into());
        write_unsigned(out, new.conditions.raised_bits().into());
    }
    if changed & UNKNOWN != 0 {
        write_unsigned(out, new.unknown.len() as u64);
        new.unknown.iter().for_each(|text| write_prefixed(out, text.as_bytes()));
    }
}

fn next(before: Option<u64>) -> Option<u64> {
    before.map(|sequence| sequence.wrapping_add(1))
}

/// The readings of `bytes`. `None` where they make no sense.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<StoredReading>> {
    let mut readings = Vec::new();
    each(bytes, |reading| readings.push(reading.clone()))?;
    Some(readings)
}

/// Calls `look` with one reading of `bytes` after the other. `None` where they make no sense.
pub(super) fn each(bytes: &[u8], mut look: impl FnMut(&StoredReading)) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mut reading = StoredReading::default();
    while !reader.is_empty() {
        reading = read_one(&mut reader, &reading)?;
        look(&reading);
    }
    Some(())
}

fn read_one(reader: &mut Reader<'_>, before: &StoredReading) -> Option<StoredReading> {
    let changed = reader.byte()?;
    let has = |bit: u8| changed & bit != 0;
    let time = before.time.0.wrapping_add(reader.signed()?);
    let quality = if has(QUALITY) { Quality::from_code(reader.byte()?.into()) } else { before.quality };
    let reported_time = if has(REPORTED) { Some(UtcMs(time.wrapping_sub(reader.signed()?))) } else { None };
    let boot = if has(BOOT) { read_boot(reader)? } else { before.boot };
    let sequence = match (has(SEQUENCE), before.sequence) {
        (false, before) => next(before),
        (true, _) => match reader.byte()? {
            0 => None,
            _ => Some(reader.unsigned()?),
        },
    };
    let old = &before.sample;
    let quantities = read_quantities(reader, &old.quantities, has(LAYOUT))?;
    let flags = if has(FLAGS) { Flags::from_bits(reader.byte()?, reader.byte()?) } else { old.flags };
    let conditions = if has(CONDITIONS) {
        let mut bits = || u16::try_from(reader.unsigned()?).ok();
        Conditions::from_bits(bits()?, bits()?)
    } else {
        old.conditions
    };
    let unknown = if has(UNKNOWN) {
        let count = reader.size()?;
        let text = |reader: &mut Reader<'_>| String::from_utf8(reader.prefixed()?.to_vec()).ok();
        (0..count).map(|_| text(reader)).collect::<Option<_>>()?
    } else {
        old.unknown.clone()
    };
    let sample = Sample { quantities, flags, conditions, unknown };
    Some(StoredReading { time: UtcMs(time), quality, reported_time, boot, sequence, sample })
}

fn read_boot(reader: &mut Reader<'_>) -> Option<Option<BootId>> {
    match reader.prefixed()? {
        [] => Some(None),
        bytes => Some(Some(BootId(bytes.try_into().ok()?))),
    }
}

fn read_quantities(reader: &mut Reader<'_>, old: &Quantities, new_layout: bool) -> Option<Quantities> {
    let value = |reader: &mut Reader<'_>, quantity| {
        Some((quantity, old.value(quantity).unwrap_or_default().wrapping_add(reader.signed()?)))
    };
    if new_layout {
        let count = reader.size()?;
        let codes = reader.take(count)?;
        codes.iter().map(|code| value(reader, Quantity::from_code(u64::from(*code))?)).collect()
    } else {
        // The usual case: no search, no growing.
        let mut new = Quantities::new();
        new.reserve(old.len());
        for (quantity, before) in old.iter() {
            new.set(quantity, before.wrapping_add(reader.signed()?));
        }
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::tests::any_reading;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn any_readings_come_back(readings in prop::collection::vec(any_reading(), 0..40)) {
            let mut bytes = Vec::new();
            let mut before = StoredReading::default();
            for reading in &readings {
                write(&mut bytes, &before, reading);
                before.clone_from(reading);
            }
            prop_assert_eq!(read(&bytes), Some(readings));
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
