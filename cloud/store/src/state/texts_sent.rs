//! Text messages that were sent, counted by what they are limited by; in the store, so that a restart resets nothing.
//!
//! In: a number, whose, what for, limits. Out: whether one more may be sent, as `fleet::notice` judges it, counted in the
//! same transaction; taken back where the provider did not take it.

use fleet::AccountKey;
use fleet::notice::{PhoneNumber, TextLimits, TextPurpose, TextRefusal, TextsSent};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::tables::channels::texts_sent::{ActiveModel, Column, Entity};
use super::{StateError, StateStore, connect};

/// A text that is to be counted.
#[derive(Clone, Copy, Debug)]
pub struct TextToSend<'a> {
    /// Whose telephone it is.
    pub account: Option<AccountKey>,
    /// To where.
    pub number: &'a PhoneNumber,
    /// What for.
    pub purpose: TextPurpose,
    /// Now; a day is one of UTC.
    pub at: UtcMs,
}

impl StateStore {
    /// Counts a text that is about to be sent, if the limits allow it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn count_text(
        &self,
        text: TextToSend<'_>,
        limits: &TextLimits,
    ) -> Result<Result<(), TextRefusal>, StateError> {
        let doing = StateError::doing("count a text");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let scopes = scopes(&text);
        let mut sent = TextsSent::default();
        let counts = [&mut sent.in_all, &mut sent.block, &mut sent.person];
        for (count, scope) in counts.into_iter().zip(&scopes) {
            let row = Entity::find_by_id((day(text.at), scope.clone())).one(&change).await.map_err(&doing)?;
            *count = row.map_or(0, |row| u32::try_from(row.count).unwrap_or(u32::MAX));
        }
        if let Err(refusal) = limits.allow(text.number, sent, text.purpose) {
            return Ok(Err(refusal));
        }
        add(&change, &text, 1).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)?;
        Ok(Ok(()))
    }

    /// The provider did not take it: it is not counted.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn uncount_text(&self, text: TextToSend<'_>) -> Result<(), StateError> {
        let doing = StateError::doing("count a text no more");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        add(&change, &text, -1).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)
    }

    /// Forgets what was counted on days before that of `before`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_text_counts_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let delete = Entity::delete_many().filter(Column::Day.lt(day(before))).exec(&self.connection).await;
        Ok(delete.map_err(StateError::doing("forget how many texts were sent"))?.rows_affected)
    }
}

const fn day(at: UtcMs) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// In all, of the block, of the person where it is somebody's.
fn scopes(text: &TextToSend<'_>) -> Vec<String> {
    let mut scopes = vec!["all".to_owned(), format!("block:{}", text.number.block())];
    scopes.extend(text.account.map(|account| format!("account:{}", account.0)));
    scopes
}

async fn add(change: &impl ConnectionTrait, text: &TextToSend<'_>, count: i64) -> Result<(), DbErr> {
    for scope in scopes(text) {
        let row = ActiveModel { day: Set(day(text.at)), scope: Set(scope), count: Set(Ord::max(count, 0)) };
        let there = OnConflict::columns([Column::Day, Column::Scope])
            .value(Column::Count, Expr::col((Entity, Column::Count)).add(count))
            .to_owned();
        Entity::insert(row).on_conflict(there).exec_without_returning(change).await?;
    }
    Ok(())
}
