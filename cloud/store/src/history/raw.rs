//! Every reading of a span, one after the other.
//!
//! In: an inverter and a span. Out: readings, oldest first, each once. Holds an hour at a time, or a merged day.

use std::collections::VecDeque;
use std::sync::Arc;

use fleet::retention::KEPT_MS;
use fleet::{InverterKey, StoredReading};
use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

use super::columns::in_order;
use super::day::{DayFile, WHOLE_DAY};
use super::days::lock;
use super::range::{is_sealed, overlaps};
use super::seal::readings_of;
use super::{History, HistoryError};

/// As in `range`.
const TRIES: usize = 4;

/// Readings of a span, oldest first, each once. Ends after an error.
pub struct RawReadings {
    history: History,
    inverter: InverterKey,
    /// Where the next readings begin.
    from: i64,
    to: i64,
    ready: VecDeque<StoredReading>,
}

impl History {
    /// Every reading of an inverter with `from <= time < to`, oldest first, each once; `from` is raised to 30 days
    /// before `now`. The iterator owns what it needs and may be sent to another thread; each step may read the disk.
    ///
    /// # Errors
    /// [`HistoryError`]; later ones come as items, and end the walk.
    pub fn raw(
        &self,
        inverter: InverterKey,
        from: UtcMs,
        to: UtcMs,
        now: UtcMs,
    ) -> Result<RawReadings, HistoryError> {
        let from = from.0.max(now.0.saturating_sub(KEPT_MS));
        let mut readings =
            RawReadings { history: self.clone(), inverter, from, to: to.0, ready: VecDeque::new() };
        // The first hour is read at once, so that a reader who cannot begin is told before anything is sent.
        if readings.from < readings.to {
            readings.load()?;
        }
        Ok(readings)
    }
}

impl Iterator for RawReadings {
    type Item = Result<StoredReading, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(reading) = self.ready.pop_front() {
                return Some(Ok(reading));
            }
            if self.from >= self.to {
                return None;
            }
            if let Err(error) = self.load() {
                self.from = self.to;
                return Some(Err(error));
            }
        }
    }
}

impl RawReadings {
    /// Loads the next hour, or the rest of a day that is merged, and moves `from` behind it.
    fn load(&mut self) -> Result<(), HistoryError> {
        let day = self.from.div_euclid(DAY_MS);
        for _ in 0..TRIES {
            if let Some((readings, end)) = self.try_load(day)? {
                self.ready = readings.into();
                self.from = end;
                return Ok(());
            }
        }
        Err(HistoryError::Restless)
    }

    fn try_load(&self, day: i64) -> Result<Option<(Vec<StoredReading>, i64)>, HistoryError> {
        let history = &self.history;
        let hour = self.from.div_euclid(HOUR_MS);
        let last_hour = day * WHOLE_DAY + WHOLE_DAY - 1;
        let mut open = lock(&history.open).of(self.inverter, hour, last_hour);
        let sealed = history.listing(day, self.inverter)?;
        let whole = sealed.iter().any(|sealed| sealed.key.hour() == WHOLE_DAY);
        let end = if whole { (day + 1) * DAY_MS } else { (hour + 1) * HOUR_MS }.min(self.to);
        open.retain(|(key, chunk)| key.hour * HOUR_MS < end && !is_sealed(&sealed, *key, day, chunk));
        if sealed.is_empty() && open.is_empty() && history.days.generation(day).is_none() {
            return Ok(Some((Vec::new(), self.next_day_with_readings(day))));
        }
        let mut readings = Vec::new();
        for sealed in sealed.iter().filter(|sealed| overlaps(sealed, day, self.from, end)) {
            let read = |file: &DayFile| file.content(sealed.key, |chunk| chunk.columns());
            let Some(columns) = history.days.read(day, read)?.flatten() else { return Ok(None) };
            readings.extend(columns.into_readings().filter(|r| (self.from..end).contains(&r.time.0)));
        }
        for (key, chunk) in open {
            let within =
                readings_of(key, &chunk)?.into_iter().filter(|r| (self.from..end).contains(&r.time.0));
            readings.extend(within);
        }
        Ok(Some((in_order(readings), end)))
    }

    /// Skips what has no file and no open chunk.
    fn next_day_with_readings(&self, day: i64) -> i64 {
        let last = (self.to - 1).div_euclid(DAY_MS);
        let filed = self.history.days.between(day + 1, last).first().copied();
        let hours = (day * WHOLE_DAY, last * WHOLE_DAY + WHOLE_DAY);
        let open: Vec<(_, Arc<_>)> = lock(&self.history.open).of(self.inverter, hours.0, hours.1);
        let begun = self.from.div_euclid(HOUR_MS);
        let opened = open.iter().filter(|(key, _)| key.hour > begun).map(|(key, _)| key.hour * HOUR_MS).min();
        let filed = filed.map(|day| day * DAY_MS);
        filed.into_iter().chain(opened).min().unwrap_or(self.to).min(self.to)
    }
}
