//! Maintenance windows: planned for one inverter or for all of a site, one act each (ADR 0014), and ended early.
//!
//! A window at a site has one number at all its inverters, so that it is one to people.

use fleet::alarm::{MOST_WINDOWS, RuleError, Window};
use fleet::audit::Verb;
use fleet::{Act, Action, InverterKey};
use store::state::VisibleInverter;
use wire::UtcMs;

use crate::caller::Caller;
use crate::pages::people::list::title;
use crate::pages::verify::cleaned;
use crate::sign_in::act;
use crate::{Context, Error, access, journaled, random};

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// From then on; what is past is now.
    pub from: UtcMs,
    /// Until then.
    pub to: UtcMs,
    /// Why.
    pub reason: String,
    /// What is critical is told all the same.
    pub tells_critical: bool,
}

impl Asked {
    /// The window, if each of `rows` takes it; else what to ask for instead.
    pub(crate) fn checked(
        self,
        context: &Context,
        caller: &Caller,
        rows: &[VisibleInverter],
    ) -> Result<Window, Refused> {
        let now = context.now();
        let reason = cleaned(&self.reason);
        if reason.is_empty() {
            return Err(Refused::Words(
                "Say why, for those who are not told. For example: battery exchange.".to_owned(),
            ));
        }
        let number = random::number().map_err(|error| Error::internal("plan maintenance", error))?;
        let window = Window {
            number,
            from: self.from.max(now),
            to: self.to,
            tells_critical: self.tells_critical,
            by: caller.account.key,
            reason,
        };
        for row in rows {
            let Some(state) = context.live().state(row.inverter.key) else {
                let name = title(row);
                return Err(Refused::Words(format!(
                    "{name} has not reported yet, so there is nobody to keep quiet for. Plan it once it has."
                )));
            };
            state.rules.may_add(&window, now).map_err(|error| Refused::Words(words(error, &title(row))))?;
        }
        Ok(window)
    }
}

/// Why a window is not planned.
#[derive(Debug)]
pub(crate) enum Refused {
    /// What to ask for instead.
    Words(String),
    /// Ours.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn words(error: RuleError, name: &str) -> String {
    match error {
        RuleError::Ends => "Choose an end that is after the start and not over already.".to_owned(),
        RuleError::Long => {
            "A window lasts 30 days at most. Choose an earlier end, and plan another one when it is over."
                .to_owned()
        }
        RuleError::TooMany => {
            format!("{name} has {MOST_WINDOWS} windows that are not over, and takes no more. End one first.")
        }
        // Said of limits.
        RuleError::Levels | RuleError::Delay => error.to_string(),
    }
}

/// Plans a window that was checked for `rows`.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn plan(
    context: &Context,
    caller: &Caller,
    rows: &[VisibleInverter],
    window: Window,
) -> Result<(), Error> {
    let until = format!("until {}: {}", window.to.to_rfc3339(), window.reason);
    record(context, caller, rows, Verb::MaintenancePlan, &until).await?;
    let number = window.number;
    let shows =
        |state: &fleet::InverterState| state.rules.windows().iter().any(|known| known.number == number);
    journaled::act(context, &keys(rows), &Act::Maintain(window), shows).await
}

/// Ends a window of `rows` now.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn end(
    context: &Context,
    caller: &Caller,
    rows: &[VisibleInverter],
    number: i64,
) -> Result<(), Error> {
    record(context, caller, rows, Verb::MaintenanceEnd, "").await?;
    let now = context.now();
    let over = |state: &fleet::InverterState| state.rules.planned(now).all(|known| known.number != number);
    journaled::act(context, &keys(rows), &Act::EndMaintenance { number }, over).await
}

/// The rows that have a window of this number that is not over.
pub(crate) fn with(context: &Context, rows: Vec<VisibleInverter>, number: i64) -> Vec<VisibleInverter> {
    let now = context.now();
    let has = |row: &VisibleInverter| {
        let state = context.live().state(row.inverter.key).unwrap_or_default();
        state.rules.planned(now).any(|window| window.number == number)
    };
    rows.into_iter().filter(has).collect()
}

/// The inverters at the site of `row` that the caller may change and that have reported, by name.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn at_site(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
) -> Result<Vec<VisibleInverter>, Error> {
    let Some(site) = &row.site else { return Ok(Vec::new()) };
    let mut rows = access::fleet_to(context, caller, Action::Edit).await?;
    rows.retain(|other| {
        other.inverter.site == Some(site.key) && context.live().state(other.inverter.key).is_some()
    });
    Ok(rows)
}

fn keys(rows: &[VisibleInverter]) -> Vec<InverterKey> {
    rows.iter().map(|row| row.inverter.key).collect()
}

/// One row in the log for each inverter: its people read there what was done to it.
async fn record(
    context: &Context,
    caller: &Caller,
    rows: &[VisibleInverter],
    verb: Verb,
    detail: &str,
) -> Result<(), Error> {
    for row in rows {
        let act = act::of(context, caller, verb)?.on_inverter(row.inverter.key).with_detail(detail);
        let written = context.state().record_act(&act).await;
        written.map_err(|error| Error::internal("write to the audit log", error))?;
    }
    Ok(())
}
