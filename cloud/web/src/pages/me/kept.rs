//! What an export is made of, as it is printed.
//!
//! In: rows of the store. Out: their words and times. Never a secret, a hash of one, or a number of the store.

use fleet::{AccountKey, Holder};
use serde::Serialize;
use store::state::{
    Allowed, ApiToken, AuditAct, Details, Inverter, Invitation, Offer, Organization, Pairing, Passkey,
    Receipt, Session, Site, Totp, VisibleInverter,
};
use wire::UtcMs;

/// The whole file.
#[derive(Serialize)]
pub(super) struct Export {
    pub(super) exported_at: String,
    pub(super) account: Account,
    pub(super) approval: Option<Approval>,
    pub(super) second_factors: Vec<Factor>,
    pub(super) recovery_codes_left: u64,
    pub(super) sessions: Vec<SignIn>,
    pub(super) tokens: Vec<Token>,
    pub(super) organizations: Vec<Member>,
    pub(super) sites: Vec<Place>,
    pub(super) inverters: Vec<Access>,
    pub(super) offers: Vec<Offered>,
    pub(super) invitations: Vec<Invited>,
    pub(super) pairings: Vec<Attempt>,
    pub(super) mails: Vec<Mail>,
    pub(super) acts: Vec<OwnAct>,
}

/// Who one is.
#[derive(Serialize)]
pub(super) struct Account {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) created_at: String,
    pub(super) operator: bool,
}

/// Why the address may have an account.
#[derive(Serialize)]
pub(super) struct Approval {
    company: String,
    verified_by: String,
    verified_at: String,
    note: String,
    removed_at: Option<String>,
}

/// A second factor.
#[derive(Serialize)]
pub(super) struct Factor {
    kind: &'static str,
    name: String,
    made_at: String,
    last_used_at: Option<String>,
    counts: bool,
}

/// A session.
#[derive(Serialize)]
pub(super) struct SignIn {
    signed_in_at: String,
    last_seen_at: String,
    ends_at: String,
    remembered: bool,
    browser: String,
    address: Option<String>,
}

/// An API token.
#[derive(Serialize)]
pub(super) struct Token {
    name: String,
    scope: &'static str,
    all_inverters: bool,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

/// A membership.
#[derive(Serialize)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) role: &'static str,
}

/// A site of one's own.
#[derive(Serialize)]
pub(super) struct Place {
    name: String,
    address: String,
    time_zone: String,
}

/// Access to an inverter.
#[derive(Serialize)]
pub(super) struct Access {
    serial: String,
    name: String,
    role: &'static str,
    by_organization: bool,
    ends_at: Option<String>,
}

/// An offer of access that waits.
#[derive(Serialize)]
pub(super) struct Offered {
    made_by_me: bool,
    serial: String,
    to: String,
    role: &'static str,
    made_at: String,
    expires_at: String,
}

/// An invitation that waits.
#[derive(Serialize)]
pub(super) struct Invited {
    made_by_me: bool,
    organization: String,
    to: String,
    role: &'static str,
    made_at: String,
    expires_at: String,
}

/// An attempt to add an inverter.
#[derive(Serialize)]
pub(super) struct Attempt {
    serial: String,
    started_at: String,
    ended_at: Option<String>,
    end: Option<&'static str>,
}

/// A mail.
#[derive(Serialize)]
pub(super) struct Mail {
    kind: String,
    written_at: String,
    state: &'static str,
}

/// An act of one's own.
#[derive(Serialize)]
pub(super) struct OwnAct {
    at: String,
    act: String,
    inverter: Option<String>,
    address: Option<String>,
    detail: Option<String>,
}

impl From<Allowed> for Approval {
    fn from(allowed: Allowed) -> Self {
        Self {
            company: allowed.company,
            verified_by: allowed.verified_by,
            verified_at: allowed.verified_at.to_rfc3339(),
            note: allowed.note,
            removed_at: allowed.removed_at.map(UtcMs::to_rfc3339),
        }
    }
}

