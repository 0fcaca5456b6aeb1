//! Attempts at pairing: who waits for which button, and how it ended.
//!
//! In: attempts, outcomes from the pipeline. Out: attempts as their own account sees them. How an attempt ended is
//! written once: the first outcome stays, a repeated or later one changes nothing, so that replaying the journal is
//! harmless. A pairing's grant, its row in the audit log and the letters to earlier holders are one transaction with it.

use fleet::audit::Verb;
use fleet::pairing::{AttemptKey, Earlier, End, LOOK_BACK_MS, Outcome};
use fleet::{AccountKey, Grant, Holder, InverterKey, Role};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr,
    EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::SimpleExpr,
};
use wire::{Serial, UtcMs};

use super::audit::{self, Act, By};
use super::inverters::inverter_key;
use super::tables::organizations::member;
use super::tables::pairing::{ActiveModel, Column, Entity, Model};
use super::tables::{account, inverter};
use super::{Email, Inverter, NewMail, StateError, StateStore, connect, grants, outbox, sha256};

/// An attempt to be begun.
#[derive(Clone, Copy, Debug)]
pub struct NewPairing<'a> {
    /// Random text that will name it outside.
    pub public_id: &'a str,
    /// Whose.
    pub account: AccountKey,
    /// As typed; there may be no such inverter.
    pub serial: Serial,
    /// Where the request came from, as limits count it; `None`: unknown, and then not limited by it.
    pub source: Option<&'a str>,
    /// Fresh random bytes, for the log's row of how it ended.
    pub salt: [u8; 32],
    /// Now.
    pub started_at: UtcMs,
    /// When it runs out.
    pub ends_at: UtcMs,
}

/// What came of beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The attempt's number, and the inverter's if there is one of that serial number.
    Attempt(AttemptKey, Option<InverterKey>),
    /// Not before then.
    Wait(UtcMs),
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Its number.
    pub key: AttemptKey,
    /// Random text that names it outside.
    pub public_id: String,
    /// Whose.
    pub account: AccountKey,
    /// As typed.
    pub serial: Serial,
    /// Which inverter, if there is one. Nobody is told before it is paired.
    pub inverter: Option<InverterKey>,
    /// When it began.
    pub started_at: UtcMs,
    /// When it runs out.
    pub ends_at: UtcMs,
    /// How it ended and when, if it has.
    pub ended: Option<(End, UtcMs)>,
}

/// What a letter about a pairing is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// The address of who has it now, too.
    pub by: Email,
    /// The inverter.
    pub inverter: Inverter,
    /// Others who have access to it: number, address.
    pub holders: Vec<(AccountKey, Email)>,
}

