//! `GET /api/v1/me/notifications`: the same for programs: what one is told, by which ways, how each stands.
//!
//! In: an account, by cookie or token. Out: JSON. Names of browsers and last digits of telephones; never a secret, a whole
//! number, a webhook's whole address or where a push service takes messages.

use axum::extract::State;
use axum::response::Response;
use fleet::notice::{Channel, Channels, Reminders};
use serde::Serialize;

use super::json;
use crate::caller::{ApiCaller, Caller};
use crate::{Context, Error, access};

/// The answer.
#[derive(Debug, Serialize)]
struct Told {
    critical: Vec<&'static str>,
    warning: Vec<&'static str>,
    info: Vec<&'static str>,
    when_over: bool,
    quiet_hours: Option<Quiet>,
    remind_every_hours: Option<u8>,
    weekly_letter: bool,
    daily_letter: bool,
    ways: Vec<Way>,
}

/// Minutes of the day, by the clock of each site.
#[derive(Debug, Serialize)]
struct Quiet {
    from_minute: u16,
    to_minute: u16,
    hold_critical: bool,
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
    let told = told(&context, &caller).await?;
    let text = serde_json::to_vec(&told).map_err(|error| Error::internal("write an answer", error))?;
    Ok(json(text))
}

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
    Ok(Told {
        critical: names(preferences.critical),
        warning: names(preferences.warning),
        info: names(preferences.info),
        when_over: preferences.over,
        quiet_hours: preferences.quiet.map(|quiet| {
            let (from_minute, to_minute) = quiet.minutes();
            Quiet { from_minute, to_minute, hold_critical: preferences.quiet_for_critical }
        }),
        remind_every_hours: match preferences.reminders {
            Reminders::Never => None,
            Reminders::Every { hours } => Some(hours),
        },
        weekly_letter: !preferences.without_weekly,
        daily_letter: preferences.daily,
        ways,
    })
}

/// Where a webhook is; the rest of its address may hold what opens a door.
fn host(url: &str) -> String {
    let uri: Option<http::Uri> = url.parse().ok();
    uri.as_ref().and_then(http::Uri::host).unwrap_or("").to_owned()
}

fn names(channels: Channels) -> Vec<&'static str> {
    channels.iter().map(Channel::name).collect()
}
