//! The letter of Mondays, of what is kept about one reader's week.
//!
//! In: a reader. Out: the letter, or none where it could not be written. Reads a bounded number of rows.

use std::collections::BTreeSet;

use fleet::AccountKey;
use fleet::notice::Channels;
use store::state::{Account, Alarm, StateError};
use web::mail::Letter;
use web::mail::calendar::{Week, listed, weekly};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::Calendar;
use super::reader::Reader;

/// Alarms of a reader's week that are looked at: some hundreds of inverters have fewer.
const MOST_ALARMS: u64 = 5_000;

/// The letter of a reader, now.
pub async fn letter(calendar: &Calendar, reader: &Reader, now: UtcMs) -> Result<Option<Letter>, StateError> {
    let (store, since) = (&calendar.store, now.plus_ms(-7 * DAY_MS));
    let alarms = store.alarms_on_since(&reader.keys(), since, MOST_ALARMS).await?;
    let accounts = accounts(calendar, &alarms).await?;
    let reached = store.reached(reader.account.key, since).await?;
    let absences = store.absences(since).await?;
    let ways = store.ways(reader.account.key).await?;
    let inverters = calendar.watched(reader);
    let week = Week {
        origin: &calendar.origin,
        since,
        local: &reader.local,
        inverters: &inverters,
        more_alarms: alarms.len() as u64 >= MOST_ALARMS,
        alarms: &alarms,
        accounts: &accounts,
        reached: &reached,
        absences: &absences,
        verified: ways.iter().fold(Channels::NONE, |all, way| all.and(way.channel)),
        preferences: &reader.preferences,
    };
    match weekly(&week) {
        Ok(letter) => Ok(Some(letter)),
        Err(error) => {
            tracing::error!(%error, account = reader.account.key.0, "a weekly letter was not worded");
            Ok(None)
        }
    }
}

/// Who has acknowledged those that the letter lists.
async fn accounts(calendar: &Calendar, alarms: &[Alarm]) -> Result<Vec<Account>, StateError> {
    let keys: BTreeSet<AccountKey> = listed(alarms).filter_map(|alarm| alarm.acknowledged_by).collect();
    let mut accounts = Vec::with_capacity(keys.len());
    for key in keys {
        accounts.extend(calendar.store.account(key).await?);
    }
    Ok(accounts)
}
