//! Readings turned on their side: one column per thing.
//!
//! In: readings in order of time. Out: columns, and the same readings again. What is absent stays absent: a column
//! knows which rows have a value.

use fleet::StoredReading;
use wire::{BootId, Conditions, Flags, Quality, Quantity, Sample, Scaled, UtcMs};

/// Consecutive rows with the same value: how many, and the value.
pub(super) type Runs<T> = Vec<(u32, T)>;

/// A column that some rows may lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sparse {
    /// Rows that have a value: first row and how many, ascending, apart.
    pub(super) rows: Vec<(u32, u32)>,
    /// Their values.
    pub(super) values: Vec<i64>,
}

/// A chunk's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Milliseconds since 1970, ascending; one per row.
    pub(super) times: Vec<i64>,
    /// By quantity, ascending.
    pub(super) quantities: Vec<(Quantity, Sparse)>,
    /// Number within the boot.
    pub(super) sequences: Sparse,
    /// Row's time less the time the gateway reported.
    pub(super) corrections: Sparse,
    pub(super) qualities: Runs<Quality>,
    pub(super) flags: Runs<Flags>,
    pub(super) conditions: Runs<Conditions>,
    pub(super) boots: Runs<Option<BootId>>,
    pub(super) unknown: Runs<Vec<String>>,
}

impl Sparse {
    /// Rows at most are `u32`; a row number must exceed every earlier one.
    pub(super) fn push(&mut self, row: u32, value: i64) {
        match self.rows.last_mut() {
            Some((first, count)) if *first + *count == row => *count += 1,
            _ => self.rows.push((row, 1)),
        }
        self.values.push(value);
    }

    /// Whether each of `rows` rows has a value.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.values.len() == rows && self.rows.len() <= 1
    }
}

fn push_run<T: PartialEq + Clone>(runs: &mut Runs<T>, value: &T) {
    match runs.last_mut() {
        Some((count, last)) if last == value => *count += 1,
        _ => runs.push((1, value.clone())),
    }
}

impl Columns {
    /// How many rows.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Adds a row. Rows come in order of time.
    pub(super) fn push(&mut self, reading: &StoredReading) {
        let row = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.times.push(reading.time.0);
        for (quantity, value) in reading.sample.quantities.iter() {
            self.quantity(quantity).push(row, value);
        }
        if let Some(sequence) = reading.sequence {
            self.sequences.push(row, sequence.cast_signed());
        }
        if let Some(reported) = reading.reported_time {
            self.corrections.push(row, reading.time.0.wrapping_sub(reported.0));
        }
        push_run(&mut self.qualities, &reading.quality);
        push_run(&mut self.flags, &reading.sample.flags);
        push_run(&mut self.conditions, &reading.sample.conditions);
        push_run(&mut self.boots, &reading.boot);
        push_run(&mut self.unknown, &reading.sample.unknown);
    }

    /// Adds what a chart of `asked` shows of a row, and nothing else. Rows come in order of time.
    pub(super) fn push_asked(&mut self, reading: &StoredReading, asked: &[Quantity]) {
        let row = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.times.push(reading.time.0);
        for (quantity, value) in reading.sample.quantities.iter().filter(|(q, _)| asked.contains(q)) {
            self.quantity(quantity).push(row, value);
        }
        push_run(&mut self.flags, &reading.sample.flags);
        push_run(&mut self.conditions, &reading.sample.conditions);
    }

    fn quantity(&mut self, quantity: Quantity) -> &mut Sparse {
        let at = match self.quantities.binary_search_by_key(&quantity, |(q, _)| *q) {
            Ok(at) => at,
            Err(at) => {
                self.quantities.insert(at, (quantity, Sparse::default()));
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found or inserted just above")]
        &mut self.quantities[at].1
    }

    /// The readings again, in order.
    pub(super) fn into_readings(self) -> impl Iterator<Item = StoredReading> {
        let mut quantities: Vec<_> = self.quantities.into_iter().map(|(q, s)| (q, s.into_cursor())).collect();
        let mut sequences = self.sequences.into_cursor();
        let mut corrections = self.corrections.into_cursor();
        let mut qualities = repeated(self.qualities);
        let mut flags = repeated(self.flags);
        let mut conditions = repeated(self.conditions);
        let mut boots = repeated(self.boots);
        let mut unknown = repeated(self.unknown);
        (0_u32..).zip(self.times).map(move |(row, time)| {
            let values = quantities.iter_mut().filter_map(|(q, cursor)| Some((*q, cursor.at(row)?)));
            let values: Vec<(Quantity, Scaled)> = values.collect();
            StoredReading {
                time: UtcMs(time),
                quality: qualities.next().unwrap_or_default(),
                reported_time: corrections.at(row).map(|less| UtcMs(time.wrapping_sub(less))),
                boot: boots.next().flatten(),
                sequence: sequences.at(row).map(i64::cast_unsigned),
                sample: Sample {
                    quantities: values.into_iter().collect(),
                    flags: flags.next().unwrap_or_default(),
                    conditions: conditions.next().unwrap_or_default(),
                    unknown: unknown.next().unwrap_or_default(),
                },
            }
        })
    }
}

fn repeated<T: Clone>(runs: Runs<T>) -> impl Iterator<Item = T> {
    runs.into_iter().flat_map(|(count, value)| std::iter::repeat_n(value, count as usize))
}

/// Walks a sparse column row by row.
struct Cursor {
    rows: std::iter::Peekable<std::vec::IntoIter<(u32, u32)>>,
    values: std::vec::IntoIter<i64>,
}

impl Sparse {
    fn into_cursor(self) -> Cursor {
        Cursor { rows: self.rows.into_iter().peekable(), values: self.values.into_iter() }
    }
}

impl Cursor {
    /// The value of `row`, which must exceed every row asked for before.
    fn at(&mut self, row: u32) -> Option<i64> {
        while self.rows.next_if(|(first, count)| row >= first.saturating_add(*count)).is_some() {}
        let (first, _) = self.rows.peek()?;
        if row < *first { None } else { self.values.next() }
    }
}

/// Readings in order of time, those of one boot and sequence once. What a gateway sends twice across the bound of
/// `fleet`'s memory would otherwise be kept twice.
pub(super) fn in_order(mut readings: Vec<StoredReading>) -> Vec<StoredReading> {
    readings.sort_by_key(|reading| (reading.time, reading.sequence));
    let mut seen = std::collections::HashSet::with_capacity(readings.len());
    readings.retain(|reading| match (reading.boot, reading.sequence) {
        (Some(boot), Some(sequence)) => seen.insert((boot, sequence)),
        _ => true,
    });
    readings
}
