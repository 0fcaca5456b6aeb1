//! Accounts: who may sign in.
//!
//! In: a normalised address, a password hash (never a password). Out: accounts by address or key.

use std::fmt;

use fleet::AccountKey;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::tables::account::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit};

/// An e-mail address as a key: trimmed, lower-cased, one `@` with something on both sides, no spaces or control
/// characters, at most 254 bytes (RFC 5321 4.5.3.1.3 less the brackets).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

/// The text is not an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an e-mail address like name@example.org: {0:?}")]
pub struct InvalidEmail(pub String);

/// Longest address, bytes.
const MAX_EMAIL_BYTES: usize = 254;

impl Email {
    /// Parses and normalises.
    ///
    /// # Errors
    /// [`InvalidEmail`] with at most the first 80 characters.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let email = text.trim().to_lowercase();
        let sides = email.split_once('@').is_some_and(|(user, domain)| {
            !user.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
        });
        let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
        if sides && plain && email.len() <= MAX_EMAIL_BYTES {
            Ok(Self(email))
        } else {
            Err(InvalidEmail(text.chars().take(80).collect()))
        }
    }

    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One account. Printing it shows its number, not its person or password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number. Never shown outside.
    pub key: AccountKey,
    /// Address.
    pub email: Email,
    /// What people call them; may be empty.
    pub name: String,
    /// PHC string of the password hash.
    pub password_hash: String,
    /// May do the operator's work; sees no inverter by that.
    pub operator: bool,
    /// May not sign in; sessions and tokens do not count.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UtcMs,
    /// The password does without a second factor (decision 30).
    pub password_stands_alone: bool,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Account");
        shown.field("key", &self.key).field("operator", &self.operator).field("disabled", &self.disabled);
        shown.finish_non_exhaustive()
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount<'a> {
    /// Address.
    pub email: &'a Email,
    /// What people call them.
    pub name: &'a str,
    /// PHC string of the password hash.
    pub password_hash: &'a str,
    /// May do the operator's work.
    pub operator: bool,
    /// Now.
    pub created_at: UtcMs,
}

const CREATE: &str = "create the account";

impl StateStore {
    /// Makes an account, and writes who made it.
    ///
    /// # Errors
    /// [`StateError::Taken`] where the address has one, [`StateError::Database`].
    pub async fn add_account(&self, new: NewAccount<'_>, act: Act) -> Result<AccountKey, StateError> {
        let change = self.begin_change(CREATE).await?;
        let key = insert(&change, new).await?;
        audit::append(&change, &act.of_account(key)).await.map_err(StateError::doing(CREATE))?;
        self.commit_change(change, CREATE).await?;
        Ok(key)
    }

    /// Makes an account of nobody's doing: for tests and tools.
    ///
    /// # Errors
    /// [`StateError::Taken`] where the address has one, [`StateError::Database`].
    pub async fn create_account(&self, new: NewAccount<'_>) -> Result<AccountKey, StateError> {
        let change = self.begin_change(CREATE).await?;
        let key = insert(&change, new).await?;
        self.commit_change(change, CREATE).await?;
        Ok(key)
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StateError> {
        let query = Entity::find().filter(Column::Email.eq(email.as_str()));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up an account"))?;
        row.map(Account::from_row).transpose()
    }

    /// The account of a key.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn account(&self, key: AccountKey) -> Result<Option<Account>, StateError> {
        let row = Entity::find_by_id(key.0)
            .one(&self.connection)
            .await
            .map_err(StateError::doing("look up an account"))?;
        row.map(Account::from_row).transpose()
    }

    /// Every account, by address.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn accounts(&self) -> Result<Vec<Account>, StateError> {
        let query = Entity::find().order_by_asc(Column::Email);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list accounts"))?;
        rows.into_iter().map(Account::from_row).collect()
    }

    /// Accounts that do the operator's work and may sign in.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn operators(&self) -> Result<Vec<Account>, StateError> {
        let query = Entity::find().filter(Column::Operator.eq(true)).filter(Column::Disabled.eq(false));
        let rows = query.order_by_asc(Column::Email).all(&self.connection).await;
        let rows = rows.map_err(StateError::doing("list operators"))?;
        rows.into_iter().map(Account::from_row).collect()
    }

    /// Changes what people call somebody.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Database`].
    pub async fn set_account_name(&self, key: AccountKey, name: &str, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "change a name";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { name: Set(name.to_owned()), ..ActiveModel::default() };
        let update = Entity::update_many().set(row).filter(Column::Id.eq(key.0));
        let updated = update.exec(&change).await.map_err(StateError::doing(DOING))?;
        if updated.rows_affected == 0 {
            return Err(StateError::NotFound { what: "account", name: key.0.to_string() });
        }
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }
}

/// Writes an account within the caller's transaction.
pub(super) async fn insert(
    change: &impl ConnectionTrait,
    new: NewAccount<'_>,
) -> Result<AccountKey, StateError> {
    let row = ActiveModel {
        id: NotSet,
        email: Set(new.email.as_str().to_owned()),
        name: Set(new.name.to_owned()),
        password_hash: Set(new.password_hash.to_owned()),
        operator: Set(new.operator),
        disabled: Set(false),
        created_at: Set(new.created_at.0),
        // Without a factor beside it a shorter password makes no account.
        password_stands_alone: Set(true),
    };
    let taken = StateError::taken(CREATE, "an account", new.email.as_str());
    Ok(AccountKey(Entity::insert(row).exec(change).await.map_err(taken)?.last_insert_id))
}

impl Account {
    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        let email = Email::parse(&row.email).map_err(|InvalidEmail(value)| StateError::Row {
            table: "accounts",
            column: "email",
            value,
        })?;
        Ok(Self {
            key: AccountKey(row.id),
            email,
            name: row.name,
            password_hash: row.password_hash,
            operator: row.operator,
            disabled: row.disabled,
            created_at: UtcMs(row.created_at),
            password_stands_alone: row.password_stands_alone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(Email::parse(text).ok().as_ref().map(Email::as_str), expect, "{text:?}");
    }

    #[test]
    fn addresses_are_normalised_and_nonsense_is_refused() {
        check(" Ann@Example.ORG ", Some("ann@example.org"));
        check("a@b", Some("a@b"));
        check("a@b@c", None);
        check("@b", None);
        check("a@", None);
        check("a@.b", None);
        check("a b@c", None);
        check("a\u{0}@c", None);
        check("", None);
        check(&format!("{}@c", "a".repeat(252)), Some(&format!("{}@c", "a".repeat(252))));
        check(&format!("{}@c", "a".repeat(253)), None);
    }
}
