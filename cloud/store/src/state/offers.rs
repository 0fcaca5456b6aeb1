//! Offers of access to an inverter that wait for an answer.
//!
//! In: an inverter, an address or an organization's code, whether there is such a one or not (decision 29). Out: what
//! waits; a grant when it is accepted. An offer counts for seven days, and only while its maker may still share.

use fleet::sharing::{OFFER_MS, accepted, keep_manager};
use fleet::{AccountKey, Grant, Held, Holder, InverterKey, Role, ceilings};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::manned::{self, Without};
use super::members::member_role;
use super::outbox::{self, NewMail};
use super::tables::inverter;
use super::tables::organizations::member;
use super::tables::organizations::offer::{ActiveModel, Column, Entity, Model};
use super::{Act, Email, Inverter, StateError, StateStore, audit, grants, waiting};

/// To whom something is offered, as it was typed: nothing says whether there is such a one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// Whoever proves to own the address.
    Address(Email),
    /// The organization of a code.
    Organization(String),
}

impl Recipient {
    /// As it is stored: an address has an @, a code none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Address(email) => email.as_str(),
            Self::Organization(code) => code,
        }
    }

    fn from_column(text: String) -> Self {
        Email::parse(&text).map_or(Self::Organization(text), Self::Address)
    }
}

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Random text that names it outside.
    pub public_id: String,
    /// Of what.
    pub inverter: InverterKey,
    /// To whom.
    pub recipient: Recipient,
    /// What for.
    pub role: Role,
    /// When the access would end.
    pub ends: Option<UtcMs>,
    /// Who made it.
    pub made_by: AccountKey,
    /// When.
    pub made_at: UtcMs,
    /// From then on it is no more.
    pub expires_at: UtcMs,
}

/// An offer to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewOffer<'a> {
    /// Random text that will name it outside.
    pub public_id: &'a str,
    /// Of what.
    pub inverter: InverterKey,
    /// To whom.
    pub recipient: &'a Recipient,
    /// What for.
    pub role: Role,
    /// When the access would end.
    pub ends: Option<UtcMs>,
    /// Who makes it.
    pub made_by: AccountKey,
}

/// Whose offer: on which side of it somebody stands.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// Those who may share the inverter.
    Giving(InverterKey),
    /// Whoever it was offered to.
    Receiving(&'a Recipient),
}

impl StateStore {
    /// Makes an offer, in place of an earlier one of the same inverter to the same. The work is the same for any
    /// recipient: who is to be told is looked up later.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn make_offer(&self, new: NewOffer<'_>, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "make the offer";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let same = Column::InverterId.eq(i64::from(new.inverter.0));
        let earlier = Entity::delete_many().filter(same).filter(Column::Recipient.eq(new.recipient.as_str()));
        earlier.exec(&change).await.map_err(&failed)?;
        let made = Entity::find().filter(Column::MadeBy.eq(new.made_by.0)).filter(waits(act.at()));
        StateError::unless_room(made.count(&change).await.map_err(&failed)?, ceilings::OFFERS)?;
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            inverter_id: Set(i64::from(new.inverter.0)),
            recipient: Set(new.recipient.as_str().to_owned()),
            role: Set(new.role.name().to_owned()),
            ends_at: Set(new.ends.map(|ends| ends.0)),
            made_by: Set(new.made_by.0),
            made_at: Set(act.at().0),
            expires_at: Set(act.at().plus_ms(OFFER_MS).0),
            told_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&change).await.map_err(&failed)?;
        audit::append(&change, act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await
    }

    /// Offers of an inverter that wait at `now`, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn offers_on(&self, inverter: InverterKey, now: UtcMs) -> Result<Vec<Offer>, StateError> {
        let query = Entity::find().filter(Column::InverterId.eq(i64::from(inverter.0))).filter(waits(now));
        let rows = query.order_by_asc(Column::Id).all(&self.connection).await;
        let rows = rows.map_err(StateError::doing("list offers"))?;
        rows.into_iter().map(Offer::from_row).collect()
    }

    /// What waits at `now` for an answer of one of `recipients`, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn offers_to(
        &self,
        recipients: &[Recipient],
        now: UtcMs,
    ) -> Result<Vec<(Offer, Inverter)>, StateError> {
        let to = Column::Recipient.is_in(recipients.iter().map(Recipient::as_str));
        self.offers(to.into(), now).await
    }

    /// What an account offered and waits at `now`, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn offers_by(
        &self,
        account: AccountKey,
        now: UtcMs,
    ) -> Result<Vec<(Offer, Inverter)>, StateError> {
        self.offers(Column::MadeBy.eq(account.0).into(), now).await
    }

    async fn offers(&self, which: Condition, now: UtcMs) -> Result<Vec<(Offer, Inverter)>, StateError> {
        let to_inverter =
            Entity::belongs_to(inverter::Entity).from(Column::InverterId).to(inverter::Column::Id);
        let query = Entity::find()
            .join(JoinType::InnerJoin, to_inverter.into())
            .select_also(inverter::Entity)
            .filter(which)
            .filter(waits(now))
            .order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list offers"))?;
        rows.into_iter()
            .filter_map(|(offer, inverter)| Some((offer, inverter?)))
            .map(|(offer, inverter)| Ok((Offer::from_row(offer)?, Inverter::from_row(inverter)?)))
            .collect()
    }

    /// Accepts an offer for `holder`: the grant arises, never a lesser one than the holder has. The offer, or `None`
    /// where it is no more, or its maker may not share any more. `mails` go out with it.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn accept_offer(
        &self,
        public_id: &str,
        recipient: &Recipient,
        holder: Holder,
        act: Act,
        mails: &[NewMail<'_>],
    ) -> Result<Option<Offer>, StateError> {
        const DOING: &str = "accept the offer";
        let failed = StateError::doing(DOING);
        let now = act.at();
        let change = self.begin_change(DOING).await?;
        let Some(offer) = one(&change, public_id, Side::Receiving(recipient), now).await? else {
            return Ok(None);
        };
        if role_of(&change, offer.made_by, offer.inverter, now).await? != Some(Role::ReadWrite) {
            return Ok(None);
        }
        let before = manned::on(&change, offer.inverter, Without::Nothing).await?;
        let has = before.iter().map(|manned| manned.grant).find(|grant| grant.holder == holder);
        let offered = Grant { holder, inverter: offer.inverter, role: offer.role, ends: offer.ends };
        grants::write(&change, accepted(has, offered, now), now).await.map_err(&failed)?;
        keep_manager(&before, &manned::on(&change, offer.inverter, Without::Nothing).await?, now)?;
        waiting::close::<Entity>(&change, public_id).await.map_err(&failed)?;
        audit::append(&change, &act.on_inverter(offer.inverter)).await.map_err(&failed)?;
        outbox::queue_all(&change, mails).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        Ok(Some(offer))
    }

    /// Takes an offer away, by either side. The offer, or `None` where it is no more.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn close_offer(
        &self,
        public_id: &str,
        side: Side<'_>,
        act: Act,
        mails: &[NewMail<'_>],
    ) -> Result<Option<Offer>, StateError> {
        const DOING: &str = "close the offer";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let Some(offer) = one(&change, public_id, side, act.at()).await? else { return Ok(None) };
        waiting::close::<Entity>(&change, public_id).await.map_err(&failed)?;
        audit::append(&change, &act.on_inverter(offer.inverter)).await.map_err(&failed)?;
        outbox::queue_all(&change, mails).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        Ok(Some(offer))
    }

    /// Offers about which nobody was told yet.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn untold_offers(&self, now: UtcMs) -> Result<Vec<(Offer, Inverter)>, StateError> {
        let query = Entity::find().filter(Column::ToldAt.is_null()).filter(waits(now));
        let rows = query.order_by_asc(Column::Id).limit(MOST_UNTOLD).all(&self.connection).await;
        let mut untold = Vec::new();
        for row in rows.map_err(StateError::doing("list offers"))? {
            let found = inverter::Entity::find_by_id(row.inverter_id).one(&self.connection).await;
            if let Some(found) = found.map_err(StateError::doing("look up an inverter"))? {
                untold.push((Offer::from_row(row)?, Inverter::from_row(found)?));
            }
        }
        Ok(untold)
    }

    /// Notes that whoever an offer concerns was told, with the mails that tell them: none where it concerns nobody.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn offer_told(
        &self,
        public_id: &str,
        told_at: UtcMs,
        mails: &[NewMail<'_>],
    ) -> Result<(), StateError> {
        self.told::<Entity>(public_id, told_at, mails).await
    }
}

