//! The alarm inbox: what is open on the reader's inverters, who has seen it, and what can be done about it here.
//!
//! In: a caller. Out: pages and acts in the journal, where the inverter's one owner applies them. Acknowledging and shelving
//! change nothing at an inverter. An alarm is its inverter's: who may not see that does not find it.

pub mod acknowledge;
pub mod list;
pub mod shelve;
pub mod short;

use fleet::alarm::{AlarmName, Open};
use fleet::{Act, Action, InverterKey, InverterState};
use store::state::VisibleInverter;

use crate::caller::Caller;
use crate::{Context, Error, access, journaled};

/// What names an alarm in addresses: its inverter's public id and a fingerprint of the rest, which only has to tell the
/// alarms of one inverter apart.
fn code(inverter: &str, name: &AlarmName) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let text = name.to_string();
    // FNV-1a.
    let print = text.bytes().fold(OFFSET, |print, byte| (print ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{inverter}.{print:016x}")
}

/// An open alarm that the caller may act on.
async fn find(
    context: &Context,
    caller: &Caller,
    code_asked: &str,
) -> Result<(VisibleInverter, Open), Error> {
    let (inverter, _) = code_asked.rsplit_once('.').ok_or(Error::NotFound)?;
    let row = access::inverter(context, caller, inverter, Action::Acknowledge).await?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let open = state.open_alarms().find(|open| code(inverter, &open.name) == code_asked);
    Ok((row, open.ok_or(Error::NotFound)?))
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
