//! Whom alarms of some inverters concern: everybody whom a grant reaches, by itself or in an organization.
//!
//! In: inverters, now. Out: accounts that are not disabled, each with the grants that reach it and what it wants to be told;
//! by a handful of queries, however many inverters. Decides nothing: who may see what is `fleet::authorize`'s to say.

use std::collections::{BTreeMap, HashMap};

use fleet::notice::Preferences;
use fleet::{AccountKey, Grant, Held, Holder, InverterKey, MemberRole, OrganizationKey};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter};
use wire::UtcMs;

use super::members::member_role;
use super::tables::incidents::preference;
use super::tables::organizations::member;
use super::tables::{account, grant};
use super::{Account, IncidentKey, StateError, StateStore, Way, grants, preferences, reachable};

/// Keys in one statement, well below SQLite's 32,766 parameters.
const KEYS_A_STATEMENT: usize = 10_000;

/// Somebody whom alarms may concern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub account: Account,
    /// Verified ways to that person beside the address.
    pub ways: Vec<Way>,
    /// What that person wants to be told, if they ever said.
    pub preferences: Option<Preferences>,
    /// The grants that reach the account.
    pub held: Vec<Held>,
    /// On which of the inverters a grant brings critical alarms by e-mail, where the person never said (decision 24).
    pub by_email: Vec<InverterKey>,
}

/// Everybody, and how many rows could not be read: whom they are of is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// By account.
    pub told: Vec<Told>,
    /// Rows that this program does not understand.
    pub unreadable: usize,
}

impl StateStore {
    /// Everybody whom alarms of `inverters` concern at `now`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn recipients(&self, inverters: &[InverterKey], now: UtcMs) -> Result<Recipients, StateError> {
        find(&self.connection, inverters, now).await
    }

    /// Whether an account may still be told of an incident at `now`: it is not disabled, and a grant reaches it on an
    /// inverter of the incident.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn may_be_told(
        &self,
        account: AccountKey,
        incident: IncidentKey,
        now: UtcMs,
    ) -> Result<bool, StateError> {
        let Some(row) = self.incident(incident).await? else { return Ok(false) };
        let mut inverters: Vec<InverterKey> =
            row.incident.members().iter().map(|member| member.inverter).collect();
        inverters.sort_unstable();
        inverters.dedup();
        let open = self.account(account).await?.is_some_and(|account| !account.disabled);
        let reach = if open {
            reach(&self.connection, &inverters, now, Some(account)).await?
        } else {
            Reach::default()
        };
        Ok(reach.held.get(&account).is_some_and(|held| !held.is_empty()))
    }
}

/// Everybody whom alarms of `inverters` concern.
pub(super) async fn find(
    connection: &impl ConnectionTrait,
    inverters: &[InverterKey],
    now: UtcMs,
) -> Result<Recipients, StateError> {
    let failed = StateError::doing("list whom alarms concern");
    let mut reach = reach(connection, inverters, now, None).await?;
    let keys: Vec<i64> = reach.held.keys().map(|key| key.0).collect();
    let mut recipients = Recipients { told: Vec::with_capacity(keys.len()), unreadable: reach.unreadable };
    for part in keys.chunks(KEYS_A_STATEMENT) {
        let in_part = |column: preference::Column| column.is_in(part.iter().copied());
        let chosen = preference::Entity::find().filter(in_part(preference::Column::AccountId));
        let chosen = chosen.all(connection).await.map_err(&failed)?;
        let mut wanted: HashMap<i64, Preferences> = HashMap::with_capacity(chosen.len());
        for row in &chosen {
            // What cannot be read is as if it was never said: better told than not.
            match preferences::of(row) {
                Ok(read) => drop(wanted.insert(row.account_id, read)),
                Err(_) => recipients.unreadable += 1,
            }
        }
        let mut ways = reachable::beside_mail(connection, part).await.map_err(&failed)?;
        let open = account::Entity::find()
            .filter(account::Column::Id.is_in(part.iter().copied()))
            .filter(account::Column::Disabled.eq(false));
        for row in open.all(connection).await.map_err(&failed)? {
            let key = AccountKey(row.id);
            let Ok(account) = Account::from_row(row) else {
                recipients.unreadable += 1;
                continue;
            };
            recipients.told.push(Told {
                ways: ways.remove(&key).unwrap_or_default(),
                preferences: wanted.remove(&key.0),
                held: reach.held.remove(&key).unwrap_or_default(),
                by_email: reach.by_email.remove(&key).unwrap_or_default(),
                account,
            });
        }
    }
    recipients.told.sort_by_key(|told| told.account.key);
    Ok(recipients)
}

