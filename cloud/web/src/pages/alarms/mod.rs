//! The alarm inbox: what is open on the reader's inverters, who has seen it, and what can be done about it here.
//!
//! In: a caller. Out: pages and acts in the journal, where the inverter's one owner applies them. Acknowledging and shelving
//! change nothing at an inverter. An alarm is its inverter's: who may not see that does not find it.

pub mod acknowledge;
pub mod list;
pub mod shelve;
pub mod short;
pub mod show;

use axum::response::Redirect;
use fleet::alarm::{AlarmName, Open};
use fleet::{Act, Action, InverterKey, InverterState};
use store::state::VisibleInverter;

use crate::caller::Caller;
use crate::view::alarms::id as id_of;
use crate::{Context, Error, access, journaled};

/// An open alarm that the caller may act on.
async fn find(context: &Context, caller: &Caller, id: &str) -> Result<(VisibleInverter, Open), Error> {
    let (inverter, _) = id.rsplit_once('.').ok_or(Error::NotFound)?;
    let row = access::inverter(context, caller, inverter, Action::Acknowledge).await?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let open = state.open_alarms().find(|open| id_of(inverter, &open.name.to_string()) == id);
    Ok((row, open.ok_or(Error::NotFound)?))
}

/// Where a form leads back to: the page that it is on.
fn back(to: &str, id: &str, done: &str) -> Redirect {
    let page = if to == "alarm" { format!("/alarms/{id}") } else { "/alarms".to_owned() };
    Redirect::to(&format!("{page}?done={done}"))
}

/// Journals an act, and waits a moment until pages would show what came of it.
async fn act(
    context: &Context,
    inverter: InverterKey,
    act: Act,
    done: impl Fn(Option<&Open>) -> bool,
    name: &AlarmName,
) -> Result<(), Error> {
    let done = |state: &InverterState| done(state.open_alarms().find(|open| open.name == *name).as_ref());
    journaled::act(context, &[inverter], &act, done).await
}
