//! The allow-list: addresses that may register, with who verified the customer, how and when.
//!
//! In: an address that an operator vouches for. Out: entries with what became of them. What the list means for who is
//! mailed a link is `fleet::registration`'s rule. An address that was taken off stays as such.

use sea_orm::sea_query::{Expr, LikeExpr, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::tables::allowed::{ActiveModel, Column, Entity, Model};
use super::tables::{account, link};
use super::{Act, Email, InvalidEmail, StateError, StateStore, audit};

/// An address to be put on the list.
#[derive(Clone, Copy, Debug)]
pub struct NewAllowed<'a> {
    /// Address.
    pub email: &'a Email,
    /// Whose customer it is; may be empty.
    pub company: &'a str,
    /// Who verified the customer.
    pub verified_by: &'a str,
    /// The day on which they did.
    pub verified_at: UtcMs,
    /// How, for example the order that the customer named.
    pub note: &'a str,
    /// Now.
    pub added_at: UtcMs,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Address.
    pub email: Email,
    /// Whose customer it is; may be empty.
    pub company: String,
    /// Who verified the customer.
    pub verified_by: String,
    /// The day on which they did.
    pub verified_at: UtcMs,
    /// How.
    pub note: String,
    /// When it was put on the list.
    pub added_at: UtcMs,
    /// When it was taken off; `None`: it is on.
    pub removed_at: Option<UtcMs>,
    /// What became of it.
    pub standing: AllowedStanding,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AllowedStanding {
    /// Nobody registered yet.
    Unused,
    /// A link is on its way.
    Mailed,
    /// It has an account.
    Registered,
    /// It was taken off.
    Removed,
}

impl AllowedStanding {
    /// Every standing with its name in addresses of pages.
    pub const TABLE: [(Self, &'static str); 4] = [
        (Self::Unused, "unused"),
        (Self::Mailed, "mailed"),
        (Self::Registered, "registered"),
        (Self::Removed, "removed"),
    ];

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(standing, _)| *standing)
    }
}

/// Which entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowedFilter<'a> {
    /// A part of the address or the company; empty: all.
    pub search: &'a str,
    /// Only these.
    pub standing: Option<AllowedStanding>,
}

impl StateStore {
    /// Puts an address on the list, or writes anew how one that is there was verified.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn allow(&self, new: NewAllowed<'_>, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "put an address on the allow-list";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel {
            email: Set(new.email.as_str().to_owned()),
            company: Set(new.company.to_owned()),
            verified_by: Set(new.verified_by.to_owned()),
            verified_at: Set(new.verified_at.0),
            note: Set(new.note.to_owned()),
            added_at: Set(new.added_at.0),
            removed_at: Set(None),
            changed_at: Set(new.added_at.0),
        };
        let anew = OnConflict::column(Column::Email)
            .update_columns([
                Column::Company,
                Column::VerifiedBy,
                Column::VerifiedAt,
                Column::Note,
                Column::AddedAt,
                Column::RemovedAt,
                Column::ChangedAt,
            ])
            .to_owned();
        let doing = StateError::doing(DOING);
        Entity::insert(row).on_conflict(anew).exec_without_returning(&change).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await
    }

    /// Takes an address off the list. Its account, if it has one, goes on. Whether it was on.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn disallow(&self, email: &Email, now: UtcMs, act: &Act) -> Result<bool, StateError> {
        const DOING: &str = "take an address off the allow-list";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row =
            ActiveModel { removed_at: Set(Some(now.0)), changed_at: Set(now.0), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Email.eq(email.as_str()))
            .filter(Column::RemovedAt.is_null());
        if update.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(false);
        }
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// The entry of an address.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn allowed(&self, email: &Email, now: UtcMs) -> Result<Option<Allowed>, StateError> {
        let row = Entity::find_by_id(email.as_str()).one(&self.connection).await;
        let row = row.map_err(StateError::doing("read the allow-list"))?;
        Ok(self.entries(row.into_iter().collect(), now).await?.into_iter().next())
    }

    /// Entries, the newest change first: `most` after the first `skip`; and how many there are in all.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn allow_list(
        &self,
        filter: AllowedFilter<'_>,
        now: UtcMs,
        skip: u64,
        most: u64,
    ) -> Result<(Vec<Allowed>, u64), StateError> {
        let doing = StateError::doing("read the allow-list");
        let query = Entity::find().filter(matching(filter, now));
        let total = query.clone().count(&self.connection).await.map_err(&doing)?;
        let rows = query
            .order_by_desc(Column::ChangedAt)
            .order_by_asc(Column::Email)
            .offset(skip)
            .limit(most)
            .all(&self.connection)
            .await
            .map_err(&doing)?;
        Ok((self.entries(rows, now).await?, total))
    }

    async fn entries(&self, rows: Vec<Model>, now: UtcMs) -> Result<Vec<Allowed>, StateError> {
        let doing = StateError::doing("read the allow-list");
        let addresses: Vec<_> = rows.iter().map(|row| row.email.clone()).collect();
        let registered: Vec<String> = account::Entity::find()
            .filter(account::Column::Email.is_in(addresses.clone()))
            .select_only()
            .column(account::Column::Email)
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(&doing)?;
        let mailed: Vec<String> = link::Entity::find()
            .filter(open_links(now))
            .filter(link::Column::Email.is_in(addresses))
            .select_only()
            .column(link::Column::Email)
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(&doing)?;
        let entries = rows.into_iter().map(|row| {
            let standing = match &row.email {
                _ if row.removed_at.is_some() => AllowedStanding::Removed,
                email if registered.contains(email) => AllowedStanding::Registered,
                email if mailed.contains(email) => AllowedStanding::Mailed,
                _ => AllowedStanding::Unused,
            };
            Allowed::from_row(row, standing)
        });
        entries.collect()
    }
}

