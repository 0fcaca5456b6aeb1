//! Which ways lead to a person: those that were tried out.
//!
//! In: an account. Out: its verified channels, and where each leads. The address of an account is verified by its own rules.

use std::collections::HashMap;

use fleet::AccountKey;
use fleet::notice::{Channel, Channels};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::tables::account;
use super::tables::channels::{phone, push, webhook};
use super::{StateError, StateStore};

/// Where a channel leads: what the outbox names as the recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Which channel.
    pub channel: Channel,
    /// An address, a number in E.164, or the public name of a browser or webhook.
    pub to: String,
}

impl StateStore {
    /// The channels of an account that were verified; none of a disabled account.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn reachable(&self, account: AccountKey) -> Result<Channels, StateError> {
        let ways = self.ways(account).await?;
        Ok(ways.iter().fold(Channels::NONE, |all, way| all.and(way.channel)))
    }

    /// Every verified way to an account, by channel in their order.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn ways(&self, account: AccountKey) -> Result<Vec<Way>, StateError> {
        ways(&self.connection, account).await.map_err(StateError::doing("list the ways to a person"))
    }
}

/// The ways to many, by account in a handful of queries; those who have none beside their address are left out. The caller
/// knows that the accounts are not disabled.
pub(super) async fn beside_mail(
    connection: &impl ConnectionTrait,
    accounts: &[i64],
) -> Result<HashMap<AccountKey, Vec<Way>>, DbErr> {
    let mut all: HashMap<AccountKey, Vec<Way>> = HashMap::new();
    let mut add = |account: i64, channel: Channel, to: String| {
        all.entry(AccountKey(account)).or_default().push(Way { channel, to });
    };
    let phones = phone::Entity::find()
        .filter(phone::Column::AccountId.is_in(accounts.iter().copied()))
        .filter(phone::Column::VerifiedAt.is_not_null())
        .order_by_asc(phone::Column::Id);
    for row in phones.all(connection).await? {
        add(row.account_id, Channel::Text, row.number);
    }
    let browsers = push::Entity::find()
        .filter(push::Column::AccountId.is_in(accounts.iter().copied()))
        .filter(push::Column::VerifiedAt.is_not_null())
        .order_by_asc(push::Column::Id);
    for row in browsers.all(connection).await? {
        add(row.account_id, Channel::Push, row.public_id);
    }
    let webhooks = webhook::Entity::find()
        .filter(webhook::Column::AccountId.is_in(accounts.iter().copied()))
        .filter(webhook::Column::VerifiedAt.is_not_null())
        .filter(webhook::Column::DisabledAt.is_null())
        .order_by_asc(webhook::Column::Id);
    for row in webhooks.all(connection).await? {
        add(row.account_id, Channel::Webhook, row.public_id);
    }
    Ok(all)
}

/// The same within a transaction.
pub(super) async fn ways(connection: &impl ConnectionTrait, account: AccountKey) -> Result<Vec<Way>, DbErr> {
    let open = account::Entity::find_by_id(account.0).filter(account::Column::Disabled.eq(false));
    let Some(row) = open.one(connection).await? else { return Ok(Vec::new()) };
    let mut ways = vec![Way { channel: Channel::Email, to: row.email }];
    ways.extend(beside_mail(connection, &[account.0]).await?.remove(&account).unwrap_or_default());
    Ok(ways)
}