impl StateStore {
    /// Begins an attempt, unless `wait` says until when that must wait. Open attempts of the account at the same serial
    /// number give way.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn begin_pairing(
        &self,
        new: NewPairing<'_>,
        act: &Act,
        wait: impl FnOnce(&Earlier) -> Option<UtcMs>,
    ) -> Result<Begun, StateError> {
        let failed = StateError::doing("begin a pairing");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let earlier = earlier(&change, &new).await.map_err(&failed)?;
        if let Some(again) = wait(&earlier) {
            change.rollback().await.map_err(&failed)?;
            return Ok(Begun::Wait(again));
        }
        let of_serial = inverter::Entity::find().filter(inverter::Column::Serial.eq(new.serial.as_str()));
        let id: Option<i64> = of_serial
            .select_only()
            .column(inverter::Column::Id)
            .into_tuple()
            .one(&change)
            .await
            .map_err(&failed)?;
        replace_open(&change, &new).await.map_err(&failed)?;
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            account_id: Set(new.account.0),
            serial: Set(new.serial.as_str().to_owned()),
            inverter_id: Set(id),
            source: Set(new.source.map(str::to_owned)),
            salt: Set(new.salt.to_vec()),
            started_at: Set(new.started_at.0),
            ends_at: Set(new.ends_at.0),
            outcome: Set(None),
            ended_at: Set(None),
        };
        let made = Entity::insert(row).exec(&change).await.map_err(&failed)?;
        audit::append(&change, act).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)?;
        Ok(Begun::Attempt(AttemptKey(made.last_insert_id), id.map(inverter_key).transpose()?))
    }

    /// An attempt of an account.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn pairing(&self, account: AccountKey, public_id: &str) -> Result<Option<Pairing>, StateError> {
        let query =
            Entity::find().filter(Column::PublicId.eq(public_id)).filter(Column::AccountId.eq(account.0));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up a pairing"))?;
        row.map(Pairing::from_row).transpose()
    }

    /// The attempts of an account that are kept, the newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn pairings_of(&self, account: AccountKey) -> Result<Vec<Pairing>, StateError> {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).order_by_desc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list pairings"))?;
        rows.into_iter().map(Pairing::from_row).collect()
    }

    /// What a letter about this attempt's pairing is made from, at `now`; `None` where nobody is to be told: the attempt
    /// has ended already, or account or inverter are gone.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn pairing_to_tell(
        &self,
        attempt: AttemptKey,
        now: UtcMs,
    ) -> Result<Option<Paired>, StateError> {
        let failed = StateError::doing("look up whom a pairing concerns");
        let open = Entity::find_by_id(attempt.0).filter(Column::Outcome.is_null());
        let Some(row) = open.one(&self.connection).await.map_err(&failed)? else { return Ok(None) };
        let Some(key) = row.inverter_id.map(inverter_key).transpose()? else { return Ok(None) };
        let by = account::Entity::find_by_id(row.account_id).one(&self.connection).await.map_err(&failed)?;
        let Some((by, inverter)) = by.zip(self.inverter(key).await?) else { return Ok(None) };
        let holders = holders(&self.connection, key, now).await?;
        let email = |text: &str| {
            Email::parse(text).map_err(|_| StateError::Row {
                table: "accounts",
                column: "email",
                value: text.to_owned(),
            })
        };
        let others = holders.iter().filter(|holder| holder.id != by.id);
        let others = others.map(|holder| Ok((AccountKey(holder.id), email(&holder.email)?)));
        Ok(Some(Paired {
            by: email(&by.email)?,
            inverter,
            holders: others.collect::<Result<_, StateError>>()?,
        }))
    }

    /// Writes how an attempt ended, unless that is written already. A pairing gives the account read-write access, and
    /// queues `letters`. Whether it was written now.
    ///
    /// # Errors
    /// [`StateError`]; then nothing of it is written.
    pub async fn end_pairing(&self, outcome: &Outcome, letters: &[NewMail<'_>]) -> Result<bool, StateError> {
        const DOING: &str = "end a pairing";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let open = Entity::find_by_id(outcome.attempt.0).filter(Column::Outcome.is_null());
        let Some(row) = open.one(&change).await.map_err(&failed)? else {
            change.rollback().await.map_err(&failed)?;
            return Ok(false);
        };
        // An inverter that was removed meanwhile cannot be given, nor one to who was shut out meanwhile.
        let paired = outcome.end == End::Paired && is_open(&change, row.account_id).await.map_err(&failed)?;
        let given = row.inverter_id.map(inverter_key).transpose()?.filter(|_| paired);
        let end = if outcome.end == End::Paired && given.is_none() { End::Expired } else { outcome.end };
        if let Some(inverter) = given {
            let grant = Grant {
                holder: AccountKey(row.account_id).into(),
                inverter,
                role: Role::ReadWrite,
                ends: None,
            };
            grants::write(&change, grant, outcome.at).await.map_err(&failed)?;
            outbox::queue_all(&change, letters).await.map_err(&failed)?;
        }
        close(&change, row, end, outcome.at).await?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// Ends every attempt that ran out at or before `through`. How many.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn expire_pairings(&self, through: UtcMs) -> Result<usize, StateError> {
        const DOING: &str = "end pairings that ran out of time";
        let failed = StateError::doing(DOING);
        let due = || {
            let open = Entity::find().filter(Column::Outcome.is_null());
            open.filter(Column::EndsAt.lte(through.0)).order_by_asc(Column::Id).limit(MOST_AT_ONCE)
        };
        // Almost always there is none, and then nothing is written.
        if due().one(&self.connection).await.map_err(&failed)?.is_none() {
            return Ok(0);
        }
        let change = self.begin_change(DOING).await?;
        let rows = due().all(&change).await.map_err(&failed)?;
        let count = rows.len();
        for row in rows {
            let at = UtcMs(row.ends_at);
            close(&change, row, End::Expired, at).await?;
        }
        self.commit_change(change, DOING).await?;
        Ok(count)
    }

    /// Forgets attempts that began before `before` and have ended; the audit log keeps what matters. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_pairings_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let delete = Entity::delete_many()
            .filter(Column::StartedAt.lt(before.0))
            .filter(Column::Outcome.is_not_null());
        let deleted = delete.exec(&self.connection).await.map_err(StateError::doing("forget pairings"))?;
        Ok(deleted.rows_affected)
    }
}

/// Attempts ended by one transaction; more wait for the next tick.
const MOST_AT_ONCE: u64 = 500;

