//! `GET /me/security`: what opens this account, and where it is open.
//!
//! In: a caller. Out: the page. Names of browsers are what they call themselves.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::session::Standing;
use serde::Deserialize;
use store::state::{Passkey, Session};

use super::PATH;
use crate::caller::Caller;
use crate::pages::html;
use crate::pages::shell::Shell;
use crate::view::browser;
use crate::view::words::{self, Local};
use crate::{Context, Error};

/// What is said on arrival: value of `why`, state, words.
const NOTICES: [(&str, &str, &str); 14] = [
    ("needed", "warn", "This needs a second factor. Add an authenticator app or a passkey, then go on."),
    ("app", "ok", "Your authenticator app is set up. It is asked for when you sign in."),
    ("app-there", "off", "You have an authenticator app already. Remove it to set up another."),
    ("app-gone", "ok", "The authenticator app was removed."),
    ("passkey", "ok", "Your passkey is ready. It opens this account without a password."),
    ("passkey-gone", "ok", "The passkey was removed. Delete it on your device, too."),
    ("renamed", "ok", "Renamed."),
    (
        "password",
        "alarm",
        "Not removed. Without a second factor your password needs 15 characters: change it first.",
    ),
    (
        "operator",
        "alarm",
        "Not removed. Operators keep a second factor: add another one first, for example a passkey.",
    ),
    (
        "demanded",
        "alarm",
        "Not removed. An organization of yours demands a second factor: add another one first, or leave the organization.",
    ),
    ("no-factor", "off", "Recovery codes stand in for a second factor. Add one first."),
    ("ended", "ok", "That device is signed out."),
    ("others", "ok", "All other devices are signed out."),
    ("late", "warn", "That took more than five minutes. Begin again."),
];

#[derive(Template)]
#[template(path = "security.html")]
struct Page {
    shell: Shell,
    notice: Option<Notice>,
    app: Option<String>,
    passkeys: Vec<PasskeyRow>,
    /// Some factor counts.
    any: bool,
    operator: bool,
    codes_left: u64,
    sessions: Vec<SessionRow>,
}

struct Notice {
    state: &'static str,
    words: &'static str,
}

struct PasskeyRow {
    id: String,
    name: String,
    made: String,
    used: Option<Age>,
    backed_up: bool,
    suspect: bool,
}

struct SessionRow {
    id: String,
    browser: String,
    address: Option<String>,
    begun: String,
    used: Age,
    this: bool,
    remembered: bool,
}

struct Age {
    at: i64,
    words: String,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    why: String,
}

/// `GET /me/security`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(arrival): Query<Arrival>,
) -> Result<Html<String>, Error> {
    let failed = |error| Error::internal("look up what opens an account", error);
    let (state, now, key) = (context.state(), context.now(), caller.account.key);
    // A letter and this page are read anywhere: days and ages, no clock of one place.
    let local = Local::new("UTC", now);
    let app = state.totp(key).await.map_err(failed)?.and_then(|app| app.confirmed_at);
    let passkeys = state.passkeys(key).await.map_err(failed)?;
    let sessions = state.sessions(key, now).await.map_err(failed)?;
    let age = |at: wire::UtcMs| Age { at: at.0, words: words::age(now.since(at)) };
    let passkey = |passkey: Passkey| PasskeyRow {
        id: passkey.public_id,
        name: passkey.name,
        made: local.day(passkey.created_at),
        used: passkey.last_used_at.map(age),
        backed_up: passkey.backed_up,
        suspect: passkey.suspect,
    };
    let session = |session: Session| {
        let standing = session.life.standing(now)?;
        Some(SessionRow {
            id: URL_SAFE_NO_PAD.encode(session.token_hash),
            browser: browser::words(&session.user_agent),
            address: session.address,
            begun: local.day(session.created_at),
            used: age(session.life.last_seen_at),
            this: caller.session == Some(session.token_hash),
            remembered: standing == Standing::Remembered,
        })
    };
    let notice = NOTICES.iter().find(|(why, ..)| *why == arrival.why);
    html(&Page {
        notice: notice.map(|(_, state, words)| Notice { state, words }),
        app: app.map(|at| local.day(at)),
        any: app.is_some() || passkeys.iter().any(|passkey| !passkey.suspect),
        passkeys: passkeys.into_iter().map(passkey).collect(),
        operator: caller.account.operator,
        codes_left: state.recovery_codes_left(key).await.map_err(failed)?,
        sessions: sessions.into_iter().filter_map(session).collect(),
        shell: Shell::new(&caller, now, None, PATH),
    })
}
