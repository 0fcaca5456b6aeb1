//! Invitations to organizations that wait for an answer.
//!
//! In: an organization, an address, whether it has an account or not (decision 29): the allow-list rules who can
//! register. Out: what waits; a membership when it is accepted. An invitation counts for seven days, and only while its
//! maker is an owner.

use fleet::sharing::OFFER_MS;
use fleet::{AccountKey, MemberRole, OrganizationKey, ceilings};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::accounts::InvalidEmail;
use super::members::{self, member_role};
use super::outbox::NewMail;
use super::tables::organizations::invitation::{ActiveModel, Column, Entity, Model};
use super::tables::organizations::{member, organization};
use super::{Act, Email, Organization, StateError, StateStore, audit, waiting};

/// One invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Random text that names it outside.
    pub public_id: String,
    /// To which organization.
    pub organization: OrganizationKey,
    /// Whom.
    pub email: Email,
    /// What for.
    pub role: MemberRole,
    /// Who made it.
    pub made_by: AccountKey,
    /// When.
    pub made_at: UtcMs,
    /// From then on it is no more.
    pub expires_at: UtcMs,
}

/// An invitation to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewInvitation<'a> {
    /// Random text that will name it outside.
    pub public_id: &'a str,
    /// To which organization.
    pub organization: OrganizationKey,
    /// Whom.
    pub email: &'a Email,
    /// What for.
    pub role: MemberRole,
    /// Who makes it.
    pub made_by: AccountKey,
}

/// Whose invitation: on which side of it somebody stands.
#[derive(Clone, Copy, Debug)]
pub enum Inviting<'a> {
    /// The organization's owners.
    Organization(OrganizationKey),
    /// Whoever was invited.
    Invited(&'a Email),
}

