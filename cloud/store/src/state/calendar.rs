//! Letters that come by the calendar: who is looked at when, and a letter together with the word of when the next is due.
//!
//! In: rows that are due, letters that were made of them. Out: both in one transaction, and only where the row is still the
//! one that the letter was made from: after a kill, and of two who look at once, one letter. Accounts are read in parts,
//! never all. When a letter is due, `fleet::notice` says.

use fleet::notice::{Channel, Periodical};
use fleet::{AccountKey, InverterKey};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use wire::UtcMs;

use super::tables::calendar::due::{ActiveModel, Column, Entity, Model};
use super::tables::calendar::letter;
use super::tables::{account, outbox};
use super::{NewNote, StateError, StateStore, connect, lending, notes};

/// Somebody is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetterDue {
    /// Who.
    pub account: AccountKey,
    /// For which letter.
    pub letter: Periodical,
    /// When the last one was written, or when there was nothing to write.
    pub told_at: UtcMs,
    /// Since when to look.
    pub due_at: UtcMs,
}

/// What came of looking.
#[derive(Clone, Debug)]
pub struct LetterLook<'a> {
    /// The row that was looked at.
    pub row: LetterDue,
    /// From where the next one is reckoned.
    pub told_at: UtcMs,
    /// When to look again; `None`: the letter is not wanted.
    pub due_at: Option<UtcMs>,
    /// The letter, if there is one.
    pub letter: Option<NewLetter<'a>>,
}

/// A letter.
#[derive(Clone, Debug)]
pub struct NewLetter<'a> {
    /// The message.
    pub note: NewNote<'a>,
    /// What it tells of: whoever may not see all of these any more does not get it.
    pub inverters: &'a [InverterKey],
}

impl StateStore {
    /// Gives the accounts after `last` their rows, to be looked at from `now` on; at most `most` accounts. The last of them.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn enter_in_calendar(
        &self,
        last: AccountKey,
        now: UtcMs,
        most: u64,
    ) -> Result<AccountKey, StateError> {
        let failed = StateError::doing("enter accounts in the calendar");
        let query = account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .filter(account::Column::Id.gt(last.0))
            .order_by_asc(account::Column::Id)
            .limit(most);
        let new: Vec<i64> = query.into_tuple().all(&self.connection).await.map_err(&failed)?;
        let Some(newest) = new.last().copied() else { return Ok(last) };
        let rows = new.into_iter().flat_map(|account| {
            Periodical::TABLE.map(|(_, letter)| ActiveModel {
                account_id: Set(account),
                letter: Set(letter.to_owned()),
                told_at: Set(now.0),
                due_at: Set(Some(now.0)),
            })
        });
        Entity::insert_many(rows)
            .on_conflict_do_nothing()
            .exec_without_returning(&self.connection)
            .await
            .map_err(&failed)?;
        Ok(AccountKey(newest))
    }

    /// Who is to be looked at at `now`, who waits longest first, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn due_in_calendar(&self, now: UtcMs, most: u64) -> Result<Vec<LetterDue>, StateError> {
        let due = Entity::find()
            .filter(Column::DueAt.lte(now.0))
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::AccountId)
            .limit(most);
        let rows = due.all(&self.connection).await.map_err(StateError::doing("look whose letter is due"))?;
        rows.into_iter().map(LetterDue::from_row).collect()
    }

    /// Writes what came of looking, each with its letter; a row that somebody else wrote meanwhile stays as it is, and its
    /// letter is not queued. How many letters are.
    ///
    /// # Errors
    /// [`StateError::Database`]; then nothing is written.
    pub async fn write_letters(&self, looks: &[LetterLook<'_>]) -> Result<usize, StateError> {
        let failed = StateError::doing("write letters");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let mut queued = 0;
        for look in looks {
            let update = Entity::update_many()
                .col_expr(Column::ToldAt, Expr::value(look.told_at.0))
                .col_expr(Column::DueAt, Expr::value(look.due_at.map(|due| due.0)))
                .filter(of(look.row.account, look.row.letter))
                // Whoever wrote one meanwhile, or says anew what they want, has moved it.
                .filter(Column::DueAt.eq(look.row.due_at.0));
            let ours = update.exec(&change).await.map_err(&failed)?.rows_affected > 0;
            if let (true, Some(letter)) = (ours, &look.letter) {
                letter.write(&change, look).await.map_err(&failed)?;
                queued += 1;
            }
        }
        change.commit().await.map_err(&failed)?;
        Ok(queued)
    }

    /// How many of these letters wait to be sent at `now`: while some do, no more are written, so that a message about an
    /// alarm never stands behind a hundred thousand of them.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn letters_waiting(&self, now: UtcMs) -> Result<u64, StateError> {
        let waiting = outbox::Entity::find()
            .filter(lending::waits())
            // They are letters, all of them: so the index of what waits is asked, not a month of each kind.
            .filter(outbox::Column::Channel.eq(Channel::Email.name()))
            .filter(outbox::Column::DueAt.lte(now.0))
            .filter(outbox::Column::Kind.is_in(Periodical::TABLE.map(|(_, kind)| kind)));
        waiting.count(&self.connection).await.map_err(StateError::doing("count letters"))
    }

    /// What the letter of a key in the outbox tells of; `None`: it is none of these, or its account is gone.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn listed_in_letter(&self, key: &str) -> Result<Option<Vec<InverterKey>>, StateError> {
        let row = letter::Entity::find_by_id(key.to_owned()).one(&self.connection).await;
        let row = row.map_err(StateError::doing("look up a letter"))?;
        Ok(row.map(|row| keys(&row.inverters)))
    }

    /// A letter was not sent, as its reader may not see all of it any more: it is written anew from `now` on, unless a later
    /// one was.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn write_letter_anew(&self, key: &str, now: UtcMs) -> Result<(), StateError> {
        let failed = StateError::doing("have a letter written anew");
        let row = letter::Entity::find_by_id(key.to_owned()).one(&self.connection).await.map_err(&failed)?;
        let Some(row) = row else { return Ok(()) };
        let anew = Entity::update_many()
            .col_expr(Column::ToldAt, Expr::value(row.told_before))
            .col_expr(Column::DueAt, Expr::value(now.0))
            .filter(Column::AccountId.eq(row.account_id))
            .filter(Column::Letter.eq(row.letter))
            .filter(Column::ToldAt.eq(row.written_at))
            .filter(Column::DueAt.is_not_null());
        anew.exec(&self.connection).await.map(drop).map_err(failed)
    }

    /// Forgets what letters listed that were written before `before`. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_letters_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let old = letter::Entity::delete_many().filter(letter::Column::WrittenAt.lt(before.0));
        Ok(old.exec(&self.connection).await.map_err(StateError::doing("forget letters"))?.rows_affected)
    }
}

