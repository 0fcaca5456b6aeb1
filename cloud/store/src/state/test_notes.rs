//! Notes on tests: what a person says was done after one that failed.
//!
//! In: a note on a record, with its act. Out: the notes of some inverters. A note is added, never changed; it goes with its record.

use fleet::{AccountKey, InverterKey};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait,
    QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::pieces;
use super::tables::logbook::logged;
use super::tables::test_notes::test_note::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit, logbook_enter};

/// A note on a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestNote {
    /// On which inverter.
    pub inverter: InverterKey,
    /// Key of the test's record.
    pub key: String,
    /// When the test began.
    pub started: UtcMs,
    /// What was done.
    pub text: String,
    /// Who says so; nobody where the account is gone.
    pub by: Option<AccountKey>,
    /// When it was written.
    pub written_at: UtcMs,
}

/// Inverters in one statement's list.
const INVERTERS_A_STATEMENT: usize = 10_000;

impl StateStore {
    /// Adds a note, unless its record has `most` already. Whether it is kept.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn add_test_note(&self, note: &TestNote, most: u64, act: &Act) -> Result<bool, StateError> {
        const DOING: &str = "add a note on a test";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let there = Entity::find()
            .filter(Column::InverterId.eq(i64::from(note.inverter.0)))
            .filter(Column::StartedAt.eq(note.started.0))
            .filter(Column::Key.eq(note.key.as_str()));
        if there.count(&change).await.map_err(&doing)? >= most {
            return Ok(false);
        }
        Entity::insert(note.to_row()).exec_without_returning(&change).await.map_err(&doing)?;
        if let Some(by) = note.by {
            let said = (note.text.as_str(), by);
            logbook_enter::wait_note(&change, note.inverter, &note.key, said, note.written_at)
                .await
                .map_err(&doing)?;
        }
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// Notes on tests of some inverters that began with `from <= start < to`, as they were written.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn test_notes(
        &self,
        inverters: &[InverterKey],
        from: UtcMs,
        to: UtcMs,
    ) -> Result<Vec<TestNote>, StateError> {
        let mut found = Vec::new();
        for part in inverters.chunks(INVERTERS_A_STATEMENT) {
            let rows = Entity::find()
                .filter(Column::InverterId.is_in(part.iter().map(|key| i64::from(key.0))))
                .filter(Column::StartedAt.gte(from.0))
                .filter(Column::StartedAt.lt(to.0))
                .order_by_asc(Column::Id)
                .all(&self.connection)
                .await
                .map_err(StateError::doing("list notes on tests"))?;
            for row in rows {
                found.push(TestNote::from_row(row)?);
            }
        }
        Ok(found)
    }

    /// Forgets notes on tests that began before `before`, and are in no logbook. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_test_notes_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let entered = Query::select()
            .expr(Expr::val(1))
            .from(logged::Entity)
            .and_where(
                Expr::col((logged::Entity, logged::Column::InverterId)).equals((Entity, Column::InverterId)),
            )
            .and_where(Expr::col((logged::Entity, logged::Column::RecordKey)).equals((Entity, Column::Key)))
            .take();
        let only = Condition::all().add(Expr::exists(entered)).not();
        let gone = pieces::delete::<Entity>(&self.connection, Column::StartedAt, before, only).await;
        gone.map_err(StateError::doing("forget notes on tests"))
    }
}

impl TestNote {
    fn to_row(&self) -> ActiveModel {
        ActiveModel {
            id: NotSet,
            inverter_id: Set(i64::from(self.inverter.0)),
            key: Set(self.key.clone()),
            started_at: Set(self.started.0),
            text: Set(self.text.clone()),
            account_id: Set(self.by.map(|by| by.0)),
            written_at: Set(self.written_at.0),
        }
    }

    fn from_row(row: Model) -> Result<Self, StateError> {
        Ok(Self {
            inverter: inverter_key(row.inverter_id)?,
            key: row.key,
            started: UtcMs(row.started_at),
            text: row.text,
            by: row.account_id.map(AccountKey),
            written_at: UtcMs(row.written_at),
        })
    }
}
