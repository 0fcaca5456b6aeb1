//! Telephones: numbers that people type, verified by a code before anything else is sent there.
//!
//! In: a number, the keyed hash of a code (never the code) with the text that brings it. Out: rows; whether a code was
//! right. A code counts once, for ten minutes, and five wrong ones end it; how many are sent is counted in rows that
//! outlive the number.

use fleet::AccountKey;
use fleet::notice::{
    CODE_ATTEMPTS, CODE_MS, CODES_COUNT_MS, CODES_OF_ACCOUNT, CODES_TO_NUMBER, MOST_PHONES, PhoneNumber,
};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::own_ways::Farewell;
use super::tables::channels::phone::{ActiveModel, Column, Entity, Model};
use super::tables::channels::phone_code;
use super::{Act, NewMail, NewNote, Sha256, StateError, StateStore, audit, notes, outbox};

/// A telephone of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its name in addresses of pages.
    pub public_id: String,
    /// Its number.
    pub number: PhoneNumber,
    /// When it was typed.
    pub added_at: UtcMs,
    /// When a code that was sent there was typed in; until then nothing else is sent.
    pub verified_at: Option<UtcMs>,
    /// Until when a code may still be typed in.
    pub code_until: Option<UtcMs>,
}

/// A code is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewPhone<'a> {
    /// Whose.
    pub account: AccountKey,
    /// Its name in addresses of pages, where the account does not have the number yet.
    pub public_id: &'a str,
    /// The number.
    pub number: &'a PhoneNumber,
    /// Of the code.
    pub code_hash: Sha256,
    /// The text with the code.
    pub text: NewNote<'a>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneBegun {
    /// A code may be typed in, at the page of that name. It was sent, unless the number had too many today: whoever asks
    /// does not learn what others asked.
    Asked(String),
    /// That number is verified already.
    There,
    /// The account has as many as may be.
    TooMany,
    /// The account had as many codes today as may be.
    TooOften,
}

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeTried {
    /// It was right; the number is verified.
    Right,
    /// It was wrong; so many more may be tried.
    Wrong(u32),
    /// None counts any more.
    Over,
    /// The account has no such telephone that waits.
    NotThere,
}

impl StateStore {
    /// An account's telephones, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn phones(&self, account: AccountKey) -> Result<Vec<Phone>, StateError> {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list telephones"))?;
        rows.into_iter().map(Phone::from_row).collect()
    }

    /// Sends a code to a number, which takes the place of an earlier code.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn begin_phone(&self, new: NewPhone<'_>, act: &Act) -> Result<PhoneBegun, StateError> {
        const DOING: &str = "send a code to a telephone";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let all = Entity::find().filter(Column::AccountId.eq(new.account.0)).all(&change).await;
        let all = all.map_err(&doing)?;
        let known = all.iter().find(|row| row.number == new.number.as_str());
        if known.is_some_and(|row| row.verified_at.is_some()) {
            return Ok(PhoneBegun::There);
        }
        if known.is_none() && all.len() >= MOST_PHONES {
            return Ok(PhoneBegun::TooMany);
        }
        let since = act.at().plus_ms(-CODES_COUNT_MS);
        let of_account = phone_code::Column::AccountId.eq(new.account.0);
        if codes(&change, of_account, since).await.map_err(&doing)? >= CODES_OF_ACCOUNT {
            return Ok(PhoneBegun::TooOften);
        }
        let to_number = phone_code::Column::Number.eq(new.number.as_str());
        let sends = codes(&change, to_number, since).await.map_err(&doing)? < CODES_TO_NUMBER;
        let public_id = write(&change, &new, known, act.at()).await.map_err(&doing)?;
        note(&change, &new, act.at()).await.map_err(&doing)?;
        if sends {
            notes::queue_note(&change, &new.text).await.map_err(&doing)?;
        }
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(PhoneBegun::Asked(public_id))
    }

    /// Tries a code. Where it is right, the act is logged and the letters are queued.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn confirm_phone(
        &self,
        account: AccountKey,
        public_id: &str,
        code_hash: &Sha256,
        act: &Act,
        letters: &[NewMail<'_>],
    ) -> Result<CodeTried, StateError> {
        const DOING: &str = "verify a telephone";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let waiting = of(account, public_id).filter(Column::VerifiedAt.is_null()).one(&change).await;
        let Some(row) = waiting.map_err(&doing)? else { return Ok(CodeTried::NotThere) };
        let failures = u32::try_from(row.code_failures).unwrap_or(u32::MAX);
        let counts = row.code_expires_at.is_some_and(|until| until > act.at().0) && failures < CODE_ATTEMPTS;
        let Some(expected) = row.code_hash.filter(|_| counts) else { return Ok(CodeTried::Over) };
        // Keyed hashes: how long the comparison takes tells nothing of the code.
        let right = expected == code_hash;
        let update = if right {
            ActiveModel { code_hash: Set(None), verified_at: Set(Some(act.at().0)), ..ActiveModel::default() }
        } else {
            ActiveModel { code_failures: Set(row.code_failures + 1), ..ActiveModel::default() }
        };
        let update = Entity::update_many().set(update).filter(Column::Id.eq(row.id));
        update.exec(&change).await.map_err(&doing)?;
        if right {
            audit::append(&change, act).await.map_err(&doing)?;
            outbox::queue_all(&change, letters).await.map_err(&doing)?;
        }
        self.commit_change(change, DOING).await?;
        Ok(if right { CodeTried::Right } else { CodeTried::Wrong(CODE_ATTEMPTS - failures - 1) })
    }

    /// Removes a telephone. Whether the account had it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn remove_phone(
        &self,
        account: AccountKey,
        public_id: &str,
        act: &Act,
        letters: &[NewMail<'_>],
        farewell: Option<&NewNote<'_>>,
    ) -> Result<bool, StateError> {
        let goes = Farewell { letters, last: farewell };
        self.remove_way::<Entity>("remove a telephone", (account, public_id), act, goes).await
    }

    /// Forgets which codes were sent before `before`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_phone_codes_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let delete = phone_code::Entity::delete_many().filter(phone_code::Column::SentAt.lt(before.0));
        let deleted = delete.exec(&self.connection).await;
        Ok(deleted.map_err(StateError::doing("forget codes to telephones"))?.rows_affected)
    }
}