/// Somebody said anew what they want: they are looked at, and what they did not want before is reckoned from `now`.
pub(super) async fn look_again(
    change: &impl ConnectionTrait,
    account: AccountKey,
    now: UtcMs,
) -> Result<(), DbErr> {
    let own = || Entity::update_many().filter(Column::AccountId.eq(account.0));
    let unwanted = own().filter(Column::DueAt.is_null()).col_expr(Column::ToldAt, Expr::value(now.0));
    unwanted.exec(change).await?;
    own().col_expr(Column::DueAt, Expr::value(now.0)).exec(change).await.map(drop)
}

fn of(account: AccountKey, letter: Periodical) -> Condition {
    Condition::all().add(Column::AccountId.eq(account.0)).add(Column::Letter.eq(letter.name()))
}

impl NewLetter<'_> {
    async fn write(&self, change: &impl ConnectionTrait, look: &LetterLook<'_>) -> Result<(), DbErr> {
        let row = letter::ActiveModel {
            key: Set(self.note.key.to_owned()),
            account_id: Set(look.row.account.0),
            letter: Set(look.row.letter.name().to_owned()),
            inverters: Set(self.inverters.iter().flat_map(|key| key.0.to_be_bytes()).collect()),
            told_before: Set(look.row.told_at.0),
            written_at: Set(look.told_at.0),
        };
        let same_key = OnConflict::column(letter::Column::Key).do_nothing().to_owned();
        letter::Entity::insert(row).on_conflict(same_key).exec_without_returning(change).await?;
        notes::queue_note(change, &self.note).await
    }
}

/// The numbers of a column.
fn keys(bytes: &[u8]) -> Vec<InverterKey> {
    let number = |four: &[u8]| four.try_into().ok().map(u32::from_be_bytes).map(InverterKey);
    bytes.chunks_exact(4).filter_map(number).collect()
}

impl LetterDue {
    fn from_row(row: Model) -> Result<Self, StateError> {
        let letter = Periodical::from_name(&row.letter);
        let bad = |value| StateError::Row { table: "calendar", column: "letter", value };
        Ok(Self {
            account: AccountKey(row.account_id),
            letter: letter.ok_or_else(|| bad(row.letter))?,
            told_at: UtcMs(row.told_at),
            due_at: UtcMs(row.due_at.unwrap_or(row.told_at)),
        })
    }
}