async fn earlier(change: &DatabaseTransaction, new: &NewPairing<'_>) -> Result<Earlier, DbErr> {
    let since = new.started_at.plus_ms(-LOOK_BACK_MS).0;
    let not_paired = Column::Outcome.is_null().or(Column::Outcome.ne(End::Paired.name()));
    let beginnings = |which: SimpleExpr| {
        Entity::find()
            .filter(which)
            .filter(Column::StartedAt.gt(since))
            .filter(not_paired.clone())
            .select_only()
            .column(Column::StartedAt)
            .into_tuple::<i64>()
    };
    let of_account = Column::AccountId.eq(new.account.0);
    let by_serial = beginnings(of_account.clone().and(Column::Serial.eq(new.serial.as_str())));
    let by_serial = by_serial.all(change).await?;
    let by_account = beginnings(of_account).all(change).await?;
    let by_source = match new.source {
        Some(source) => beginnings(Column::Source.eq(source)).all(change).await?,
        None => Vec::new(),
    };
    let times = |rows: Vec<i64>| rows.into_iter().map(UtcMs).collect();
    Ok(Earlier { by_account: times(by_account), by_source: times(by_source), by_serial: times(by_serial) })
}

async fn replace_open(change: &DatabaseTransaction, new: &NewPairing<'_>) -> Result<(), DbErr> {
    let replaced = ActiveModel {
        outcome: Set(Some(End::Replaced.name().to_owned())),
        ended_at: Set(Some(new.started_at.0)),
        ..ActiveModel::default()
    };
    let open = Entity::update_many()
        .set(replaced)
        .filter(Column::AccountId.eq(new.account.0))
        .filter(Column::Serial.eq(new.serial.as_str()))
        .filter(Column::Outcome.is_null());
    open.exec(change).await.map(drop)
}

/// Whether an account may sign in.
async fn is_open(change: &DatabaseTransaction, account: i64) -> Result<bool, DbErr> {
    let row = account::Entity::find_by_id(account).one(change).await?;
    Ok(row.is_some_and(|row| !row.disabled))
}

/// Accounts that a grant on an inverter reaches at `now`, by themselves or in an organization.
async fn holders(
    connection: &impl ConnectionTrait,
    inverter: InverterKey,
    now: UtcMs,
) -> Result<Vec<account::Model>, StateError> {
    let failed = StateError::doing("list who has access to an inverter");
    let (mut accounts, mut organizations) = (Vec::new(), Vec::new());
    let grants = grants::find(connection, grants::on(inverter)).await?;
    for grant in grants.iter().filter(|grant| grant.holds(now)) {
        match grant.holder {
            Holder::Account(key) => accounts.push(key.0),
            Holder::Organization(key) => organizations.push(key.0),
        }
    }
    let members = member::Entity::find().filter(member::Column::OrganizationId.is_in(organizations));
    let members = members.all(connection).await.map_err(&failed)?;
    accounts.extend(members.into_iter().map(|row| row.account_id));
    let open = account::Entity::find()
        .filter(account::Column::Id.is_in(accounts))
        .filter(account::Column::Disabled.eq(false))
        .order_by_asc(account::Column::Id);
    open.all(connection).await.map_err(failed)
}

/// Writes the end and its row in the audit log.
async fn close(change: &DatabaseTransaction, row: Model, end: End, at: UtcMs) -> Result<(), StateError> {
    let failed = StateError::doing("end a pairing");
    let (account, inverter) = (AccountKey(row.account_id), row.inverter_id.map(inverter_key).transpose()?);
    let salt = sha256(row.salt, "pairings", "salt")?;
    let act = |verb| Act::new(verb, By::Account(account), at, salt).of_account(account);
    // Only a pairing may name the inverter: the others' rows are read by who guessed, too.
    let act = match (end, inverter) {
        (End::Paired, Some(inverter)) => act(Verb::PairDone).on_inverter(inverter).with_detail(row.serial),
        (End::Cancelled, _) => act(Verb::PairCancel).with_detail(row.serial),
        _ => act(Verb::PairFail).with_detail(format!("{}: {}", row.serial, end.name())),
    };
    audit::append(change, &act).await.map_err(&failed)?;
    let ended = ActiveModel {
        outcome: Set(Some(end.name().to_owned())),
        ended_at: Set(Some(at.0)),
        ..ActiveModel::default()
    };
    let update = Entity::update_many().set(ended).filter(Column::Id.eq(row.id));
    update.exec(change).await.map(drop).map_err(&failed)
}

impl Pairing {
    fn from_row(row: Model) -> Result<Self, StateError> {
        let bad = |column, value| StateError::Row { table: "pairings", column, value };
        let end = row.outcome.map(|name| End::from_name(&name).ok_or_else(|| bad("outcome", name)));
        Ok(Self {
            key: AttemptKey(row.id),
            public_id: row.public_id,
            account: AccountKey(row.account_id),
            serial: Serial::parse(&row.serial).map_err(|_| bad("serial", row.serial))?,
            inverter: row.inverter_id.map(inverter_key).transpose()?,
            started_at: UtcMs(row.started_at),
            ends_at: UtcMs(row.ends_at),
            ended: end.transpose()?.zip(row.ended_at.map(UtcMs)),
        })
    }
}