fn of(account: AccountKey, public_id: &str) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0)).filter(Column::PublicId.eq(public_id))
}

async fn codes(
    change: &impl ConnectionTrait,
    whose: sea_orm::sea_query::SimpleExpr,
    since: UtcMs,
) -> Result<u64, DbErr> {
    let sent = phone_code::Entity::find().filter(whose).filter(phone_code::Column::SentAt.gt(since.0));
    sent.count(change).await
}

/// The row of the number with its new code; its public name.
async fn write(
    change: &impl ConnectionTrait,
    new: &NewPhone<'_>,
    known: Option<&Model>,
    now: UtcMs,
) -> Result<String, DbErr> {
    let with_code = ActiveModel {
        code_hash: Set(Some(new.code_hash.to_vec())),
        code_expires_at: Set(Some(now.plus_ms(CODE_MS).0)),
        code_failures: Set(0),
        ..ActiveModel::default()
    };
    if let Some(known) = known {
        Entity::update_many().set(with_code).filter(Column::Id.eq(known.id)).exec(change).await?;
        return Ok(known.public_id.clone());
    }
    let row = ActiveModel {
        id: NotSet,
        public_id: Set(new.public_id.to_owned()),
        account_id: Set(new.account.0),
        number: Set(new.number.as_str().to_owned()),
        added_at: Set(now.0),
        verified_at: Set(None),
        ..with_code
    };
    Entity::insert(row).exec_without_returning(change).await?;
    Ok(new.public_id.to_owned())
}

async fn note(change: &impl ConnectionTrait, new: &NewPhone<'_>, now: UtcMs) -> Result<(), DbErr> {
    let row = phone_code::ActiveModel {
        id: NotSet,
        account_id: Set(new.account.0),
        number: Set(new.number.as_str().to_owned()),
        sent_at: Set(now.0),
    };
    phone_code::Entity::insert(row).exec_without_returning(change).await?;
    Ok(())
}

impl Phone {
    fn from_row(row: Model) -> Result<Self, StateError> {
        let number = PhoneNumber::parse(&row.number);
        let waits = row.code_hash.is_some() && row.code_failures < i64::from(CODE_ATTEMPTS);
        Ok(Self {
            number: number.map_err(|_| StateError::Row {
                table: "phones",
                column: "number",
                value: row.number,
            })?,
            public_id: row.public_id,
            added_at: UtcMs(row.added_at),
            verified_at: row.verified_at.map(UtcMs),
            code_until: row.code_expires_at.filter(|_| waits).map(UtcMs),
        })
    }
}
