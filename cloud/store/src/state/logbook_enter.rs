//! What comes into logbooks: records wait in the transaction that writes them, then are entered in the order of their logbook.
//!
//! In: records, notes; later, in words as they are signed, what waits. Out: entries, each once, and the chain's place, in one transaction:
//! after a kill what waits still waits or is entered. Never changes an entry; the database refuses it.

use fleet::logbook::{Entry, Hash, Inverter, Place, Signer, What};
use fleet::{AccountKey, InverterKey, Role};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::logbook::{BookKey, Logbook};
use super::tables::grant;
use super::tables::logbook::{book, logged, waiting};
use super::tables::records::record;
use super::{RecordRow, StateError, StateStore, connect};

/// Rows in one statement.
const ROWS_A_STATEMENT: usize = 1_000;
/// What stands before the key of the record that a note is about, and after it.
const NOTE: (&str, char) = ("note/", '@');

/// Something that waits to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: i64,
    /// Where.
    pub book: BookKey,
    /// Of which inverter.
    pub inverter: InverterKey,
    /// The record, or the one that a note is about.
    pub record_key: String,
    /// The note and who wrote it; nothing for the record itself.
    pub note: Option<(String, AccountKey)>,
}

/// An entry to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What waited.
    pub id: i64,
    /// Of which inverter.
    pub inverter: InverterKey,
    /// The same as it is known now.
    pub named: Inverter,
    /// The record, or the one that a note is about.
    pub record_key: String,
    /// What it tells.
    pub what: What,
}

impl StateStore {
    /// What waits longest, at most `most`, by logbook.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbook_waiting(&self, most: u64) -> Result<Vec<Waiting>, StateError> {
        let query = waiting::Entity::find().order_by_asc(waiting::Column::Id).limit(most);
        let rows =
            query.all(&self.connection).await.map_err(StateError::doing("list what waits for logbooks"))?;
        rows.into_iter().map(Waiting::from_row).collect()
    }

    /// Lets the next piece of the records that were there when a logbook was begun wait for it, oldest first. Whether there may be more.
    pub(super) async fn fill_logbook(&self, key: BookKey) -> Result<bool, StateError> {
        let failed = StateError::doing("begin the logbook");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let row =
            book::Entity::kept().filter(book::Column::Id.eq(key.0)).one(&change).await.map_err(&failed)?;
        // It was given up meanwhile, or is filled.
        let Some((row, after)) = row.and_then(|row| row.filled_through.map(|after| (row, after))) else {
            return Ok(false);
        };
        let (rows, through) = there_by(&change, &row, after).await.map_err(&failed)?;
        insert(&change, rows).await.map_err(&failed)?;
        let filled = book::ActiveModel { filled_through: Set(through), ..book::ActiveModel::default() };
        let update = book::Entity::update_many().set(filled).filter(book::Column::Id.eq(key.0));
        update.exec(&change).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)?;
        Ok(through.is_some())
    }

    /// Lets a note on a record wait for each logbook of an organization that manages the inverter then.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn note_for_logbooks(
        &self,
        inverter: InverterKey,
        about: &str,
        note: (&str, AccountKey),
        now: UtcMs,
    ) -> Result<(), StateError> {
        let failed = StateError::doing("note something for logbooks");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        wait_note(&change, inverter, about, note, now).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)
    }

    /// What waited under `ids` is not there any more: its record went.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn drop_waiting(&self, ids: &[i64]) -> Result<(), StateError> {
        let gone = waiting::Entity::delete_many().filter(waiting::Column::Id.is_in(ids.iter().copied()));
        let gone = gone.exec(&self.connection).await;
        gone.map(drop).map_err(StateError::doing("drop what waits for a logbook"))
    }

    /// Enters drafts into a logbook, in their order. What is as it was entered last is not entered again; what says more is a new entry,
    /// which names the one that it corrects. How many entries were written.
    ///
    /// # Errors
    /// [`StateError`]; then none is written, and all of it still waits.
    pub async fn enter(
        &self,
        key: BookKey,
        drafts: Vec<Draft>,
        now: UtcMs,
        signer: &Signer,
    ) -> Result<u64, StateError> {
        let failed = StateError::doing("write into a logbook");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let row = book::Entity::kept().filter(book::Column::Id.eq(key.0)).one(&change);
        let Some(row) = row.await.map_err(&failed)? else {
            // It was given up meanwhile, with all that waited for it.
            return Ok(0);
        };
        let book = Logbook::from_row(row)?;
        let (before, mut place) = (book.place.last, book.place);
        // A clock that was set back does not turn the order around.
        let now = now.max(book.written_at.unwrap_or(now));
        let ids: Vec<i64> = drafts.iter().map(|draft| draft.id).collect();
        for draft in drafts {
            write(&change, key, draft, &mut place, now, signer).await?;
        }
        let gone = waiting::Entity::delete_many().filter(waiting::Column::Id.is_in(ids));
        gone.exec(&change).await.map_err(&failed)?;
        let written = place.last - before;
        if written > 0 {
            move_head(&change, key, &place, now).await?;
        }
        change.commit().await.map_err(&failed)?;
        Ok(written)
    }

    /// Lets entries of a logbook go up to `last`; `checkpoint`: the signed line that says so. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn drop_entries(&self, key: BookKey, last: u64, checkpoint: &str) -> Result<u64, StateError> {
        let failed = StateError::doing("let old entries of a logbook go");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let old = logged::Entity::delete_many()
            .filter(logged::Column::BookId.eq(key.0))
            .filter(logged::Column::Number.lte(i64::try_from(last).unwrap_or(i64::MAX)));
        let gone = old.exec(&change).await.map_err(&failed)?.rows_affected;
        let row = book::ActiveModel {
            gone_number: Set(i64::try_from(last).unwrap_or(i64::MAX)),
            checkpoint: Set(Some(checkpoint.to_owned())),
            ..book::ActiveModel::default()
        };
        let update = book::Entity::update_many().set(row).filter(book::Column::Id.eq(key.0));
        update.exec(&change).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)?;
        Ok(gone)
    }
}

