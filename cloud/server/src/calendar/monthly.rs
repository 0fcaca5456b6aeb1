//! The letter of a month's tests, of what is kept about what one reader may see.
//!
//! In: a reader. Out: on the first of a month the report of the month before; in its middle only what would be gone before the next
//! letter; none where there is nothing to tell. Reads a bounded number of rows.

use fleet::notice::Periodical;
use store::state::StateError;
use web::Live;
use web::mail::Letter;
use web::mail::calendar::{MOST_REPORTED, Month, monthly};
use web::report::{self, Asked, Period};
use wire::UtcMs;

use super::Calendar;
use super::reader::Reader;

/// From this day of the month on it is the letter between two months.
const BETWEEN_FROM: u32 = 16;

/// The letter of a reader, now.
pub async fn letter(calendar: &Calendar, reader: &Reader, now: UtcMs) -> Result<Option<Letter>, StateError> {
    let (.., day) = UtcMs(reader.local.wall_minutes(now).saturating_mul(60_000)).date();
    let between = day >= BETWEEN_FROM;
    let pairs: &[(String, String)] = if between { &[("last".to_owned(), "1".to_owned())] } else { &[] };
    let period = match Period::parse(pairs, now, reader.local.zone_id()) {
        Ok(period) => period,
        Err(error) => {
            tracing::error!(%error, "the days of a monthly letter are not known");
            return Ok(None);
        }
    };
    let rows = reader.inverters.get(..MOST_REPORTED.min(reader.inverters.len())).unwrap_or_default();
    let asked = Asked {
        title: "All inverters",
        period: &period,
        made_for: &reader.account.name,
        origin: &calendar.origin,
        number: format!("monthly/{}/{}", reader.account.key.0, now.0),
        now,
        progress: &|_| {},
    };
    let live: &dyn Live = &*calendar.sees.live;
    let mut report = report::make(&calendar.store, live, rows, asked).await?;
    if between {
        report.keep_what_goes_before(reader.due(Periodical::Monthly, now));
    }
    let month = Month {
        origin: &calendar.origin,
        local: &reader.local,
        report: &report,
        between,
        more: reader.inverters.len().saturating_sub(rows.len()),
        query: &period.query(),
    };
    match monthly(&month) {
        Ok(letter) => Ok(letter),
        Err(error) => {
            tracing::error!(%error, account = reader.account.key.0, "a monthly letter was not worded");
            Ok(None)
        }
    }
}
