//! The audit log: who did what to what, when, from where; written in the transaction of the act itself.
//!
//! In: an [`Act`]. Out: one row, chained to the one before by SHA-256, so that a row changed, taken out or put in between
//! shows. Rows hold numbers and verbs; where somebody acted from and the details lie in a row beside that may be erased,
//! of which the chain holds a salted hash (decision 28). Nothing here changes or removes a row of the log.

use aws_lc_rs::digest::{Context, SHA256};
use fleet::audit::Verb;
use fleet::{AccountKey, InverterKey, OrganizationKey};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use wire::UtcMs;

use super::tables::audit::{detail, entry, head};
use super::{Sha256, StateError, StateStore, connect};

/// Most of an act's details that is kept, characters.
const MOST_DETAIL: usize = 500;
/// The only row of heads.
pub(super) const HEAD: i64 = 0;

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// A person, signed in or with a token of theirs.
    Account(AccountKey),
    /// Whoever may run `inverter-connect admin` on the server.
    CommandLine,
    /// The service itself, for example at the end of a period.
    Service,
}

impl By {
    /// Names in the log.
    pub(super) const ACCOUNT: &'static str = "account";
    pub(super) const COMMAND_LINE: &'static str = "command_line";
    pub(super) const SERVICE: &'static str = "service";

    /// From its name in the log and the account's number; `None` for what this program never writes.
    pub(super) fn from_columns(actor: &str, account: Option<i64>) -> Option<Self> {
        match (actor, account) {
            (Self::ACCOUNT, Some(key)) => Some(Self::Account(AccountKey(key))),
            (Self::COMMAND_LINE, None) => Some(Self::CommandLine),
            (Self::SERVICE, None) => Some(Self::Service),
            _ => None,
        }
    }

    /// Its name in the log, and the account's number.
    pub(super) fn columns(self) -> (&'static str, Option<i64>) {
        match self {
            Self::Account(key) => (Self::ACCOUNT, Some(key.0)),
            Self::CommandLine => (Self::COMMAND_LINE, None),
            Self::Service => (Self::SERVICE, None),
        }
    }
}

/// One act, for the log. Made by [`Act::new`] and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    verb: Verb,
    by: By,
    at: UtcMs,
    salt: [u8; 32],
    address: Option<String>,
    account: Option<AccountKey>,
    inverter: Option<InverterKey>,
    organization: Option<OrganizationKey>,
    detail: String,
}

impl Act {
    /// Somebody did something at `at`. `salt`: fresh random bytes.
    #[must_use]
    pub fn new(verb: Verb, by: By, at: UtcMs, salt: [u8; 32]) -> Self {
        let (account, inverter, organization) = (None, None, None);
        Self { verb, by, at, salt, address: None, account, inverter, organization, detail: String::new() }
    }

    /// The same, done by somebody who is known only when it is done.
    #[must_use]
    pub fn done_by(self, by: By) -> Self {
        Self { by, ..self }
    }

    /// The network address that it was done from.
    #[must_use]
    pub fn from_address(self, address: Option<std::net::IpAddr>) -> Self {
        Self { address: address.map(|address| address.to_canonical().to_string()), ..self }
    }

    /// The account that it concerns.
    #[must_use]
    pub fn of_account(self, account: AccountKey) -> Self {
        Self { account: Some(account), ..self }
    }

    /// The inverter that it concerns.
    #[must_use]
    pub fn on_inverter(self, inverter: InverterKey) -> Self {
        Self { inverter: Some(inverter), ..self }
    }

    /// The organization that it concerns.
    #[must_use]
    pub fn in_organization(self, organization: OrganizationKey) -> Self {
        Self { organization: Some(organization), ..self }
    }

    /// More of it in words, names and addresses included; at most 500 characters are kept.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into().chars().take(MOST_DETAIL).collect(), ..self }
    }

    /// When it is done: also the `now` of the rules that its change is judged by.
    #[must_use]
    pub fn at(&self) -> UtcMs {
        self.at
    }

    fn details(&self, sequence: i64) -> Option<detail::Model> {
        let (salt, address, detail) = (self.salt.to_vec(), self.address.clone(), self.detail.clone());
        let any = address.is_some() || !detail.is_empty();
        any.then_some(detail::Model { sequence, salt, address, detail })
    }
}

/// Writes an act within the caller's transaction.
pub(super) async fn append(change: &impl ConnectionTrait, act: &Act) -> Result<(), DbErr> {
    // Moving the head first takes its row's lock, so that on any database the log grows one row at a time.
    head::Entity::update_many()
        .col_expr(head::Column::Length, Expr::col(head::Column::Length).add(1))
        .filter(head::Column::Id.eq(HEAD))
        .exec(change)
        .await?;
    let before = head::Entity::find_by_id(HEAD).one(change).await?;
    let before = before.ok_or_else(|| DbErr::RecordNotFound("the head of the audit log".to_owned()))?;
    let details = act.details(before.length);
    let (actor, actor_id) = act.by.columns();
    let mut row = entry::Model {
        sequence: before.length,
        at: act.at.0,
        verb: act.verb.name().to_owned(),
        actor: actor.to_owned(),
        actor_id,
        account_id: act.account.map(|key| key.0),
        inverter_id: act.inverter.map(|key| i64::from(key.0)),
        organization_id: act.organization.map(|key| key.0),
        detail_hash: details.as_ref().map_or_else(|| vec![0; 32], |details| hash_details(details).to_vec()),
        hash: Vec::new(),
    };
    row.hash = hash(&before.hash, &row).to_vec();
    let moved = head::ActiveModel { hash: Set(row.hash.clone()), ..head::ActiveModel::default() };
    head::Entity::update_many().set(moved).filter(head::Column::Id.eq(HEAD)).exec(change).await?;
    entry::Entity::insert(entry::ActiveModel::from(row)).exec_without_returning(change).await?;
    if let Some(details) = details {
        detail::Entity::insert(detail::ActiveModel::from(details)).exec_without_returning(change).await?;
    }
    Ok(())
}

impl StateStore {
    /// Writes an act that changes no row of its own, for example a failed pairing.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn record_act(&self, act: &Act) -> Result<(), StateError> {
        let doing = StateError::doing("write to the audit log");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        append(&change, act).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)
    }
}

/// What a row's hash is, given the hash of the row before it: SHA-256 over every column in its order, lengths first.
pub(super) fn hash(before: &[u8], row: &entry::Model) -> Sha256 {
    let mut hash = Hash::new();
    hash.bytes(before);
    hash.number(row.sequence);
    hash.number(row.at);
    hash.bytes(row.verb.as_bytes());
    hash.bytes(row.actor.as_bytes());
    for key in [row.actor_id, row.account_id, row.inverter_id, row.organization_id] {
        hash.optional(key.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }
    hash.bytes(&row.detail_hash);
    hash.done()
}

/// What a row's details are in the chain. Without the salt, which goes with them, nothing can be guessed from it.
pub(super) fn hash_details(details: &detail::Model) -> Sha256 {
    let mut hash = Hash::new();
    hash.number(details.sequence);
    hash.bytes(&details.salt);
    hash.optional(details.address.as_deref().map(str::as_bytes));
    hash.bytes(details.detail.as_bytes());
    hash.done()
}

/// SHA-256 over parts that cannot run into each other.
struct Hash(Context);

impl Hash {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn number(&mut self, number: i64) {
        self.0.update(&number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(bytes);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        self.0.update(&[u8::from(bytes.is_some())]);
        self.bytes(bytes.unwrap_or_default());
    }

    fn done(self) -> Sha256 {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}
