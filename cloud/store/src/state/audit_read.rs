//! Reads the audit log, the newest act first, a page at a time.
//!
//! In: whose log it is and what of it is wanted. Out: acts with what is left of their details. Which acts an audience
//! may read is `fleet::audit`'s table. Only reads.

use std::collections::HashMap;

use fleet::audit::{Audience, Verb};
use fleet::{AccountKey, InverterKey, OrganizationKey};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::audit::{detail, entry};
use super::{By, Sha256, StateError, StateStore};

/// Whose log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All of it: an operator's.
    Everybody,
    /// What a person did, and what others did to their account.
    Person(AccountKey),
    /// What was done to an inverter, as its holders may read it.
    Inverter(InverterKey),
    /// What was done in an organization, as its owners may read it.
    Organization(OrganizationKey),
}

/// What is wanted. `None`: any.
#[derive(Clone, Copy, Debug)]
pub struct AuditQuery<'a> {
    /// Whose log.
    pub whose: Whose,
    /// Only these acts.
    pub verbs: Option<&'a [Verb]>,
    /// Only what this account did.
    pub by: Option<AccountKey>,
    /// Only what concerns this account.
    pub account: Option<AccountKey>,
    /// Only what concerns this inverter.
    pub inverter: Option<InverterKey>,
    /// Not before this instant.
    pub from: Option<UtcMs>,
    /// Before this instant.
    pub until: Option<UtcMs>,
    /// Before this row: where the page before ended.
    pub before: Option<i64>,
    /// At most this many.
    pub most: u64,
}

impl AuditQuery<'_> {
    /// The newest `most` of somebody's log.
    #[must_use]
    pub fn newest(whose: Whose, most: u64) -> Self {
        let (verbs, by, account, inverter, from, until, before) = (None, None, None, None, None, None, None);
        Self { whose, verbs, by, account, inverter, from, until, before, most }
    }
}

/// One act as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditAct {
    /// Its number in the log.
    pub sequence: i64,
    /// When.
    pub at: UtcMs,
    /// What; `None` for an act of a newer version.
    pub verb: Option<Verb>,
    /// The act's name in the log.
    pub name: String,
    /// Who; `None` for what a newer version wrote.
    pub by: Option<By>,
    /// The account that it concerns.
    pub account: Option<AccountKey>,
    /// The inverter that it concerns.
    pub inverter: Option<InverterKey>,
    /// The organization that it concerns.
    pub organization: Option<OrganizationKey>,
    /// From where, and more in words.
    pub details: Details,
}

/// What is left of an act's details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// It never had any.
    None,
    /// They were erased, for example with the account.
    Erased,
    /// They are there.
    Kept {
        /// Network address that it was done from.
        address: Option<String>,
        /// In words; may be empty.
        detail: String,
    },
}

impl StateStore {
    /// A page of the log.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn audit_acts(&self, query: &AuditQuery<'_>) -> Result<Vec<AuditAct>, StateError> {
        let doing = StateError::doing("read the audit log");
        let rows = entry::Entity::find()
            .filter(wanted(query))
            .order_by_desc(entry::Column::Sequence)
            .limit(query.most)
            .all(&self.connection)
            .await
            .map_err(&doing)?;
        let sequences = rows.iter().map(|row| row.sequence);
        let beside = detail::Entity::find().filter(detail::Column::Sequence.is_in(sequences));
        let beside = beside.all(&self.connection).await.map_err(&doing)?;
        let mut beside: HashMap<_, _> = beside.into_iter().map(|row| (row.sequence, row)).collect();
        rows.into_iter().map(|row| act(beside.remove(&row.sequence), row)).collect()
    }

    /// The row that has this hash: a last hash noted earlier must still be in the log.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn audit_row_of_hash(&self, hash: &Sha256) -> Result<Option<i64>, StateError> {
        let query = entry::Entity::find().filter(entry::Column::Hash.eq(hash.to_vec()));
        let row = query.one(&self.connection).await.map_err(StateError::doing("read the audit log"))?;
        Ok(row.map(|row| row.sequence))
    }
}

fn wanted(query: &AuditQuery<'_>) -> Condition {
    use entry::Column;
    Condition::all()
        .add(whose(query.whose))
        .add_option(query.verbs.map(|verbs| Column::Verb.is_in(verbs.iter().map(|verb| verb.name()))))
        .add_option(query.by.map(|key| Column::ActorId.eq(key.0)))
        .add_option(query.account.map(|key| Column::AccountId.eq(key.0)))
        .add_option(query.inverter.map(|key| Column::InverterId.eq(i64::from(key.0))))
        .add_option(query.from.map(|from| Column::At.gte(from.0)))
        .add_option(query.until.map(|until| Column::At.lt(until.0)))
        .add_option(query.before.map(|before| Column::Sequence.lt(before)))
}

fn whose(whose: Whose) -> Condition {
    use entry::Column;
    let readable = |audience| Column::Verb.is_in(Verb::read_by(audience).map(Verb::name));
    match whose {
        Whose::Everybody => Condition::all(),
        Whose::Person(key) => {
            let others = Condition::all().add(Column::AccountId.eq(key.0)).add(readable(Audience::Account));
            Condition::any().add(Column::ActorId.eq(key.0)).add(others)
        }
        Whose::Inverter(key) => {
            Condition::all().add(Column::InverterId.eq(i64::from(key.0))).add(readable(Audience::Holders))
        }
        Whose::Organization(key) => {
            Condition::all().add(Column::OrganizationId.eq(key.0)).add(readable(Audience::Holders))
        }
    }
}

fn act(details: Option<detail::Model>, row: entry::Model) -> Result<AuditAct, StateError> {
    let had_details = row.detail_hash.iter().any(|byte| *byte != 0);
    Ok(AuditAct {
        sequence: row.sequence,
        at: UtcMs(row.at),
        verb: Verb::from_name(&row.verb),
        name: row.verb,
        by: By::from_columns(&row.actor, row.actor_id),
        account: row.account_id.map(AccountKey),
        inverter: row.inverter_id.map(inverter_key).transpose()?,
        organization: row.organization_id.map(OrganizationKey),
        details: match details {
            Some(row) => Details::Kept { address: row.address, detail: row.detail },
            None if had_details => Details::Erased,
            None => Details::None,
        },
    })
}