async fn write(
    change: &DatabaseTransaction,
    key: BookKey,
    draft: Draft,
    place: &mut Place,
    now: UtcMs,
    signer: &Signer,
) -> Result<(), StateError> {
    let failed = StateError::doing("write into a logbook");
    let earlier = logged::Entity::find()
        .filter(logged::Column::BookId.eq(key.0))
        .filter(logged::Column::InverterId.eq(i64::from(draft.inverter.0)))
        .filter(logged::Column::RecordKey.eq(draft.record_key.as_str()));
    // Asked for in order, SQLite reads the whole logbook backwards: the index of a record's entries does not have their order.
    let mut earlier = earlier.all(change).await.map_err(&failed)?;
    earlier.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
    let said = earlier.iter().filter_map(|row| Entry::unchecked(&row.line));
    // A record is told of again by a replay, and by each word that comes later; a note is written once.
    let last = said
        .map(|entry| entry.what)
        .find(|what| matches!(what, What::Note(_)) == matches!(draft.what, What::Note(_)));
    let again = last.is_some_and(|last| match (&last, &draft.what) {
        (What::Note(last), What::Note(new)) => last == new,
        (last, new) => last.record().is_some() && last.record() == new.record(),
    });
    if again {
        return Ok(());
    }
    let corrects = earlier.first().and_then(|row| u64::try_from(row.number).ok());
    let started_at = draft.what.started().unwrap_or(now);
    let line = place.append(draft.named, draft.what, corrects, now, signer)?;
    let row = logged::ActiveModel {
        book_id: Set(key.0),
        number: Set(i64::try_from(place.last).unwrap_or(i64::MAX)),
        inverter_id: Set(i64::from(draft.inverter.0)),
        record_key: Set(draft.record_key),
        started_at: Set(started_at.0),
        written_at: Set(now.0),
        line: Set(line),
    };
    logged::Entity::insert(row).exec_without_returning(change).await.map_err(&failed)?;
    Ok(())
}

async fn move_head(
    change: &DatabaseTransaction,
    key: BookKey,
    place: &Place,
    now: UtcMs,
) -> Result<(), StateError> {
    let Hash(hash) = place.hash;
    let row = book::ActiveModel {
        last_number: Set(i64::try_from(place.last).unwrap_or(i64::MAX)),
        last_hash: Set(hash.to_vec()),
        written_at: Set(now.0),
        ..book::ActiveModel::default()
    };
    let update = book::Entity::update_many().set(row).filter(book::Column::Id.eq(key.0)).exec(change).await;
    update.map(drop).map_err(StateError::doing("write into a logbook"))
}

/// Within the transaction that writes records: lets them wait for each logbook of an organization that manages their inverter then.
pub(super) async fn wait(change: &impl ConnectionTrait, records: &[RecordRow]) -> Result<(), DbErr> {
    if records.is_empty() {
        return Ok(());
    }
    let inverters = records.iter().map(|row| i64::from(row.inverter.0));
    let keeping = keeping(change, Condition::all().add(grant::Column::InverterId.is_in(inverters))).await?;
    let rows = records.iter().flat_map(|row| {
        let of = keeping.iter().filter(|keeps| keeps.inverter == i64::from(row.inverter.0));
        of.filter(|keeps| keeps.ends.is_none_or(|ends| row.told_at.0 < ends))
            .map(|keeps| (keeps.book, keeps.inverter, row.record.key()))
            .collect::<Vec<_>>()
    });
    insert(change, rows.collect()).await
}

