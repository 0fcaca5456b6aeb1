//! Browsers that messages are pushed to.
//!
//! In: a fresh proof, what the browser subscribed with; later, what was pushed to it, brought back by its worker. Out: a
//! browser that is verified. The proof is the only thing that `/push/arrived` asks for: the worker runs when nobody is
//! signed in, and the proof opens nothing.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::AccountKey;
use fleet::audit::Verb;
use fleet::notice::{Channel, MOST_PUSH_DEVICES};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use store::state::{Account, Act, By, NewNote, NewPushDevice, TakenFrom};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::super::shell::Shell;
use super::super::{form, html};
use super::{back, key, own_act, webhooks};
use crate::caller::Caller;
use crate::mail::Letter;
use crate::mail::channels::{self as letters, Change};
use crate::mail::notes;
use crate::sign_in::secret::Secret;
use crate::sign_in::{factors, fresh};
use crate::view::browser;
use crate::{Context, Error, access, random};

/// Bytes of a browser's key, an uncompressed point, and of what it shares with us.
const KEY: usize = 65;
const SHARED: usize = 16;
/// Of an endpoint, characters.
const MOST_ENDPOINT: usize = 1_000;

#[derive(Template)]
#[template(path = "notifications_push.html")]
struct Page {
    shell: Shell,
    push_key: Option<String>,
    name: String,
    full: bool,
}

/// What the page's script sends, as a form.
#[derive(Deserialize)]
struct Subscribed {
    endpoint: String,
    p256dh: String,
    auth: String,
}

/// What the worker brings back.
#[derive(Deserialize)]
struct Arrived {
    proof: String,
}

/// `GET /me/notifications/push/new`
pub async fn new(
    State(context): State<Context>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Html<String>, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let devices = context.state().push_devices(own).await;
    let devices = devices.map_err(|error| Error::internal("list browsers", error))?;
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/me/notifications/push/new"),
        push_key: context.ways().push_key,
        name: named(&headers),
        full: devices.len() >= MOST_PUSH_DEVICES,
    })
}

/// `POST /me/notifications/push/new`
pub async fn add(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let name = named(request.headers());
    let sent: Subscribed = form(request, "the fields endpoint, p256dh and auth").await?;
    let (Some(public_key), Some(secret)) = (bytes(&sent.p256dh, KEY), bytes(&sent.auth, SHARED)) else {
        return Err(Error::Request("The fields p256dh and auth are not what a browser makes.".to_owned()));
    };
    if !webhooks::is_fit(&sent.endpoint, MOST_ENDPOINT) {
        return Err(Error::Request("The field endpoint is not an https address.".to_owned()));
    }
    let no_chance = |error| Error::internal("keep a browser", error);
    let (public_id, proof) = (random::public_id().map_err(no_chance)?, Secret::new().map_err(no_chance)?);
    let (now, keys) = (context.now(), [key()?, key()?]);
    let text = notes::push_proof(context.origin(), &format!("{public_id}.{}", proof.reveal()));
    let message = NewNote {
        key: &keys[0],
        channel: Channel::Push,
        account: own,
        to: &public_id,
        kind: notes::PUSH_PROOF,
        subject: "",
        text: &text,
        html: "",
        queued_at: now,
        expires_at: now.plus_ms(DAY_MS),
    };
    let lost = Lost::look_up(&context, &sent.endpoint, own, now).await?;
    let device = NewPushDevice {
        public_id: &public_id,
        account: own,
        endpoint: &sent.endpoint,
        public_key: &public_key,
        secret: &secret,
        name: &name,
        proof_hash: proof.hash(),
        message,
        taken_from: lost.as_ref().map(Lost::taken),
    };
    let from = factors::from(caller.address);
    let letter = letters::changed(context.origin(), Change::PushAdded, &name, now, from.as_deref())?;
    let letter = letter.notice(&caller.account.email, &keys[1], now);
    let act = own_act(&context, &caller, Verb::PushAdd, &name)?;
    let kept = context.state().add_push_device(device, &act, &[letter]).await;
    match kept.map_err(|error| Error::internal("keep a browser", error))? {
        true => Ok(back("push")),
        false => Err(Error::Request(format!("You have {MOST_PUSH_DEVICES} browsers. Remove one first."))),
    }
}

/// Somebody else's browser until now: whoever signs in there last gets its messages, and who had them before is told.
struct Lost {
    account: Account,
    key: String,
    letter: Letter,
    act: Act,
    now: UtcMs,
}

impl Lost {
    async fn look_up(
        context: &Context,
        endpoint: &str,
        own: AccountKey,
        now: UtcMs,
    ) -> Result<Option<Self>, Error> {
        let failed = |error| Error::internal("look up a browser", error);
        let device = context.state().push_device_at(endpoint).await.map_err(failed)?;
        let Some(device) = device.filter(|device| device.account != own) else { return Ok(None) };
        let account = context.state().account(device.account).await.map_err(failed)?;
        let Some(account) = account else { return Ok(None) };
        let letter = letters::push_taken(context.origin(), &device.name, now)?;
        // By nobody that its owner should learn of: two people who share a browser may be strangers.
        let no_chance = |error| Error::internal("keep a browser", error);
        let salt = Secret::new().map_err(no_chance)?.hash();
        let act = Act::new(Verb::PushRemove, By::Service, now, salt);
        let act = act.of_account(account.key).with_detail(device.name.clone());
        Ok(Some(Self { account, key: key()?, letter, act, now }))
    }

    fn taken(&self) -> TakenFrom<'_> {
        let letter = self.letter.notice(&self.account.email, &self.key, self.now);
        TakenFrom { account: self.account.key, act: &self.act, letter }
    }
}

/// `POST /push/arrived`: answers alike whether the proof was good.
pub async fn arrived(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    let Arrived { proof } = form(request, "the field proof").await?;
    if let Some((id, proof)) = proof.split_once('.')
        && let Some(proof) = Secret::parse(proof)
    {
        let verified = context.state().push_arrived(id, &proof.hash(), context.now()).await;
        verified.map_err(|error| Error::internal("verify a browser", error))?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /me/notifications/push/{device}/remove`
pub async fn remove(
    State(context): State<Context>,
    caller: Caller,
    Path(public_id): Path<String>,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let failed = |error| Error::internal("remove a browser", error);
    let found = context.state().push_device(&public_id).await.map_err(failed)?;
    let device = found.filter(|device| device.account == own).ok_or(Error::NotFound)?;
    let (now, key, from) = (context.now(), key()?, factors::from(caller.address));
    let letter = letters::changed(context.origin(), Change::PushRemoved, &device.name, now, from.as_deref())?;
    let letter = letter.notice(&caller.account.email, &key, now);
    let act = own_act(&context, &caller, Verb::PushRemove, &device.name)?;
    let removed = context.state().remove_push_device(own, &public_id, &act, &[letter]).await;
    if removed.map_err(failed)? { Ok(back("push-gone")) } else { Err(Error::NotFound) }
}

fn named(headers: &HeaderMap) -> String {
    let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
    browser::words(agent.unwrap_or(""))
}

fn bytes(text: &str, length: usize) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == length)
}
