//! `GET /api/v1/inverters`, `/{id}`, `/{id}/latest`.
//!
//! In: a caller. Out: what is known now of the inverters that the caller may see. A value that was never reported is
//! absent, which is not the same as normal.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use fleet::{Action, Freshness, Holder, Ready};
use serde::Serialize;
use wire::{UtcMs, flag};

use super::print;
use super::readiness::Readiness;
use crate::caller::{ApiCaller, Caller};
use crate::view::fleet::Known;
use crate::{Context, Error, access};

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
}

/// One inverter.
#[derive(Serialize)]
struct Item {
    id: String,
    serial: String,
    name: String,
    model: String,
    site: Option<Site>,
    role: &'static str,
    holder: &'static str,
    state: &'static str,
    ready: &'static str,
    freshness: &'static str,
    would_hold_minutes: Option<u32>,
    required_minutes: u32,
    on_battery_since: Option<String>,
    last_reading: Option<String>,
    active: Vec<Active>,
    readiness: Readiness,
    #[serde(flatten)]
    latest: Latest,
}

#[derive(Serialize)]
struct Site {
    id: String,
    name: String,
    time_zone: String,
}

#[derive(Serialize)]
struct Active {
    condition: &'static str,
    words: &'static str,
    /// The raw code, of `device.unknown_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    since: String,
}

/// The newest values, each with its own time.
#[derive(Serialize)]
struct Latest {
    latest: BTreeMap<&'static str, Value>,
    flags: BTreeMap<&'static str, bool>,
    conditions: BTreeMap<&'static str, bool>,
    unknown: Vec<String>,
}

#[derive(Serialize)]
struct Value {
    value: f64,
    unit: &'static str,
    time: String,
}

/// `GET /api/v1/inverters`
pub async fn list(State(context): State<Context>, ApiCaller(caller): ApiCaller) -> Result<Response, Error> {
    let now = context.now();
    let rows = access::fleet(&context, &caller).await?;
    print(&List {
        items: rows.into_iter().map(|row| Item::new(&Known::new(&context, row, now), &caller, now)).collect(),
    })
}

/// `GET /api/v1/inverters/{id}`
pub async fn one(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    print(&Item::new(&Known::new(&context, row, now), &caller, now))
}

/// `GET /api/v1/inverters/{id}/latest`
pub async fn latest(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    print(&Latest::new(&Known::new(&context, row, context.now())))
}

impl Item {
    fn new(known: &Known, caller: &Caller, now: UtcMs) -> Self {
        let holder = match known.row.holder(caller.account.key, now) {
            Some(Holder::Organization(_)) => "organization",
            _ => "account",
        };
        let (inverter, screen) = (&known.row.inverter, &known.screen);
        Self {
            id: inverter.public_id.clone(),
            serial: inverter.serial.to_string(),
            name: inverter.name.clone(),
            model: inverter.model.clone(),
            site: known.row.site.as_ref().map(|site| Site {
                id: site.public_id.clone(),
                name: site.name.clone(),
                time_zone: site.time_zone.clone(),
            }),
            role: known.row.role.name(),
            holder,
            state: screen.state.name(),
            ready: match screen.ready {
                Ready::Yes => "yes",
                Ready::No => "no",
                Ready::Unknown => "unknown",
            },
            freshness: match screen.freshness {
                Freshness::Live => "live",
                Freshness::Late => "late",
                Freshness::Offline => "offline",
            },
            would_hold_minutes: screen.would_hold_minutes,
            required_minutes: screen.required_minutes,
            on_battery_since: screen.on_battery_since.map(UtcMs::to_rfc3339),
            last_reading: screen.last_reading.map(UtcMs::to_rfc3339),
            active: screen
                .active
                .iter()
                .map(|active| Active {
                    condition: active.condition.name(),
                    raw: active.raw.as_deref().map(str::to_owned),
                    words: active.condition.words(),
                    since: active.since.to_rfc3339(),
                })
                .collect(),
            readiness: Readiness::new(known, now),
            latest: Latest::new(known),
        }
    }
}

impl Latest {
    fn new(known: &Known) -> Self {
        let state = &known.state;
        let value = |newest: &fleet::level::Latest| {
            let quantity = newest.quantity;
            let value = quantity.to_f64(newest.value);
            (quantity.name(), Value { value, unit: quantity.unit(), time: newest.time.to_rfc3339() })
        };
        let flags =
            flag::TABLE.iter().filter_map(|(flag, _, name)| state.flag(*flag).map(|holds| (*name, holds)));
        let conditions = wire::Condition::all()
            .filter_map(|condition| state.condition(condition).map(|held| (condition.name(), held)));
        Self {
            latest: state.latest.iter().map(value).collect(),
            flags: flags.collect(),
            conditions: conditions.collect(),
            unknown: state.unknown.clone(),
        }
    }
}