/// Told of in one step.
const MOST_UNTOLD: u64 = 100;

/// Not over, and what it offers would not be over either.
fn waits(now: UtcMs) -> Condition {
    let ahead = Condition::any().add(Column::EndsAt.is_null()).add(Column::EndsAt.gt(now.0));
    Condition::all().add(Column::ExpiresAt.gt(now.0)).add(ahead)
}

async fn one(
    change: &impl ConnectionTrait,
    public_id: &str,
    side: Side<'_>,
    now: UtcMs,
) -> Result<Option<Offer>, StateError> {
    let side = match side {
        Side::Giving(inverter) => Column::InverterId.eq(i64::from(inverter.0)),
        Side::Receiving(recipient) => Column::Recipient.eq(recipient.as_str()),
    };
    let query = Entity::find().filter(Column::PublicId.eq(public_id)).filter(side).filter(waits(now));
    let row = query.one(change).await.map_err(StateError::doing("look up an offer"))?;
    row.map(Offer::from_row).transpose()
}

/// What an account may do with an inverter at `now`.
pub(super) async fn role_of(
    change: &impl ConnectionTrait,
    account: AccountKey,
    inverter: InverterKey,
    now: UtcMs,
) -> Result<Option<Role>, StateError> {
    let query = member::Entity::find().filter(member::Column::AccountId.eq(account.0));
    let memberships = query.all(change).await.map_err(StateError::doing("list memberships"))?;
    let mut best = None;
    for grant in grants::find(change, grants::on(inverter)).await? {
        let own = |row: &&member::Model| {
            grant.holder == Holder::Organization(fleet::OrganizationKey(row.organization_id))
        };
        let member = memberships.iter().find(own).map(|row| member_role(&row.role)).transpose()?;
        best = best.max(Held { grant, member }.role(account, now));
    }
    Ok(best)
}

impl Offer {
    fn from_row(row: Model) -> Result<Self, StateError> {
        Ok(Self {
            public_id: row.public_id,
            inverter: inverter_key(row.inverter_id)?,
            recipient: Recipient::from_column(row.recipient),
            role: grants::role(&row.role)?,
            ends: row.ends_at.map(UtcMs),
            made_by: AccountKey(row.made_by),
            made_at: UtcMs(row.made_at),
            expires_at: UtcMs(row.expires_at),
        })
    }
}
