//! `GET` and `PATCH /api/v1/me/notifications`: the same for programs: what one is told, by which ways, how each stands.
//!
//! In: an account, by cookie or token; to change something by cookie alone. Out: JSON. Names of browsers and last digits of
//! telephones; never a secret, a whole number, a webhook's whole address or where a push service takes messages.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use fleet::audit::Verb;
use fleet::notice::Channel;
use serde::Serialize;

use super::print;
use crate::caller::{ApiCaller, Caller};
use crate::pages::notifications::preferences;
use crate::rules::preferences::{Change, Shown};
use crate::sign_in::act;
use crate::{Context, Error, access};

/// The answer.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    preferences: Shown,
    ways: Vec<Way>,
}

/// One way.
#[derive(Debug, Serialize)]
struct Way {
    channel: &'static str,
    name: String,
    verified_at: Option<String>,
    switched_off: bool,
}

/// `GET /api/v1/me/notifications`
pub async fn show(State(context): State<Context>, ApiCaller(caller): ApiCaller) -> Result<Response, Error> {
    print(&told(&context, &caller).await?)
}

/// `PATCH /api/v1/me/notifications`: what is sent changes, the rest stays; the answer is how it stands then. By a session
/// alone: a token reaches inverters, and one that leaked must not be able to silence alarms.
pub async fn change(State(context): State<Context>, caller: Caller, body: Bytes) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    // A list of values in their order would be read as the fields, and an empty one as nothing to change.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Error::Request(EXAMPLE.to_owned()));
    }
    let change: Change = serde_json::from_slice(&body)
        .map_err(|error| Error::Request(format!("{EXAMPLE} What came does not do: {error}.")))?;
    let failed = |error| Error::internal("change what somebody is told", error);
    let before = context.state().preferences(own).await.map_err(failed)?;
    let verified = context.state().reachable(own).await.map_err(failed)?;
    let after = change.merged(before, verified).map_err(Error::Request)?;
    let act = act::of(&context, &caller, Verb::NotificationsEdit)?;
    let act = act.of_account(own).with_detail(preferences::told(&after));
    context.state().set_preferences(own, &after, &act).await.map_err(failed)?;
    print(&told(&context, &caller).await?)
}

const EXAMPLE: &str =
    r#"Send JSON with what is to change, for example {"warning":["email"],"remind_every_hours":4}."#;

async fn told(context: &Context, caller: &Caller) -> Result<Told, Error> {
    let own = access::own_account(context, caller)?;
    let failed = |error| Error::internal("look up what somebody is told", error);
    let state = context.state();
    let preferences = state.preferences(own).await.map_err(failed)?;
    let way = |channel: Channel, name: String, verified_at: Option<wire::UtcMs>, switched_off| Way {
        channel: channel.name(),
        name,
        verified_at: verified_at.map(|at| at.to_rfc3339()),
        switched_off,
    };
    let account = &caller.account;
    let mut ways =
        vec![way(Channel::Email, account.email.as_str().to_owned(), Some(account.created_at), false)];
    let phones = state.phones(own).await.map_err(failed)?;
    ways.extend(
        phones
            .into_iter()
            .map(|phone| way(Channel::Text, format!("…{}", phone.number.ending()), phone.verified_at, false)),
    );
    let devices = state.push_devices(own).await.map_err(failed)?;
    ways.extend(devices.into_iter().map(|device| way(Channel::Push, device.name, device.verified_at, false)));
    let webhooks = state.webhooks(own).await.map_err(failed)?;
    ways.extend(webhooks.into_iter().map(|hook| {
        let off = hook.disabled_at.is_some();
        way(Channel::Webhook, host(&hook.url), hook.verified_at, off)
    }));
    Ok(Told { preferences: Shown::of(&preferences), ways })
}

/// Where a webhook is; the rest of its address may hold what opens a door.
fn host(url: &str) -> String {
    let uri: Option<http::Uri> = url.parse().ok();
    uri.as_ref().and_then(http::Uri::host).unwrap_or("").to_owned()
}
