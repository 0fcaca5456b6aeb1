//! Adding, naming and removing passkeys.
//!
//! In: a caller with a fresh proof, what the page's script got from an authenticator. Out: what the script asks it; a
//! passkey that counts as both factors. Somebody else's passkey is not there.

use askama::Template;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Form, Json};
use fleet::audit::Verb;
use fleet::ceilings::PASSKEYS;
use http::HeaderMap;
use serde::Deserialize;
use store::state::{Codes, FactorChange, NewPasskey, Passkey, StateError};

use super::{back, done, from, kept, letter_key, recovery};
use crate::caller::Caller;
use crate::pages::html;
use crate::pages::shell::Shell;
use crate::sign_in::secret::Secret;
use crate::sign_in::{factors, fresh};
use crate::view::browser;
use crate::webauthn::challenge::Purpose;
use crate::webauthn::options::{Create, Owner};
use crate::webauthn::registration::{self, Made};
use crate::{Context, Error, mail, random};

/// Longest name, characters.
const MOST_NAME: usize = 60;
/// Characters of a public id: 132 random bits as base64url.
const PUBLIC_ID: usize = 22;

/// What is said when it did not work: value of `why`, words.
const PROBLEMS: [(&str, &str); 3] = [
    ("late", "That took more than five minutes. Try again."),
    ("refused", "That passkey could not be used. Try again, or use another device."),
    ("known", "That passkey is in use already."),
];

#[derive(Template)]
#[template(path = "security_passkey.html")]
struct Page {
    shell: Shell,
    name: String,
    problem: Option<&'static str>,
    full: bool,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    why: String,
}

/// The form that the script fills in.
#[derive(Deserialize)]
pub struct Answer {
    client_data: String,
    attestation: String,
    #[serde(default)]
    name: String,
}

/// The form of a name.
#[derive(Deserialize)]
pub struct Name {
    name: String,
}

/// `GET /me/security/passkeys/new`
pub async fn new(
    State(context): State<Context>,
    caller: Caller,
    headers: HeaderMap,
    Query(arrival): Query<Arrival>,
) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
    let problem = PROBLEMS.iter().find(|(why, _)| *why == arrival.why).map(|(_, words)| *words);
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/me/security/passkeys/new"),
        name: browser::words(agent.unwrap_or("")),
        problem,
        full: own(&context, &caller).await?.len() as u64 >= PASSKEYS.most,
    })
}

/// `GET /me/security/passkeys/options`
pub async fn options(State(context): State<Context>, caller: Caller) -> Result<Json<Create>, Error> {
    fresh::require(&context, &caller)?;
    let failed = |error: &dyn std::fmt::Display| Error::internal("begin a passkey", error);
    let handle = random::bytes32().map_err(|error| failed(&error))?;
    let handle = context.state().passkey_handle(caller.account.key, handle).await;
    let handle = handle.map_err(|error| failed(&error))?;
    let purpose = Purpose::Register(caller.account.key);
    let challenge = context.challenges().make(purpose, context.now()).map_err(|error| failed(&error))?;
    let known = own(&context, &caller).await?;
    let known: Vec<&[u8]> = known.iter().map(|passkey| passkey.credential_id.as_slice()).collect();
    let (email, name) = (caller.account.email.as_str(), caller.account.name.as_str());
    let owner = Owner { handle: &handle, email, name };
    Ok(Json(Create::new(&challenge, context.party(), owner, &known)))
}

/// `POST /me/security/passkeys/new`
pub async fn add(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let headers = request.headers().clone();
    let form = Form::<Answer>::from_request(request, &()).await;
    let Form(sent) = form
        .map_err(|_| Error::Request("Send the fields client_data and attestation as a form.".to_owned()))?;
    if own(&context, &caller).await?.len() as u64 >= PASSKEYS.most {
        return Ok(Redirect::to("/me/security/passkeys/new").into_response());
    }
    let answer = registration::Answer { client_data: &sent.client_data, attestation: &sent.attestation };
    let purpose = Purpose::Register(caller.account.key);
    let verified =
        registration::verify(answer, purpose, context.party(), context.challenges(), context.now());
    match verified {
        Ok(made) => keep(&context, &caller, &headers, made, &sent.name).await,
        Err(refused) => {
            tracing::info!(%refused, "a new passkey was refused");
            let late = refused == crate::webauthn::Refused::Expired;
            Ok(again(if late { "late" } else { "refused" }))
        }
    }
}