/// What reaches whom.
#[derive(Default)]
struct Reach {
    held: BTreeMap<AccountKey, Vec<Held>>,
    by_email: BTreeMap<AccountKey, Vec<InverterKey>>,
    unreadable: usize,
}

impl Reach {
    fn add(&mut self, account: AccountKey, held: Held, by_email: bool) {
        self.held.entry(account).or_default().push(held);
        if by_email {
            self.by_email.entry(account).or_default().push(held.grant.inverter);
        }
    }
}

/// The grants on `inverters` that hold at `now`, by the accounts that they reach; of one account only, where it is named.
async fn reach(
    connection: &impl ConnectionTrait,
    inverters: &[InverterKey],
    now: UtcMs,
    only: Option<AccountKey>,
) -> Result<Reach, StateError> {
    let failed = StateError::doing("list the grants on inverters");
    let holds = || grant::Column::EndsAt.is_null().or(grant::Column::EndsAt.gt(now.0));
    let (mut reach, mut by_organization) = (Reach::default(), Vec::new());
    for part in inverters.chunks(KEYS_A_STATEMENT) {
        let on = grant::Column::InverterId.is_in(part.iter().map(|key| i64::from(key.0)));
        let rows = grant::Entity::find().filter(on).filter(holds()).all(connection).await;
        for row in rows.map_err(&failed)? {
            let by_email = row.critical_by_email;
            let Ok(grant) = grants::grant(row) else {
                reach.unreadable += 1;
                continue;
            };
            match grant.holder {
                Holder::Account(key) if only.is_none_or(|only| only == key) => {
                    reach.add(key, grant.into(), by_email);
                }
                Holder::Account(_) => {}
                Holder::Organization(key) => by_organization.push((key, grant, by_email)),
            }
        }
    }
    let members = members(connection, &by_organization, only, &mut reach.unreadable).await?;
    for (organization, grant, by_email) in by_organization {
        for (account, role) in members.get(&organization).into_iter().flatten() {
            reach.add(*account, Held { grant, member: Some(*role) }, by_email);
        }
    }
    Ok(reach)
}

/// The members of the organizations that hold the grants.
async fn members(
    connection: &impl ConnectionTrait,
    held: &[(OrganizationKey, Grant, bool)],
    only: Option<AccountKey>,
    unreadable: &mut usize,
) -> Result<HashMap<OrganizationKey, Vec<(AccountKey, MemberRole)>>, StateError> {
    let mut keys: Vec<i64> = held.iter().map(|(key, ..)| key.0).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut members: HashMap<OrganizationKey, Vec<(AccountKey, MemberRole)>> = HashMap::new();
    for part in keys.chunks(KEYS_A_STATEMENT) {
        let mut query =
            member::Entity::find().filter(member::Column::OrganizationId.is_in(part.iter().copied()));
        if let Some(only) = only {
            query = query.filter(member::Column::AccountId.eq(only.0));
        }
        for row in query.all(connection).await.map_err(StateError::doing("list members"))? {
            let Ok(role) = member_role(&row.role) else {
                *unreadable += 1;
                continue;
            };
            let of = members.entry(OrganizationKey(row.organization_id)).or_default();
            of.push((AccountKey(row.account_id), role));
        }
    }
    Ok(members)
}
