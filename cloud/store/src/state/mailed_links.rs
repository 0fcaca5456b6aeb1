//! Links that are mailed: to register, to set a new password, to confirm a new address.
//!
//! In: what somebody asked for an address, with the letters that may answer it; later the SHA-256 of a link's secret
//! (never the secret). Out: the letter that `fleet::registration` says, queued; whose the link is, while it counts. A
//! newer link of the same kind ends the older. Looking at a link never uses it.

use fleet::AccountKey;
use fleet::registration::{AccountStanding, LINK_MS, Purpose, Reply, Standing, counts, reply};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use wire::UtcMs;

use super::tables::link::{ActiveModel, Column, Entity, Model};
use super::tables::{account, allowed};
use super::{Account, Email, InvalidEmail, NewMail, Sha256, StateError, StateStore, connect, outbox};

/// What somebody asked for an address, with every letter that may be the answer.
#[derive(Clone, Copy, Debug)]
pub struct MailAsked<'a> {
    /// What for.
    pub purpose: Purpose,
    /// The address that was typed.
    pub email: &'a Email,
    /// Whose address is to be changed; `None` where nobody is signed in.
    pub account: Option<AccountKey>,
    /// SHA-256 of the link's secret.
    pub link_hash: Sha256,
    /// The letter that holds the link.
    pub link: NewMail<'a>,
    /// The letter to an address that has an account already, where there is one for this purpose.
    pub has_account: Option<NewMail<'a>>,
    /// A letter to somebody else that is sent in any case.
    pub notice: Option<NewMail<'a>>,
    /// When it was asked.
    pub at: UtcMs,
}

/// A link that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedLink {
    /// The address that it was sent to.
    pub email: Email,
    /// The account that it changes; `None`: it makes one.
    pub account: Option<Account>,
}

impl StateStore {
    /// Answers what was asked, in one transaction: the same few statements for each, whatever comes out.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn answer_asked(&self, asked: &[MailAsked<'_>]) -> Result<(), StateError> {
        let doing = StateError::doing("answer with a mail");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        for one in asked {
            answer(&change, one).await.map_err(&doing)?;
        }
        change.commit().await.map_err(&doing)
    }

    /// The link of a hash, while it counts.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn mailed_link(
        &self,
        purpose: Purpose,
        link_hash: &Sha256,
        now: UtcMs,
    ) -> Result<Option<MailedLink>, StateError> {
        counting(&self.connection, purpose, link_hash, now).await
    }
}

async fn answer(change: &impl ConnectionTrait, asked: &MailAsked<'_>) -> Result<(), DbErr> {
    let now = asked.at;
    Entity::delete_many().filter(Column::ExpiresAt.lte(now.0)).exec(change).await?;
    let standing = standing(change, asked.email).await?;
    let answer = reply(asked.purpose, standing);
    if answer == Reply::Link {
        Entity::delete_many().filter(older(asked)).exec(change).await?;
        let row = ActiveModel {
            token_hash: Set(asked.link_hash.to_vec()),
            purpose: Set(asked.purpose.name().to_owned()),
            email: Set(asked.email.as_str().to_owned()),
            account_id: Set(asked.account.map(|key| key.0)),
            created_at: Set(now.0),
            expires_at: Set(now.plus_ms(LINK_MS).0),
            used_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(change).await?;
    }
    let letter = match answer {
        Reply::Nothing => None,
        Reply::Link => Some(&asked.link),
        Reply::HasAccount => asked.has_account.as_ref(),
    };
    for mail in letter.into_iter().chain(asked.notice.as_ref()) {
        outbox::queue(change, mail).await?;
    }
    Ok(())
}

/// The links that a newer one ends: of the same account where it changes one, else of the same address.
fn older(asked: &MailAsked<'_>) -> Condition {
    let same = match asked.account {
        Some(account) => Column::AccountId.eq(account.0),
        None => Column::Email.eq(asked.email.as_str()),
    };
    Condition::all().add(Column::Purpose.eq(asked.purpose.name())).add(same)
}

/// How an address stands.
async fn standing(connection: &impl ConnectionTrait, email: &Email) -> Result<Standing, DbErr> {
    let listed = allowed::Entity::find_by_id(email.as_str())
        .filter(allowed::Column::RemovedAt.is_null())
        .one(connection)
        .await?;
    let account =
        account::Entity::find().filter(account::Column::Email.eq(email.as_str())).one(connection).await?;
    let account = account.map(|row| match row.disabled {
        true => AccountStanding::Disabled,
        false => AccountStanding::Open,
    });
    Ok(Standing { listed: listed.is_some(), account })
}

async fn counting(
    connection: &impl ConnectionTrait,
    purpose: Purpose,
    link_hash: &Sha256,
    now: UtcMs,
) -> Result<Option<MailedLink>, StateError> {
    let doing = StateError::doing("look up a mailed link");
    let query = Entity::find_by_id(link_hash.to_vec())
        .filter(Column::Purpose.eq(purpose.name()))
        .filter(Column::UsedAt.is_null());
    let Some(row) = query.one(connection).await.map_err(&doing)? else { return Ok(None) };
    let email = address(&row)?;
    let standing = standing(connection, &email).await.map_err(&doing)?;
    if !counts(purpose, UtcMs(row.expires_at), now, standing) {
        return Ok(None);
    }
    let account = match (purpose, row.account_id) {
        (Purpose::Register, _) => return Ok(Some(MailedLink { email, account: None })),
        (Purpose::Reset, _) => account::Entity::find().filter(account::Column::Email.eq(email.as_str())),
        (Purpose::Address, Some(key)) => account::Entity::find_by_id(key),
        (Purpose::Address, None) => return Ok(None),
    };
    let account =
        account.filter(account::Column::Disabled.eq(false)).one(connection).await.map_err(&doing)?;
    let Some(account) = account else { return Ok(None) };
    Ok(Some(MailedLink { email, account: Some(Account::from_row(account)?) }))
}

/// Uses a link within the caller's transaction, if it counts.
pub(super) async fn take(
    change: &impl ConnectionTrait,
    purpose: Purpose,
    link_hash: &Sha256,
    now: UtcMs,
) -> Result<Option<MailedLink>, StateError> {
    let Some(link) = counting(change, purpose, link_hash, now).await? else { return Ok(None) };
    let used = ActiveModel { used_at: Set(Some(now.0)), ..ActiveModel::default() };
    // Asked again at the row itself, so that of two who use it at once one succeeds, on any database.
    let update = Entity::update_many()
        .set(used)
        .filter(Column::TokenHash.eq(link_hash.to_vec()))
        .filter(Column::UsedAt.is_null());
    let updated = update.exec(change).await.map_err(StateError::doing("use a mailed link"))?;
    Ok((updated.rows_affected > 0).then_some(link))
}

/// Ends what was mailed to an address or for an account.
pub(super) async fn forget(
    change: &impl ConnectionTrait,
    email: &str,
    account: AccountKey,
) -> Result<(), DbErr> {
    let of = Condition::any().add(Column::Email.eq(email)).add(Column::AccountId.eq(account.0));
    Entity::delete_many().filter(of).exec(change).await?;
    Ok(())
}

fn address(row: &Model) -> Result<Email, StateError> {
    Email::parse(&row.email).map_err(|InvalidEmail(value)| StateError::Row {
        table: "mailed_links",
        column: "email",
        value,
    })
}
