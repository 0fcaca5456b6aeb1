//! Limits that people set for one inverter: an alarm beyond one level, over when back at another.

use fleet::alarm::{Limit, MOST_LIMITS, RuleError, Side};
use fleet::audit::Verb;
use fleet::condition::Severity;
use fleet::{Act, InverterState};
use store::state::VisibleInverter;
use wire::{Quantity, Scaled};

use crate::caller::Caller;
use crate::pages::people::list::title;
use crate::sign_in::act;
use crate::view::{limits as view, stats};
use crate::{Context, Error, journaled, random};

/// What is asked for: names and numbers as people and programs write them.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub quantity: &'a str,
    pub side: &'a str,
    /// In the quantity's unit; `None`: no number was written.
    pub raise: Option<f64>,
    pub clear: Option<f64>,
    pub raise_delay_s: Option<i64>,
    pub clear_delay_s: Option<i64>,
    pub severity: &'a str,
}

impl Asked<'_> {
    /// The limit, if the inverter takes it.
    ///
    /// # Errors
    /// What to ask for instead.
    pub(crate) fn checked(
        &self,
        row: &VisibleInverter,
        state: &InverterState,
        number: u32,
    ) -> Result<Limit, String> {
        let name = title(row);
        let quantity = Quantity::from_name(self.quantity)
            .ok_or_else(|| "Choose one of the values that the inverter reports.".to_owned())?;
        if state.value(quantity).is_none() {
            let label = stats::label(quantity);
            return Err(format!("{name} has not reported “{label}” yet. Choose a value that it reports."));
        }
        let level = |number: Option<f64>| number.and_then(|number| quantity.to_scaled(number));
        let (raise, clear) =
            level(self.raise).zip(level(self.clear)).ok_or_else(|| not_a_number(quantity))?;
        let limit = Limit {
            number,
            quantity,
            side: Side::from_name(self.side).ok_or_else(|| "Choose “above” or “below”.".to_owned())?,
            raise,
            clear,
            raise_delay_ms: milliseconds(self.raise_delay_s),
            clear_delay_ms: milliseconds(self.clear_delay_s),
            severity: Severity::from_name(self.severity)
                .ok_or_else(|| "Choose “info”, “warning” or “critical”.".to_owned())?,
        };
        state.rules.may_set(&limit).map(|()| limit).map_err(|error| words(error, &limit, &name))
    }
}

/// What was not given or cannot be is a delay that no limit may have.
fn milliseconds(seconds: Option<i64>) -> i64 {
    seconds.map_or(-1, |seconds| seconds.saturating_mul(1000))
}

fn not_a_number(quantity: Quantity) -> String {
    let unit = if quantity.unit().is_empty() { String::new() } else { format!(" in {}", quantity.unit()) };
    format!("Type both levels as numbers{unit}, for example 40.5.")
}

fn words(error: RuleError, limit: &Limit, name: &str) -> String {
    let level = |scaled: Scaled| view::level(limit.quantity, scaled);
    match (error, limit.side) {
        (RuleError::Levels, Side::Above) => format!(
            "An alarm above {} is over at that level or below it: {} is higher.",
            level(limit.raise),
            level(limit.clear)
        ),
        (RuleError::Levels, Side::Below) => format!(
            "An alarm below {} is over at that level or above it: {} is lower.",
            level(limit.raise),
            level(limit.clear)
        ),
        (RuleError::Delay, _) => "Choose delays from nothing to 24 hours.".to_owned(),
        (RuleError::TooMany, _) => {
            format!("{name} has {MOST_LIMITS} limits and takes no more. Remove one first.")
        }
        // Said of maintenance windows.
        (RuleError::Ends | RuleError::Long, _) => error.to_string(),
    }
}

/// A number for a new limit that none had before: what is told of one limit is never taken for another's.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) fn new_number() -> Result<u32, Error> {
    let number = random::number().map_err(|error| Error::internal("set a limit", error))?;
    Ok(u32::try_from(number & 0x7fff_ffff).unwrap_or(0))
}

/// Sets a limit that was checked.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn set(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
    limit: Limit,
) -> Result<(), Error> {
    record(context, caller, row, Verb::LimitAdd, view::title(&limit)).await?;
    let shows = |state: &InverterState| state.rules.limits().contains(&limit);
    journaled::act(context, &[row.inverter.key], &Act::SetLimit(limit), shows).await
}

/// Removes a limit.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Internal`].
pub(crate) async fn remove(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
    number: &str,
) -> Result<(), Error> {
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let number: u32 = number.parse().map_err(|_| Error::NotFound)?;
    let limit = state.rules.limits().iter().find(|limit| limit.number == number).ok_or(Error::NotFound)?;
    record(context, caller, row, Verb::LimitRemove, view::title(limit)).await?;
    let gone = |state: &InverterState| state.rules.limits().iter().all(|limit| limit.number != number);
    journaled::act(context, &[row.inverter.key], &Act::RemoveLimit { number }, gone).await
}

async fn record(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
    verb: Verb,
    detail: String,
) -> Result<(), Error> {
    let act = act::of(context, caller, verb)?.on_inverter(row.inverter.key).with_detail(detail);
    let written = context.state().record_act(&act).await;
    written.map_err(|error| Error::internal("write to the audit log", error))
}