fn matching(filter: AllowedFilter<'_>, now: UtcMs) -> Condition {
    let mut condition = Condition::all();
    let search = filter.search.trim().to_lowercase();
    if !search.is_empty() {
        let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let part = || LikeExpr::new(format!("%{escaped}%")).escape('\\');
        let company = Expr::expr(sea_orm::sea_query::Func::lower(Expr::col(Column::Company)));
        condition = condition
            .add(Condition::any().add(Expr::col(Column::Email).like(part())).add(company.like(part())));
    }
    let on = Column::RemovedAt.is_null();
    match filter.standing {
        None => condition,
        Some(AllowedStanding::Removed) => condition.add(Column::RemovedAt.is_not_null()),
        Some(AllowedStanding::Registered) => condition.add(on).add(Column::Email.in_subquery(accounts())),
        Some(AllowedStanding::Mailed) => condition
            .add(on)
            .add(Column::Email.not_in_subquery(accounts()))
            .add(Column::Email.in_subquery(mailed(now))),
        Some(AllowedStanding::Unused) => condition
            .add(on)
            .add(Column::Email.not_in_subquery(accounts()))
            .add(Column::Email.not_in_subquery(mailed(now))),
    }
}

fn accounts() -> SelectStatement {
    Query::select().column(account::Column::Email).from(account::Entity).to_owned()
}

fn mailed(now: UtcMs) -> SelectStatement {
    Query::select().column(link::Column::Email).from(link::Entity).cond_where(open_links(now)).to_owned()
}

fn open_links(now: UtcMs) -> Condition {
    Condition::all()
        .add(link::Column::Purpose.eq(fleet::registration::Purpose::Register.name()))
        .add(link::Column::UsedAt.is_null())
        .add(link::Column::ExpiresAt.gt(now.0))
}

impl Allowed {
    fn from_row(row: Model, standing: AllowedStanding) -> Result<Self, StateError> {
        let email = Email::parse(&row.email).map_err(|InvalidEmail(value)| StateError::Row {
            table: "allow_list",
            column: "email",
            value,
        })?;
        Ok(Self {
            email,
            company: row.company,
            verified_by: row.verified_by,
            verified_at: UtcMs(row.verified_at),
            note: row.note,
            added_at: UtcMs(row.added_at),
            removed_at: row.removed_at.map(UtcMs),
            standing,
        })
    }
}
