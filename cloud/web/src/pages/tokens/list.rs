//! `GET /me/tokens`: which tokens there are, what each reaches, when it was last used.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use fleet::{InverterKey, TokenScope};
use store::state::ApiToken;

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::view::fleet::Known;
use crate::view::words::{self, Local};
use crate::{Context, Error, access};

/// Ended tokens that are still shown.
const MOST_ENDED: usize = 20;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Page {
    shell: Shell,
    live: Vec<Line>,
    ended: Vec<Line>,
}

/// A token in words.
struct Line {
    id: i64,
    name: String,
    scope: &'static str,
    reach: String,
    used: String,
    ends: String,
}

/// `GET /me/tokens`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    let now = context.now();
    let tokens = context.state().tokens(caller.account.key).await;
    let tokens = tokens.map_err(|error| Error::internal("list tokens", error))?;
    let rows = access::fleet(&context, &caller).await?;
    let names: HashMap<InverterKey, String> = rows
        .into_iter()
        .map(|row| (row.inverter.key, Known::new(&context, row, now).name().to_owned()))
        .collect();
    let local = Local::new("UTC", now);
    let (live, ended): (Vec<_>, Vec<_>) = tokens.iter().partition(|token| token.counts(now));
    let lines =
        |tokens: Vec<&ApiToken>| tokens.into_iter().map(|token| line(token, &names, &local)).collect();
    html(&Page {
        shell: Shell::new(&caller, now, None, "/me/tokens"),
        live: lines(live),
        ended: lines(ended.into_iter().take(MOST_ENDED).collect()),
    })
}

fn line(token: &ApiToken, names: &HashMap<InverterKey, String>, local: &Local) -> Line {
    let reach = match &token.reach.inverters {
        None => "All inverters".to_owned(),
        Some(listed) => {
            // An inverter that one may see no more is not named; the token does not reach it either.
            let seen: Vec<&str> =
                listed.iter().filter_map(|key| names.get(key).map(String::as_str)).collect();
            if seen.is_empty() { "No inverter any more".to_owned() } else { seen.join(", ") }
        }
    };
    Line {
        id: token.key.0,
        name: if token.name.is_empty() { "Token without a name".to_owned() } else { token.name.clone() },
        scope: match token.reach.scope {
            TokenScope::Read => "Reads",
            TokenScope::Write => "Reads and changes",
        },
        reach,
        used: match token.last_used_at {
            Some(used) => format!("Last used {}", words::age(local.now().since(used))),
            None => "Never used".to_owned(),
        },
        ends: match (token.revoked_at, token.expires_at) {
            (Some(revoked), _) => format!("revoked {}", local.time(revoked)),
            (None, Some(ends)) if ends <= local.now() => format!("expired {}", local.time(ends)),
            (None, Some(ends)) => format!("counts until {}", local.time(ends)),
            (None, None) => "counts until revoked".to_owned(),
        },
    }
}