/// Within a note's transaction: lets it wait for each logbook of an organization that manages the inverter.
pub(super) async fn wait_note(
    change: &impl ConnectionTrait,
    inverter: InverterKey,
    about: &str,
    (text, by): (&str, AccountKey),
    now: UtcMs,
) -> Result<(), DbErr> {
    let on = Condition::all().add(grant::Column::InverterId.eq(i64::from(inverter.0)));
    let holding = keeping(change, on).await?;
    for keeps in holding.iter().filter(|keeps| keeps.ends.is_none_or(|ends| now.0 < ends)) {
        let row = waiting::ActiveModel {
            id: NotSet,
            book_id: Set(keeps.book),
            inverter_id: Set(keeps.inverter),
            record_key: Set(format!("{}{about}{}{}", NOTE.0, NOTE.1, now.0)),
            note: Set(Some(text.to_owned())),
            noted_by: Set(Some(by.0)),
        };
        waiting::Entity::insert(row).exec_without_returning(change).await?;
    }
    Ok(())
}

/// Some records that are still there of the inverters that a logbook's organization managed when it was begun, which began after `after`; and
/// the last instant that is whole in there: nothing where these are the last.
async fn there_by(
    change: &impl ConnectionTrait,
    book: &book::Model,
    after: i64,
) -> Result<(Vec<(i64, i64, String)>, Option<i64>), DbErr> {
    let holds =
        Condition::any().add(grant::Column::EndsAt.is_null()).add(grant::Column::EndsAt.gt(book.begun_at));
    let own = Query::select()
        .column(grant::Column::InverterId)
        .from(grant::Entity)
        .and_where(grant::Column::OrganizationId.eq(book.organization_id))
        .and_where(grant::Column::Role.eq(Role::ReadWrite.name()))
        .cond_where(holds)
        .to_owned();
    let there = record::Entity::find()
        .select_only()
        // With the sign no index of inverters is asked: the one of ages gives a piece without all that comes after it.
        .filter(Expr::cust("+records.inverter_id").in_subquery(own))
        .filter(record::Column::StartedAt.gt(after))
        .order_by_asc(record::Column::StartedAt);
    let last = there.clone().column(record::Column::StartedAt).offset(ROWS_A_STATEMENT as u64 - 1).limit(1);
    let through: Option<i64> = last.into_tuple().one(change).await?;
    let piece = Condition::all().add_option(through.map(|through| record::Column::StartedAt.lte(through)));
    let piece = there.columns([record::Column::InverterId, record::Column::Key]).filter(piece);
    let rows: Vec<(i64, String)> = piece.into_tuple().all(change).await?;
    Ok((rows.into_iter().map(|(inverter, key)| (book.id, inverter, key)).collect(), through))
}

/// A grant by which an organization that keeps a logbook manages an inverter.
struct Keeping {
    book: i64,
    inverter: i64,
    ends: Option<i64>,
}

async fn keeping(change: &impl ConnectionTrait, which: Condition) -> Result<Vec<Keeping>, DbErr> {
    let books: Vec<(i64, i64)> = book::Entity::kept()
        .select_only()
        .columns([book::Column::Id, book::Column::OrganizationId])
        .into_tuple()
        .all(change)
        .await?;
    if books.is_empty() {
        return Ok(Vec::new());
    }
    let grants = grant::Entity::find()
        .filter(which)
        .filter(grant::Column::Role.eq(Role::ReadWrite.name()))
        .filter(grant::Column::OrganizationId.is_not_null());
    let grants = grants.all(change).await?;
    let of = |grant: grant::Model| {
        let own = books.iter().find(|(_, organization)| Some(*organization) == grant.organization_id)?;
        Some(Keeping { book: own.0, inverter: grant.inverter_id, ends: grant.ends_at })
    };
    Ok(grants.into_iter().filter_map(of).collect())
}

async fn insert(change: &impl ConnectionTrait, rows: Vec<(i64, i64, String)>) -> Result<(), DbErr> {
    let once = OnConflict::columns([
        waiting::Column::BookId,
        waiting::Column::InverterId,
        waiting::Column::RecordKey,
    ])
    .do_nothing()
    .to_owned();
    for part in rows.chunks(ROWS_A_STATEMENT) {
        let rows = part.iter().map(|(book, inverter, record_key)| waiting::ActiveModel {
            id: NotSet,
            book_id: Set(*book),
            inverter_id: Set(*inverter),
            record_key: Set(record_key.clone()),
            note: Set(None),
            noted_by: Set(None),
        });
        waiting::Entity::insert_many(rows).on_conflict(once.clone()).exec_without_returning(change).await?;
    }
    Ok(())
}

impl Waiting {
    fn from_row(row: waiting::Model) -> Result<Self, StateError> {
        let about = row.record_key.strip_prefix(NOTE.0).and_then(|rest| rest.rsplit_once(NOTE.1));
        let record_key = about.map_or(row.record_key.as_str(), |(about, _)| about).to_owned();
        Ok(Self {
            id: row.id,
            book: BookKey(row.book_id),
            inverter: inverter_key(row.inverter_id)?,
            record_key,
            note: row.note.zip(row.noted_by.map(AccountKey)),
        })
    }
}
