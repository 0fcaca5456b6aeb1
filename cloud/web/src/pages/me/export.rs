//! `POST /me/data/export`: everything that is kept about one's account, as one file.
//!
//! In: a fresh proof. Out: JSON: the account, sessions, tokens by name, organizations, access to inverters, mails by
//! kind, one's own acts. No secret, no hash of one. Readings are not the account's: the API has them, as long as the
//! access lasts.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fleet::audit::Verb;
use fleet::{AccountKey, Holder};
use http::{HeaderValue, header};
use serde::Serialize;
use store::state::{ApiToken, AuditAct, AuditQuery, By, Details, Receipt, Session, VisibleInverter, Whose};
use wire::UtcMs;

use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// Rows of the log that are read at a time.
const AT_ONCE: u64 = 500;
/// Receipts of mails; they are forgotten long before there are as many.
const MOST_MAILS: u64 = 10_000;

#[derive(Serialize)]
struct Export {
    exported_at: String,
    account: Account,
    sessions: Vec<SignIn>,
    tokens: Vec<Token>,
    organizations: Vec<Member>,
    inverters: Vec<Inverter>,
    mails: Vec<Mail>,
    acts: Vec<OwnAct>,
}

#[derive(Serialize)]
struct Account {
    email: String,
    name: String,
    created_at: String,
    operator: bool,
}

#[derive(Serialize)]
struct SignIn {
    signed_in_at: String,
    last_seen_at: String,
    ends_at: String,
    remembered: bool,
    browser: String,
    address: Option<String>,
}

#[derive(Serialize)]
struct Token {
    name: String,
    scope: &'static str,
    all_inverters: bool,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

#[derive(Serialize)]
struct Member {
    name: String,
    role: &'static str,
}

#[derive(Serialize)]
struct Inverter {
    serial: String,
    name: String,
    role: &'static str,
    by_organization: bool,
    ends_at: Option<String>,
}

#[derive(Serialize)]
struct Mail {
    kind: String,
    written_at: String,
    state: &'static str,
}

#[derive(Serialize)]
struct OwnAct {
    at: String,
    act: String,
    inverter: Option<String>,
    address: Option<String>,
    detail: Option<String>,
}

/// `POST /me/data/export`
pub async fn submit(State(context): State<Context>, caller: Caller) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    // Written first, so that the file tells of itself.
    let act = act::of(&context, &caller, Verb::AccountExport)?.of_account(own);
    context.state().record_act(&act).await.map_err(|error| Error::internal("export an account", error))?;
    let export = gathered(&context, &caller, own).await?;
    let text =
        serde_json::to_vec_pretty(&export).map_err(|error| Error::internal("print an export", error))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"inverter-connect-account.json\""),
        ),
    ];
    Ok((headers, text).into_response())
}

async fn gathered(context: &Context, caller: &Caller, own: AccountKey) -> Result<Export, Error> {
    let (now, state, account) = (context.now(), context.state(), &caller.account);
    let failed = |error| Error::internal("export an account", error);
    let inverters = state.visible_inverters(own, now).await.map_err(failed)?;
    let organizations = state.organizations_of(own).await.map_err(failed)?;
    Ok(Export {
        exported_at: now.to_rfc3339(),
        account: Account {
            email: account.email.to_string(),
            name: account.name.clone(),
            created_at: account.created_at.to_rfc3339(),
            operator: account.operator,
        },
        sessions: state.sessions(own, now).await.map_err(failed)?.into_iter().map(sign_in).collect(),
        tokens: state.tokens(own).await.map_err(failed)?.into_iter().map(token).collect(),
        organizations: organizations
            .into_iter()
            .map(|(organization, role)| Member { name: organization.name, role: role.name() })
            .collect(),
        inverters: inverters.iter().map(|inverter| seen(inverter, own, now)).collect(),
        mails: state
            .receipts(Some(&account.email), MOST_MAILS)
            .await
            .map_err(failed)?
            .into_iter()
            .map(mail)
            .collect(),
        acts: own_acts(context, own).await?,
    })
}

/// What the account did, the newest first.
async fn own_acts(context: &Context, own: AccountKey) -> Result<Vec<OwnAct>, Error> {
    let failed = |error| Error::internal("export an account", error);
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let query = AuditQuery { by: Some(own), before, ..AuditQuery::newest(Whose::Person(own), AT_ONCE) };
        let acts = context.state().audit_acts(&query).await.map_err(failed)?;
        let Some(last) = acts.last() else { return Ok(all) };
        before = Some(last.sequence);
        let names = context.state().audit_names(&acts).await.map_err(failed)?;
        let own_only = acts.into_iter().filter(|act| act.by == Some(By::Account(own)));
        all.extend(own_only.map(|act| {
            let inverter = act.inverter.and_then(|key| names.inverters.get(&key));
            told(act, inverter.map(|named| named.serial.to_string()))
        }));
    }
}

fn told(act: AuditAct, inverter: Option<String>) -> OwnAct {
    let (address, detail) = match act.details {
        Details::Kept { address, detail } => (address, (!detail.is_empty()).then_some(detail)),
        Details::None | Details::Erased => (None, None),
    };
    OwnAct { at: act.at.to_rfc3339(), act: act.name, inverter, address, detail }
}

fn sign_in(session: Session) -> SignIn {
    SignIn {
        signed_in_at: session.created_at.to_rfc3339(),
        last_seen_at: session.life.last_seen_at.to_rfc3339(),
        ends_at: session.life.ends().to_rfc3339(),
        remembered: session.life.remembered,
        browser: session.user_agent,
        address: session.address,
    }
}

fn token(token: ApiToken) -> Token {
    let time = |at: Option<UtcMs>| at.map(UtcMs::to_rfc3339);
    Token {
        name: token.name,
        scope: token.reach.scope.name(),
        all_inverters: token.reach.inverters.is_none(),
        created_at: token.created_at.to_rfc3339(),
        expires_at: time(token.expires_at),
        last_used_at: time(token.last_used_at),
        revoked_at: time(token.revoked_at),
    }
}

fn seen(visible: &VisibleInverter, own: AccountKey, now: UtcMs) -> Inverter {
    Inverter {
        serial: visible.inverter.serial.to_string(),
        name: visible.inverter.name.clone(),
        role: visible.role.name(),
        by_organization: matches!(visible.holder(own, now), Some(Holder::Organization(_))),
        ends_at: visible.until().map(UtcMs::to_rfc3339),
    }
}

fn mail(receipt: Receipt) -> Mail {
    Mail { kind: receipt.kind, written_at: receipt.queued_at.to_rfc3339(), state: receipt.state.name() }
}