async fn keep(
    context: &Context,
    caller: &Caller,
    headers: &HeaderMap,
    made: Made,
    name: &str,
) -> Result<Response, Error> {
    let public_id = Secret::new().map_err(|error| Error::internal("name a passkey", error))?.reveal();
    let public_id: String = public_id.chars().take(PUBLIC_ID).collect();
    let (now, name, key) = (context.now(), cleaned(name), letter_key()?);
    let codes = recovery::if_none(context, caller).await?;
    let act = factors::own_act(context, caller, Verb::FactorAdd, &format!("passkey {name:?}"))?;
    let address = from(caller.address);
    let letter = mail::factors::added(context.origin(), &called(&name), now, address.as_deref())?;
    let with = FactorChange {
        account: caller.account.key,
        act: &act,
        keep: caller.session.as_ref(),
        letters: &[letter.notice(&caller.account.email, &key, now)],
        codes: codes.as_ref().map_or(Codes::Keep, |(_, hashes)| Codes::Replace(hashes)),
    };
    let new = NewPasskey {
        public_id: &public_id,
        credential_id: &made.credential_id,
        name: &name,
        public_key: &made.public_key,
        counter: made.counter,
        backed_up: made.backed_up,
        created_at: now,
    };
    let ended = match context.state().add_passkey(new, &with).await {
        Ok(ended) => ended,
        Err(StateError::Taken { .. }) => return Ok(again("known")),
        Err(error) => return Err(Error::of_store("keep a passkey", error)),
    };
    let cookie = factors::changed(context, caller, headers, &ended).await?;
    match codes {
        Some((codes, _)) => recovery::shown_once(context, caller, codes, cookie),
        None => Ok(done("passkey", cookie)),
    }
}

/// `POST /me/security/passkeys/{passkey}/name`
pub async fn rename(
    State(context): State<Context>,
    caller: Caller,
    Path(public_id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let passkey = find(&context, &caller, &public_id).await?;
    let form = Form::<Name>::from_request(request, &()).await;
    let Form(Name { name }) =
        form.map_err(|_| Error::Request("Send the field name as a form.".to_owned()))?;
    let name = cleaned(&name);
    let detail = format!("passkey {:?}, now {name:?}", passkey.name);
    let act = factors::own_act(&context, &caller, Verb::FactorRename, &detail)?;
    let renamed = context.state().rename_passkey(caller.account.key, &passkey.public_id, &name, &act).await;
    renamed.map_err(|error| Error::internal("rename a passkey", error))?;
    Ok(back("renamed"))
}

/// `POST /me/security/passkeys/{passkey}/remove`
pub async fn remove(
    State(context): State<Context>,
    caller: Caller,
    Path(public_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let passkey = find(&context, &caller, &public_id).await?;
    let (now, address, key) = (context.now(), from(caller.address), letter_key()?);
    let detail = format!("passkey {:?}", passkey.name);
    let act = factors::own_act(&context, &caller, Verb::FactorRemove, &detail)?;
    let letter = mail::factors::removed(context.origin(), &called(&passkey.name), now, address.as_deref())?;
    let with = FactorChange {
        account: caller.account.key,
        act: &act,
        keep: caller.session.as_ref(),
        letters: &[letter.notice(&caller.account.email, &key, now)],
        codes: Codes::Keep,
    };
    let ended = match context.state().remove_passkey(&passkey.public_id, &with).await {
        Ok(ended) => ended.ok_or(Error::NotFound)?,
        Err(StateError::KeepsFactor(refusal)) => return Ok(kept(refusal)),
        Err(error) => return Err(Error::internal("remove a passkey", error)),
    };
    Ok(done("passkey-gone", factors::changed(&context, &caller, &headers, &ended).await?))
}

async fn own(context: &Context, caller: &Caller) -> Result<Vec<Passkey>, Error> {
    let all = context.state().passkeys(caller.account.key).await;
    all.map_err(|error| Error::internal("list passkeys", error))
}

async fn find(context: &Context, caller: &Caller, public_id: &str) -> Result<Passkey, Error> {
    let mut all = own(context, caller).await?.into_iter();
    all.find(|passkey| passkey.public_id == public_id).ok_or(Error::NotFound)
}

fn again(why: &str) -> Response {
    Redirect::to(&format!("/me/security/passkeys/new?why={why}")).into_response()
}

fn called(name: &str) -> String {
    format!("Passkey \u{201c}{name}\u{201d}")
}

fn cleaned(name: &str) -> String {
    let name: String = name.chars().filter(|character| !character.is_control()).take(MOST_NAME).collect();
    let name = name.trim();
    if name.is_empty() { "Passkey".to_owned() } else { name.to_owned() }
}