impl StateStore {
    /// Invites an address, in place of an earlier invitation of it. The work is the same for any address.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn invite(&self, new: NewInvitation<'_>, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "invite";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let same = Column::OrganizationId.eq(new.organization.0);
        let earlier = Entity::delete_many().filter(same).filter(Column::Email.eq(new.email.as_str()));
        earlier.exec(&change).await.map_err(&failed)?;
        let there = Entity::find().filter(Column::OrganizationId.eq(new.organization.0));
        let there = there.filter(Column::ExpiresAt.gt(act.at().0)).count(&change).await.map_err(&failed)?;
        StateError::unless_room(there, ceilings::INVITATIONS)?;
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            organization_id: Set(new.organization.0),
            email: Set(new.email.as_str().to_owned()),
            role: Set(new.role.name().to_owned()),
            made_by: Set(new.made_by.0),
            made_at: Set(act.at().0),
            expires_at: Set(act.at().plus_ms(OFFER_MS).0),
            told_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&change).await.map_err(&failed)?;
        audit::append(&change, act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await
    }

    /// An organization's invitations that wait at `now`, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn invitations_of(
        &self,
        organization: OrganizationKey,
        now: UtcMs,
    ) -> Result<Vec<Invitation>, StateError> {
        let found = self.invitations(Column::OrganizationId.eq(organization.0).into(), now).await?;
        Ok(found.into_iter().map(|(invitation, _)| invitation).collect())
    }

    /// What waits at `now` for an answer of an address, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn invitations_to(
        &self,
        email: &Email,
        now: UtcMs,
    ) -> Result<Vec<(Invitation, Organization)>, StateError> {
        self.invitations(Column::Email.eq(email.as_str()).into(), now).await
    }

    /// What an account invited to, waiting at `now`, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn invitations_by(
        &self,
        account: AccountKey,
        now: UtcMs,
    ) -> Result<Vec<(Invitation, Organization)>, StateError> {
        self.invitations(Column::MadeBy.eq(account.0).into(), now).await
    }

    /// Invitations about which nobody was told yet.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn untold_invitations(
        &self,
        now: UtcMs,
    ) -> Result<Vec<(Invitation, Organization)>, StateError> {
        self.invitations(Column::ToldAt.is_null().into(), now).await
    }

    /// Accepts an invitation: the account becomes a member, never less than it is. The invitation, or `None` where it
    /// is no more, or its maker is not an owner any more.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn accept_invitation(
        &self,
        public_id: &str,
        email: &Email,
        account: AccountKey,
        act: Act,
    ) -> Result<Option<Invitation>, StateError> {
        const DOING: &str = "accept the invitation";
        let failed = StateError::doing(DOING);
        let now = act.at();
        let change = self.begin_change(DOING).await?;
        let Some(invitation) = one(&change, public_id, Inviting::Invited(email), now).await? else {
            return Ok(None);
        };
        let organization = invitation.organization;
        if role_in(&change, organization, invitation.made_by).await? != Some(MemberRole::Owner) {
            return Ok(None);
        }
        let has = role_in(&change, organization, account).await?;
        let role = has.map_or(invitation.role, |has| has.max(invitation.role));
        members::write(&change, organization, account, role, now).await.map_err(&failed)?;
        waiting::close::<Entity>(&change, public_id).await.map_err(&failed)?;
        audit::append(&change, &act.in_organization(organization)).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        Ok(Some(invitation))
    }

    /// Takes an invitation away, by either side. The invitation, or `None` where it is no more.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn close_invitation(
        &self,
        public_id: &str,
        side: Inviting<'_>,
        act: Act,
    ) -> Result<Option<Invitation>, StateError> {
        const DOING: &str = "close the invitation";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let Some(invitation) = one(&change, public_id, side, act.at()).await? else { return Ok(None) };
        waiting::close::<Entity>(&change, public_id).await.map_err(&failed)?;
        let act = act.in_organization(invitation.organization);
        audit::append(&change, &act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        Ok(Some(invitation))
    }

    /// Notes that whoever an invitation concerns was told, with the mails that tell them.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn invitation_told(
        &self,
        public_id: &str,
        told_at: UtcMs,
        mails: &[NewMail<'_>],
    ) -> Result<(), StateError> {
        self.told::<Entity>(public_id, told_at, mails).await
    }

    async fn invitations(
        &self,
        which: Condition,
        now: UtcMs,
    ) -> Result<Vec<(Invitation, Organization)>, StateError> {
        let to = Entity::belongs_to(organization::Entity)
            .from(Column::OrganizationId)
            .to(organization::Column::Id);
        let query = Entity::find()
            .join(JoinType::InnerJoin, to.into())
            .select_also(organization::Entity)
            .filter(which)
            .filter(Column::ExpiresAt.gt(now.0))
            .order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list invitations"))?;
        rows.into_iter()
            .filter_map(|(row, organization)| Some((row, organization?)))
            .map(|(row, organization)| Ok((Invitation::from_row(row)?, Organization::from_row(organization))))
            .collect()
    }
}

async fn one(
    change: &impl ConnectionTrait,
    public_id: &str,
    side: Inviting<'_>,
    now: UtcMs,
) -> Result<Option<Invitation>, StateError> {
    let side = match side {
        Inviting::Organization(key) => Column::OrganizationId.eq(key.0),
        Inviting::Invited(email) => Column::Email.eq(email.as_str()),
    };
    let named = Entity::find().filter(Column::PublicId.eq(public_id));
    let query = named.filter(side).filter(Column::ExpiresAt.gt(now.0));
    let row = query.one(change).await.map_err(StateError::doing("look up an invitation"))?;
    row.map(Invitation::from_row).transpose()
}

async fn role_in(
    change: &impl ConnectionTrait,
    organization: OrganizationKey,
    account: AccountKey,
) -> Result<Option<MemberRole>, StateError> {
    let query = member::Entity::find_by_id((organization.0, account.0)).one(change);
    let row = query.await.map_err(StateError::doing("look up a membership"))?;
    row.map(|row| member_role(&row.role)).transpose()
}

impl Invitation {
    fn from_row(row: Model) -> Result<Self, StateError> {
        let email = Email::parse(&row.email).map_err(|InvalidEmail(value)| StateError::Row {
            table: "invitations",
            column: "email",
            value,
        })?;
        Ok(Self {
            public_id: row.public_id,
            organization: OrganizationKey(row.organization_id),
            email,
            role: member_role(&row.role)?,
            made_by: AccountKey(row.made_by),
            made_at: UtcMs(row.made_at),
            expires_at: UtcMs(row.expires_at),
        })
    }
}
