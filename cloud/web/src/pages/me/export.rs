//! `POST /me/data/export`: everything that is kept about one's account, as one file.
//!
//! In: a fresh proof. Out: JSON: the account and why its address was approved, second factors, sessions and tokens by
//! name, organizations, sites, access to inverters and what is offered of it, attempts to add one, mails by kind, one's
//! own acts. No secret, no hash of one. Readings are not the account's: the API has them, as long as the access lasts.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fleet::AccountKey;
use fleet::audit::Verb;
use http::{HeaderValue, header};
use store::state::{AuditQuery, By, Recipient, Whose};

use super::kept::{Access, Account, Export, Factor, Invited, Member, Offered, OwnAct};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// Rows of the log that are read at a time.
const AT_ONCE: u64 = 500;
/// Receipts of mails; they are forgotten long before there are as many.
const MOST_MAILS: u64 = 10_000;

/// `POST /me/data/export`
pub async fn submit(State(context): State<Context>, caller: Caller) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    // Written first, so that the file tells of itself.
    let act = act::of(&context, &caller, Verb::AccountExport)?.of_account(own);
    context.state().record_act(&act).await.map_err(failed)?;
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
    let me = [Recipient::Address(account.email.clone())];
    let mut offers = state.offers_by(own, now).await.map_err(failed)?;
    offers.extend(state.offers_to(&me, now).await.map_err(failed)?);
    let mut invitations = state.invitations_by(own, now).await.map_err(failed)?;
    invitations.extend(state.invitations_to(&account.email, now).await.map_err(failed)?);
    let app = state.totp(own).await.map_err(failed)?;
    let passkeys = state.passkeys(own).await.map_err(failed)?;
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
        approval: state.allowed(&account.email, now).await.map_err(failed)?.map(Into::into),
        second_factors: app.iter().map(Factor::of_app).chain(passkeys.into_iter().map(Into::into)).collect(),
        recovery_codes_left: state.recovery_codes_left(own).await.map_err(failed)?,
        sessions: all(state.sessions(own, now).await.map_err(failed)?),
        tokens: all(state.tokens(own).await.map_err(failed)?),
        organizations: organizations
            .into_iter()
            .map(|(organization, role)| Member { name: organization.name, role: role.name() })
            .collect(),
        sites: all(state.sites_of(own.into()).await.map_err(failed)?),
        inverters: inverters.iter().map(|inverter| Access::of(inverter, own, now)).collect(),
        offers: offers.into_iter().map(|offer| Offered::of(offer, own)).collect(),
        invitations: invitations.into_iter().map(|invitation| Invited::of(invitation, own)).collect(),
        pairings: all(state.pairings_of(own).await.map_err(failed)?),
        mails: all(state.receipts(Some(&account.email), MOST_MAILS).await.map_err(failed)?),
        acts: own_acts(context, own).await?,
    })
}

/// What the account did, the newest first.
async fn own_acts(context: &Context, own: AccountKey) -> Result<Vec<OwnAct>, Error> {
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
            OwnAct::of(act, inverter.map(|named| named.serial.to_string()))
        }));
    }
}

fn all<Row, Printed: From<Row>>(rows: Vec<Row>) -> Vec<Printed> {
    rows.into_iter().map(Into::into).collect()
}

fn failed(error: store::state::StateError) -> Error {
    Error::internal("export an account", error)
}
