//! The letter of a day, of what is kept about what one reader may see.
//!
//! In: a reader, when the last one was written. Out: the letter, or none where there is nothing new or it could not be
//! written. Reads a bounded number of rows.

use fleet::Condition;
use fleet::condition::Severity;
use store::state::{Alarm, StateError};
use web::mail::Letter;
use web::mail::calendar::{Day, LateNews, daily};
use wire::UtcMs;

use super::Calendar;
use super::reader::Reader;

/// Alarms, and late events, of a reader's day that are looked at.
const MOST: u64 = 1_000;

/// The letter of a reader, now.
pub async fn letter(
    calendar: &Calendar,
    reader: &Reader,
    since: UtcMs,
    now: UtcMs,
) -> Result<Option<Letter>, StateError> {
    let (store, keys) = (&calendar.store, reader.keys());
    let alarms = store.alarms(&keys, since, now, MOST).await?;
    let alarms: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.severity == Severity::Info).collect();
    let late = store.told_late(&keys, since, now, MOST).await?;
    let known = |(key, name): &(_, String)| Some((*key, Condition::from_name(name)?));
    let late: Vec<LateNews> = late.iter().filter_map(known).collect();
    if alarms.is_empty() && late.is_empty() {
        return Ok(None);
    }
    let inverters = calendar.watched(reader);
    let day = Day {
        origin: &calendar.origin,
        since,
        local: &reader.local,
        inverters: &inverters,
        alarms: &alarms,
        late: &late,
    };
    match daily(&day) {
        Ok(letter) => Ok(letter),
        Err(error) => {
            tracing::error!(%error, account = reader.account.key.0, "a daily letter was not worded");
            Ok(None)
        }
    }
}