impl Factor {
    /// An authenticator app; when one was last used is known by its steps only.
    pub(super) fn of_app(app: &Totp) -> Self {
        let last = UtcMs(app.last_step.saturating_mul(fleet::factors::STEP_MS));
        Self {
            kind: "authenticator app",
            name: String::new(),
            made_at: app.created_at.to_rfc3339(),
            last_used_at: app.confirmed_at.map(|_| last.to_rfc3339()),
            counts: app.confirmed_at.is_some(),
        }
    }
}

impl From<Passkey> for Factor {
    fn from(passkey: Passkey) -> Self {
        Self {
            kind: "passkey",
            name: passkey.name,
            made_at: passkey.created_at.to_rfc3339(),
            last_used_at: passkey.last_used_at.map(UtcMs::to_rfc3339),
            counts: !passkey.suspect,
        }
    }
}

impl From<Session> for SignIn {
    fn from(session: Session) -> Self {
        Self {
            signed_in_at: session.created_at.to_rfc3339(),
            last_seen_at: session.life.last_seen_at.to_rfc3339(),
            ends_at: session.life.ends().to_rfc3339(),
            remembered: session.life.remembered,
            browser: session.user_agent,
            address: session.address,
        }
    }
}

impl From<ApiToken> for Token {
    fn from(token: ApiToken) -> Self {
        let time = |at: Option<UtcMs>| at.map(UtcMs::to_rfc3339);
        Self {
            name: token.name,
            scope: token.reach.scope.name(),
            all_inverters: token.reach.inverters.is_none(),
            created_at: token.created_at.to_rfc3339(),
            expires_at: time(token.expires_at),
            last_used_at: time(token.last_used_at),
            revoked_at: time(token.revoked_at),
        }
    }
}

impl From<Site> for Place {
    fn from(site: Site) -> Self {
        Self { name: site.name, address: site.address, time_zone: site.time_zone }
    }
}

impl Access {
    /// As `own` has it at `now`.
    pub(super) fn of(visible: &VisibleInverter, own: AccountKey, now: UtcMs) -> Self {
        Self {
            serial: visible.inverter.serial.to_string(),
            name: visible.inverter.name.clone(),
            role: visible.role.name(),
            by_organization: matches!(visible.holder(own, now), Some(Holder::Organization(_))),
            ends_at: visible.until().map(UtcMs::to_rfc3339),
        }
    }
}

impl Offered {
    /// As `own` made it or was made it.
    pub(super) fn of((offer, inverter): (Offer, Inverter), own: AccountKey) -> Self {
        Self {
            made_by_me: offer.made_by == own,
            serial: inverter.serial.to_string(),
            to: offer.recipient.as_str().to_owned(),
            role: offer.role.name(),
            made_at: offer.made_at.to_rfc3339(),
            expires_at: offer.expires_at.to_rfc3339(),
        }
    }
}

impl Invited {
    /// As `own` made it or was made it.
    pub(super) fn of((invitation, organization): (Invitation, Organization), own: AccountKey) -> Self {
        Self {
            made_by_me: invitation.made_by == own,
            organization: organization.name,
            to: invitation.email.to_string(),
            role: invitation.role.name(),
            made_at: invitation.made_at.to_rfc3339(),
            expires_at: invitation.expires_at.to_rfc3339(),
        }
    }
}

impl From<Pairing> for Attempt {
    fn from(pairing: Pairing) -> Self {
        Self {
            serial: pairing.serial.to_string(),
            started_at: pairing.started_at.to_rfc3339(),
            ended_at: pairing.ended.map(|(_, at)| at.to_rfc3339()),
            end: pairing.ended.map(|(end, _)| end.name()),
        }
    }
}

impl From<Receipt> for Mail {
    fn from(receipt: Receipt) -> Self {
        Self { kind: receipt.kind, written_at: receipt.queued_at.to_rfc3339(), state: receipt.state.name() }
    }
}

impl OwnAct {
    /// With the serial number of the inverter that it concerned.
    pub(super) fn of(act: AuditAct, inverter: Option<String>) -> Self {
        let (address, detail) = match act.details {
            Details::Kept { address, detail } => (address, (!detail.is_empty()).then_some(detail)),
            Details::None | Details::Erased => (None, None),
        };
        Self { at: act.at.to_rfc3339(), act: act.name, inverter, address, detail }
    }
}
