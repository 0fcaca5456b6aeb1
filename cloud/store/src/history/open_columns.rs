//! What a chart shows of an open chunk.
//!
//! In: its bytes, the asked quantities. Out: columns of these, in order of time, each reading once. Nearly always the
//! readings came in order: then one walk over the bytes is enough, without keeping them. Never does I/O.

use fleet::StoredReading;
use wire::{BootId, Quantity, UtcMs};

use super::HistoryError;
use super::columns::{Columns, in_order};
use super::open_chunks::{Key, OpenChunk};
use super::row;
use super::seal::readings_of;

/// See the module.
pub(super) fn asked(key: Key, chunk: &OpenChunk, asked: &[Quantity]) -> Result<Columns, HistoryError> {
    let (mut columns, mut order) = (Columns::default(), Order::default());
    let whole = row::each(&chunk.bytes, |reading| {
        order.look(reading);
        columns.push_asked(reading, asked);
    });
    if whole.is_some() && !order.broken {
        return Ok(columns);
    }
    let mut columns = Columns::default();
    in_order(readings_of(key, chunk)?).iter().for_each(|reading| columns.push_asked(reading, asked));
    Ok(columns)
}

/// Whether readings come as [`in_order`] would bring them.
#[derive(Default)]
struct Order {
    broken: bool,
    time: Option<UtcMs>,
    number: Option<(BootId, u64)>,
}

impl Order {
    fn look(&mut self, reading: &StoredReading) {
        // Equal times are ordered by their numbers, which are looked at below only within one boot.
        self.broken |= self.time.is_some_and(|before| reading.time <= before);
        self.time = Some(reading.time);
        let Some(number) = reading.boot.zip(reading.sequence) else { return };
        // After another start an earlier one's readings may come again.
        self.broken |= self.number.is_some_and(|before| number.0 != before.0 || number.1 <= before.1);
        self.number = Some(number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::tests::any_reading;
    use super::*;
    use proptest::prelude::*;

    fn check(readings: &[StoredReading]) {
        let mut chunk = OpenChunk::default();
        readings.iter().for_each(|reading| chunk.push(reading));
        let key = Key { inverter: fleet::InverterKey(1), hour: 0 };
        let all: Vec<Quantity> = Quantity::all().collect();
        for wanted in [&all[..], &all[3..9], &[]] {
            let mut expect = Columns::default();
            let ordered = in_order(readings.to_vec());
            ordered.iter().for_each(|reading| expect.push_asked(reading, wanted));
            assert_eq!(asked(key, &chunk, wanted).unwrap(), expect);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn any_readings_are_shown_in_order_and_once(
            readings in prop::collection::vec(any_reading(), 0..30), again in 0..30_usize,
        ) {
            check(&readings);
            let mut ordered = in_order(readings);
            check(&ordered);
            ordered.extend(ordered.get(again).cloned());
            check(&ordered);
        }
    }
}
