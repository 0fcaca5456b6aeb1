//! Webhooks: an address of one's own program is added, challenged again, removed.
//!
//! In: a fresh proof, an https address. Out: its secret on the page, this once; sealed in the store. Whether the address is
//! public is looked at when something is sent there, and what came of the challenge stands on the page.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use fleet::AccountKey;
use fleet::audit::Verb;
use fleet::notice::Channel;
use serde::Deserialize;
use store::state::{NewNote, NewWebhook};
use wire::UtcMs;
use wire::time::HOUR_MS;

use super::super::shell::Shell;
use super::super::{again, form, html};
use super::{back, key, own_act};
use crate::caller::Caller;
use crate::mail::channels::{self as letters, Change};
use crate::mail::notes;
use crate::sign_in::secret::Secret;
use crate::sign_in::{factors, fresh};
use crate::{Context, Error, access, random};

/// Of an address, characters.
const MOST_URL: usize = 500;
/// Before a secret, so that people and scanners of source code know what it is.
const SECRET_PREFIX: &str = "whsec_";

#[derive(Template)]
#[template(path = "notifications_webhook.html")]
struct Page<'a> {
    shell: Shell,
    typed: &'a str,
    wrong: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "notifications_webhook_made.html")]
struct Made<'a> {
    shell: Shell,
    url: &'a str,
    secret: String,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    url: String,
}

const NO_URL: &str = "That is not an address that begins with https://, without a name or password in it.";
const TOO_MANY: &str = "You have five webhooks. Remove one first.";

/// `GET /me/notifications/webhooks/new`
pub async fn new(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, "", None))
}

/// `POST /me/notifications/webhooks/new`
pub async fn add(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let Typed { url: typed } = form(request, "the field url").await?;
    let url = typed.trim();
    if !is_fit(url, MOST_URL) {
        return again(&page(&context, &caller, &typed, Some(NO_URL)));
    }
    let no_chance = |error| Error::internal("make a webhook", error);
    let public_id = random::public_id().map_err(no_chance)?;
    let secret = format!("{SECRET_PREFIX}{}", Secret::new().map_err(no_chance)?.reveal());
    let sealed = context.vault().seal_webhook(own, secret.as_bytes());
    let sealed = sealed.map_err(|error| Error::internal("seal a webhook's secret", error))?;
    let (now, keys) = (context.now(), [key()?, key()?]);
    let text = notes::webhook_challenge(&Secret::new().map_err(no_chance)?.reveal());
    let new = NewWebhook {
        public_id: &public_id,
        account: own,
        url,
        sealed_secret: &sealed,
        challenge: challenge(&keys[0], own, &public_id, &text, now),
    };
    let from = factors::from(caller.address);
    let letter = letters::changed(context.origin(), Change::WebhookAdded, url, now, from.as_deref())?;
    let letter = letter.notice(&caller.account.email, &keys[1], now);
    let act = own_act(&context, &caller, Verb::WebhookAdd, url)?;
    let added = context.state().add_webhook(new, &act, &[letter]).await;
    if !added.map_err(|error| Error::internal("keep a webhook", error))? {
        return again(&page(&context, &caller, &typed, Some(TOO_MANY)));
    }
    let shell = Shell::new(&caller, now, None, "/me/notifications/webhooks/new");
    html(&Made { shell, url, secret }).map(IntoResponse::into_response)
}

/// `POST /me/notifications/webhooks/{webhook}/challenge`
pub async fn challenge_again(
    State(context): State<Context>,
    caller: Caller,
    Path(public_id): Path<String>,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let secret = Secret::new().map_err(|error| Error::internal("challenge a webhook", error))?;
    let (key, text) = (key()?, notes::webhook_challenge(&secret.reveal()));
    let note = challenge(&key, own, &public_id, &text, context.now());
    let act = own_act(&context, &caller, Verb::WebhookChallenge, "")?;
    let sent = context.state().challenge_webhook(own, &public_id, &act, &note).await;
    let sent = sent.map_err(|error| Error::internal("challenge a webhook", error))?;
    if sent { Ok(back("hook")) } else { Err(Error::NotFound) }
}

/// `POST /me/notifications/webhooks/{webhook}/remove`
pub async fn remove(
    State(context): State<Context>,
    caller: Caller,
    Path(public_id): Path<String>,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let failed = |error| Error::internal("remove a webhook", error);
    let all = context.state().webhooks(own).await.map_err(failed)?;
    let webhook = all.into_iter().find(|hook| hook.public_id == public_id).ok_or(Error::NotFound)?;
    let (now, key, from) = (context.now(), key()?, factors::from(caller.address));
    let letter =
        letters::changed(context.origin(), Change::WebhookRemoved, &webhook.url, now, from.as_deref())?;
    let letter = letter.notice(&caller.account.email, &key, now);
    let act = own_act(&context, &caller, Verb::WebhookRemove, &webhook.url)?;
    let removed = context.state().remove_webhook(own, &public_id, &act, &[letter]).await;
    if removed.map_err(failed)? { Ok(back("hook-gone")) } else { Err(Error::NotFound) }
}

/// A challenge is worth sending for an hour.
fn challenge<'a>(key: &'a str, account: AccountKey, to: &'a str, text: &'a str, now: UtcMs) -> NewNote<'a> {
    NewNote {
        key,
        channel: Channel::Webhook,
        account,
        to,
        kind: notes::WEBHOOK_CHALLENGE,
        subject: "",
        text,
        html: "",
        queued_at: now,
        expires_at: now.plus_ms(HOUR_MS),
    }
}

/// What can be seen of an address without asking anybody.
pub(super) fn is_fit(url: &str, most: usize) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    let authority = uri.as_ref().and_then(http::Uri::authority);
    url.len() <= most
        && url.starts_with("https://")
        && authority
            .is_some_and(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
}

fn page<'a>(context: &Context, caller: &Caller, typed: &'a str, wrong: Option<&'static str>) -> Page<'a> {
    Page { shell: Shell::new(caller, context.now(), None, "/me/notifications/webhooks/new"), typed, wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 1.2.2, 2.2.1.
    #[test]
    fn addresses_are_https_without_a_password() {
        for url in ["https://hooks.example/ic?x=1", "https://hooks.example:8443", "https://192.0.2.1/"] {
            assert!(is_fit(url, MOST_URL), "{url}");
        }
        for url in [
            "",
            "http://x.example",
            "https://",
            "https://a:b@x.example/",
            "x.example",
            "https://x y/",
            "ftp://x",
        ] {
            assert!(!is_fit(url, MOST_URL), "{url}");
        }
        assert!(!is_fit(&format!("https://x.example/{}", "a".repeat(MOST_URL)), MOST_URL));
    }
}
