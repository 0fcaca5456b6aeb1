//! Power losses of which nobody was told the story.
//!
//! In: letters that tell of them. Out: outages that are over, with when they can be told; letters and word that they were written stand in
//! one transaction, so that a kill writes none twice.

use fleet::InverterKey;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::UtcMs;

use super::tables::calendar::letter;
use super::tables::records::record::{Column, Entity};
use super::{Announcing, NewNote, RecordRow, StateError, StateStore, notes};

/// What these letters are in the table of what letters list.
const LETTER: &str = "power_loss";

/// An outage whose story is not told.
#[derive(Clone, Debug, PartialEq)]
pub struct UntoldOutage {
    /// The outage.
    pub row: RecordRow,
    /// When it can be told.
    pub tell_at: UtcMs,
}

/// A letter.
#[derive(Clone, Copy, Debug)]
pub struct LossLetter<'a> {
    /// The message.
    pub note: NewNote<'a>,
    /// When it is to be sent.
    pub due_at: UtcMs,
    /// What it tells of: whoever may not see all of these any more does not get it.
    pub inverters: &'a [InverterKey],
}

impl StateStore {
    /// Whether a story can be told at `now`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn outage_can_be_told(&self, now: UtcMs) -> Result<bool, StateError> {
        let due = Entity::find().select_only().column(Column::InverterId).filter(Column::TellAt.lte(now.0));
        let row: Option<i64> = due
            .into_tuple()
            .one(&self.connection)
            .await
            .map_err(StateError::doing("look whether a power loss can be told of"))?;
        Ok(row.is_some())
    }
}

impl Announcing {
    /// Outages whose story is not told, those that can be told soonest first, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn untold_outages(&self, most: u64) -> Result<Vec<UntoldOutage>, StateError> {
        let query = Entity::find()
            .filter(Column::TellAt.is_not_null())
            .order_by_asc(Column::TellAt)
            .order_by_asc(Column::InverterId)
            .limit(most);
        let rows = query.all(&self.change).await.map_err(StateError::doing("list untold power losses"))?;
        let untold = |row: super::tables::records::record::Model| {
            let tell_at = UtcMs(row.tell_at.unwrap_or(row.told_at));
            Ok(UntoldOutage { row: RecordRow::from_row(row)?, tell_at })
        };
        rows.into_iter().map(untold).collect()
    }

    /// Queues letters, notes that these outages are told, and ends.
    ///
    /// # Errors
    /// [`StateError::Database`]; then nothing is written.
    pub async fn tell_outages(
        self,
        told: &[(InverterKey, String)],
        letters: &[LossLetter<'_>],
    ) -> Result<(), StateError> {
        let failed = StateError::doing("tell of power losses");
        for (inverter, key) in told {
            let update = Entity::update_many()
                .col_expr(Column::TellAt, Expr::value(None::<i64>))
                .filter(Column::InverterId.eq(i64::from(inverter.0)))
                .filter(Column::Key.eq(key.as_str()));
            update.exec(&self.change).await.map_err(&failed)?;
        }
        for one in letters {
            let row = letter::ActiveModel {
                key: Set(one.note.key.to_owned()),
                account_id: Set(one.note.account.0),
                letter: Set(LETTER.to_owned()),
                inverters: Set(one.inverters.iter().flat_map(|key| key.0.to_be_bytes()).collect()),
                told_before: Set(0),
                written_at: Set(one.note.queued_at.0),
            };
            let same_key = OnConflict::column(letter::Column::Key).do_nothing().to_owned();
            let insert = letter::Entity::insert(row).on_conflict(same_key);
            insert.exec_without_returning(&self.change).await.map_err(&failed)?;
            notes::queue_note_for(&self.change, &one.note, one.due_at).await.map_err(&failed)?;
        }
        self.change.commit().await.map_err(&failed)
    }
}
