//! What logbooks hold: for exports, pages, calendars of years.
//!
//! In: a logbook, or organizations and inverters that the caller may see. Out: entries as they were signed; records as they are known now,
//! from the last thirty days and from logbooks alike.

use std::collections::BTreeMap;

use fleet::logbook::Entry;
use fleet::{InverterKey, OrganizationKey};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Query,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::logbook::BookKey;
use super::tables::logbook::{book, logged};
use super::{RecordRow, StateError, StateStore, pieces};

/// Inverters in one statement's list.
const INVERTERS_A_STATEMENT: usize = 10_000;

/// Entries of one instant that are read together, though more than were asked for.
const MOST_AT_ONCE: u64 = 10_000;

/// An entry as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRow {
    /// Its number.
    pub number: u64,
    /// Of which inverter.
    pub inverter: InverterKey,
    /// When it was written.
    pub written_at: UtcMs,
    /// The line.
    pub line: String,
}

/// Records, and where there are more than were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptRecords {
    /// The oldest first.
    pub rows: Vec<RecordRow>,
    /// Those that began then or later are still to be asked for; nothing: these are all.
    pub more_from: Option<UtcMs>,
}

impl StateStore {
    /// Entries of a logbook with `after < number <= through`, in their order, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbook_entries(
        &self,
        key: BookKey,
        after: u64,
        through: u64,
        most: u64,
    ) -> Result<Vec<LoggedRow>, StateError> {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let query = logged::Entity::find()
            .filter(logged::Column::BookId.eq(key.0))
            .filter(logged::Column::Number.gt(number(after)))
            .filter(logged::Column::Number.lte(number(through)))
            .order_by_asc(logged::Column::Number)
            .limit(most);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("read a logbook"))?;
        rows.into_iter().map(LoggedRow::from_row).collect()
    }

    /// The last entries of a logbook before `before`, the newest first, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn newest_logbook_entries(
        &self,
        key: BookKey,
        before: u64,
        most: u64,
    ) -> Result<Vec<LoggedRow>, StateError> {
        let query = logged::Entity::find()
            .filter(logged::Column::BookId.eq(key.0))
            .filter(logged::Column::Number.lt(i64::try_from(before).unwrap_or(i64::MAX)))
            .order_by_desc(logged::Column::Number)
            .limit(most);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("read a logbook"))?;
        rows.into_iter().map(LoggedRow::from_row).collect()
    }

    /// Entries about an inverter in the logbooks of `organizations`, written at `from` or later, in that order, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbook_entries_of(
        &self,
        organizations: &[OrganizationKey],
        inverter: InverterKey,
        from: UtcMs,
        most: u64,
    ) -> Result<Vec<LoggedRow>, StateError> {
        let query = logged::Entity::find()
            .filter(logged::Column::BookId.in_subquery(books_of(organizations)))
            .filter(logged::Column::InverterId.eq(i64::from(inverter.0)))
            .filter(logged::Column::WrittenAt.gte(from.0))
            .order_by_asc(logged::Column::WrittenAt)
            .order_by_asc(logged::Column::BookId)
            .order_by_asc(logged::Column::Number);
        let doing = StateError::doing("read a logbook");
        let mut rows = query.clone().limit(most).all(&self.connection).await.map_err(&doing)?;
        if let Some(last) = rows.last().map(|row| row.written_at).filter(|_| rows.len() as u64 >= most) {
            rows.retain(|row| row.written_at < last);
            let at_once = query.filter(logged::Column::WrittenAt.eq(last)).limit(MOST_AT_ONCE);
            rows.extend(at_once.all(&self.connection).await.map_err(&doing)?);
        }
        rows.into_iter().map(LoggedRow::from_row).collect()
    }

    /// The last entry of a logbook that was written before `before`, of those that go at once: there may be more.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn last_entry_before(
        &self,
        key: BookKey,
        before: UtcMs,
    ) -> Result<Option<LoggedRow>, StateError> {
        let doing = StateError::doing("look for old entries of a logbook");
        let oldest = logged::Entity::find()
            .filter(logged::Column::BookId.eq(key.0))
            .order_by_asc(logged::Column::Number)
            .limit(pieces::AT_ONCE);
        let oldest = oldest.all(&self.connection).await.map_err(&doing)?;
        let old = oldest.into_iter().take_while(|row| row.written_at < before.0);
        old.last().map(LoggedRow::from_row).transpose()
    }

    /// Records of some inverters with `from <= start < to`, about `most` at a time: those of the last thirty days, and those in the
    /// logbooks of `organizations`, each as it is known now. The caller may see these inverters and is a member of these organizations:
    /// what an organization's logbook holds stays with it, whoever has the inverter now.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn kept_records(
        &self,
        organizations: &[OrganizationKey],
        inverters: &[InverterKey],
        from: UtcMs,
        to: UtcMs,
        most: u64,
    ) -> Result<KeptRecords, StateError> {
        let mut cut: Option<UtcMs> = None;
        // What began with the last one that was read may not all be there.
        let mut end_at = |count: usize, last: Option<UtcMs>| {
            let full = last.filter(|_| count as u64 >= most);
            cut = [cut, full].into_iter().flatten().min();
        };
        let mut kept: BTreeMap<(UtcMs, InverterKey, String), RecordRow> = BTreeMap::new();
        let mut take = |row: RecordRow| {
            kept.insert((row.record.started(), row.inverter, row.record.key()), row);
        };
        for part in inverters.chunks(INVERTERS_A_STATEMENT).filter(|_| !organizations.is_empty()) {
            let query = logged::Entity::find()
                .filter(logged::Column::BookId.in_subquery(books_of(organizations)))
                .filter(logged::Column::InverterId.is_in(part.iter().map(|key| i64::from(key.0))))
                .filter(logged::Column::StartedAt.gte(from.0))
                .filter(logged::Column::StartedAt.lt(to.0))
                // A correction comes after what it corrects.
                .order_by_asc(logged::Column::StartedAt)
                .order_by_asc(logged::Column::WrittenAt)
                .order_by_asc(logged::Column::Number)
                .limit(most);
            let rows = query.all(&self.connection).await.map_err(StateError::doing("read logbooks"))?;
            end_at(rows.len(), rows.last().map(|row| UtcMs(row.started_at)));
            for row in rows {
                let record = Entry::unchecked(&row.line).and_then(|entry| entry.what.record());
                if let Some(record) = record {
                    let (inverter, told_at) = (inverter_key(row.inverter_id)?, UtcMs(row.written_at));
                    take(RecordRow { inverter, record, told_at });
                }
            }
        }
        // Of what is in both, the record itself may know more.
        let own = self.records(inverters, from, to, most).await?;
        end_at(own.len(), own.last().map(|row| row.record.started()));
        own.into_iter().for_each(take);
        let Some(cut) = cut else {
            return Ok(KeptRecords { rows: kept.into_values().collect(), more_from: None });
        };
        let all_at_once = kept.first_key_value().is_some_and(|((started, ..), _)| *started >= cut);
        let more_from = if all_at_once { cut.plus_ms(1) } else { cut };
        let rows = kept.into_values().filter(|row| row.record.started() < more_from).collect();
        Ok(KeptRecords { rows, more_from: Some(more_from) })
    }
}

/// Whether an organization's logbook holds anything.
pub(super) async fn holds_entries(
    connection: &impl ConnectionTrait,
    organization: OrganizationKey,
) -> Result<bool, DbErr> {
    let own = logged::Entity::find().filter(logged::Column::BookId.in_subquery(books_of(&[organization])));
    Ok(own.one(connection).await?.is_some())
}

fn books_of(organizations: &[OrganizationKey]) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(book::Column::Id)
        .from(book::Entity)
        .and_where(book::Column::GivenUpAt.is_null())
        .and_where(book::Column::OrganizationId.is_in(organizations.iter().map(|key| key.0)))
        .to_owned()
}

impl LoggedRow {
    fn from_row(row: logged::Model) -> Result<Self, StateError> {
        Ok(Self {
            number: u64::try_from(row.number).map_err(|_| StateError::Row {
                table: "logbook_entries",
                column: "number",
                value: row.number.to_string(),
            })?,
            inverter: inverter_key(row.inverter_id)?,
            written_at: UtcMs(row.written_at),
            line: row.line,
        })
    }
}
