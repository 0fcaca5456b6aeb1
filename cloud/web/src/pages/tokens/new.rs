//! `/me/tokens/new`: making a token.
//!
//! In: a name, a scope, all inverters or chosen ones, how long it counts: a year at most. Out: the token on the page, this
//! once; its hash in the store.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use fleet::audit::Verb;
use fleet::ceilings::TOKENS;
use fleet::{InverterKey, TokenReach, TokenScope};
use http::StatusCode;
use store::state::{NewToken, VisibleInverter};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::sign_in::secret::Secret;
use crate::sign_in::{act, fresh};
use crate::view::fleet::Known;
use crate::{Context, Error, access};

/// Longest name, characters.
const MOST_NAME: usize = 60;
/// How long a token may count: value in the form, words, days.
const LIVES: [(&str, &str, i64); 4] =
    [("7", "7 days", 7), ("30", "30 days", 30), ("90", "90 days", 90), ("365", "One year", 365)];
/// What is chosen at first.
const LIFE: &str = "90";

#[derive(Template)]
#[template(path = "token_new.html")]
struct Page {
    shell: Shell,
    wish: Wish,
    choices: Vec<Choice>,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "token_made.html")]
struct Made {
    shell: Shell,
    name: String,
    token: String,
    origin: String,
}

/// An inverter that may be chosen.
struct Choice {
    id: String,
    name: String,
    serial: String,
    chosen: bool,
}

/// The form, as sent.
#[derive(Clone, Debug, Default)]
struct Wish {
    name: String,
    scope: String,
    reach: String,
    life: String,
    inverters: Vec<String>,
}

/// `GET /me/tokens/new`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    let rows = access::fleet(&context, &caller).await?;
    let wish =
        Wish { scope: "read".to_owned(), reach: "all".to_owned(), life: LIFE.to_owned(), ..Wish::default() };
    html(&page(&context, &caller, rows, wish, None))
}

/// `POST /me/tokens/new`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let wish = Wish::from_pairs(pairs);
    let rows = access::fleet(&context, &caller).await?;
    let now = context.now();
    let tokens = context.state().tokens(caller.account.key).await;
    let tokens = tokens.map_err(|error| Error::internal("list tokens", error))?;
    let live = tokens.iter().filter(|token| token.counts(now)).count() as u64;
    let order = if live >= TOKENS.most {
        Err(format!("You have {} tokens already. Revoke one that is no longer used.", TOKENS.most))
    } else {
        wish.order(&rows, now)
    };
    let (reach, ends) = match order {
        Ok(order) => order,
        Err(wrong) => {
            let page = html(&page(&context, &caller, rows, wish, Some(wrong)))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let secret = Secret::new().map_err(|error| Error::internal("make a token", error))?;
    let new = NewToken {
        token_hash: secret.hash(),
        account: caller.account.key,
        name: &wish.name,
        reach: &reach,
        created_at: now,
        expires_at: Some(ends),
    };
    let act = act::of(&context, &caller, Verb::TokenAdd)?;
    let act = act.with_detail(format!("{}, {}", reach.scope.name(), wish.name));
    let made = context.state().create_token(new, &act).await;
    made.map_err(|error| Error::of_store("make a token", error))?;
    html(&Made {
        shell: Shell::new(&caller, now, None, "/me/tokens/new"),
        name: wish.name,
        token: secret.reveal(),
        origin: context.origin().to_owned(),
    })
    .map(IntoResponse::into_response)
}

fn page(
    context: &Context,
    caller: &Caller,
    rows: Vec<VisibleInverter>,
    wish: Wish,
    wrong: Option<String>,
) -> Page {
    let now = context.now();
    let choice = |row: VisibleInverter| {
        let known = Known::new(context, row, now);
        let inverter = &known.row.inverter;
        Choice {
            id: inverter.public_id.clone(),
            name: known.name().to_owned(),
            serial: inverter.serial.to_string(),
            chosen: wish.inverters.contains(&inverter.public_id),
        }
    };
    let choices = rows.into_iter().map(choice).collect();
    Page { shell: Shell::new(caller, now, None, "/me/tokens/new"), choices, wish, wrong }
}

impl Wish {
    fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut wish = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "name" => {
                    wish.name = value.trim().chars().filter(|c| !c.is_control()).take(MOST_NAME).collect();
                }
                "scope" => wish.scope = value,
                "reach" => wish.reach = value,
                "life" => wish.life = value,
                "inverter" => wish.inverters.push(value),
                _ => {}
            }
        }
        wish
    }

    /// What the token is to reach and when it ends, or what to correct.
    fn order(&self, rows: &[VisibleInverter], now: UtcMs) -> Result<(TokenReach, UtcMs), String> {
        if self.name.is_empty() {
            return Err("Give it a name by which you will know what it was for.".to_owned());
        }
        let scope = TokenScope::from_name(&self.scope).ok_or("Choose what it may do.")?;
        let days = LIVES.iter().find(|(value, ..)| *value == self.life).map(|(_, _, days)| *days);
        let days = days.ok_or("Choose how long it counts.")?;
        let inverters = match self.reach.as_str() {
            "all" => None,
            "some" => Some(self.chosen(rows)),
            _ => return Err("Choose which inverters it reaches.".to_owned()),
        };
        if inverters.as_ref().is_some_and(Vec::is_empty) {
            return Err("Choose at least one inverter, or all of them.".to_owned());
        }
        Ok((TokenReach { scope, inverters }, now.plus_ms(days.saturating_mul(DAY_MS))))
    }

    /// Only what one may see oneself can be chosen.
    fn chosen(&self, rows: &[VisibleInverter]) -> Vec<InverterKey> {
        let wanted = rows.iter().filter(|row| self.inverters.contains(&row.inverter.public_id));
        let mut keys: Vec<_> = wanted.map(|row| row.inverter.key).collect();
        keys.sort_unstable();
        keys
    }
}
