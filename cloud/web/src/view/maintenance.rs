//! Maintenance that runs, in words.
//!
//! In: an inverter's state. Out: until when nobody is told, who planned it and why. Names are looked up by who prints it.

use std::collections::BTreeMap;

use fleet::{AccountKey, InverterState};
use wire::UtcMs;

use super::fleet::Known;
use super::words::Local;
use crate::names::Names;
use crate::{Context, Error};

/// A window that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Its number, the same at all inverters of a site that it is for.
    pub number: i64,
    /// Until then.
    pub until: UtcMs,
    /// Who planned it.
    pub by: AccountKey,
    /// What that person is called, once it was looked up.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
}

impl Maintenance {
    /// The window that runs at `now`.
    #[must_use]
    pub fn of(state: &InverterState, now: UtcMs) -> Option<Self> {
        let window = state.rules.running(now)?;
        let (number, until, by) = (window.number, window.to, window.by);
        Some(Self { number, until, by, name: None, reason: window.reason.clone() })
    }

    /// `Maintenance until 4:00 PM, Dana Okafor: battery exchange`.
    #[must_use]
    pub fn words(&self, local: &Local) -> String {
        let by = self.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        format!("Maintenance until {}{by}: {}", local.time(self.until), self.reason)
    }
}

/// A window that runs, with the inverters that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Public id of the first of them.
    pub id: String,
    /// Its name, or how many there are and where.
    pub what: String,
    /// Until when, who planned it, why.
    pub words: String,
}

/// The windows that run, each once however many inverters it is for, the one that ends first on top.
#[must_use]
pub fn groups(all: &[Known], now: UtcMs) -> Vec<Group> {
    let mut found: BTreeMap<(UtcMs, i64), Vec<&Known>> = BTreeMap::new();
    for known in all {
        if let Some(maintenance) = &known.maintenance {
            found.entry((maintenance.until, maintenance.number)).or_default().push(known);
        }
    }
    let group = |of: Vec<&Known>| {
        let first = *of.first()?;
        let site = first.row.site.as_ref().map(|site| format!(" at {}", site.name)).unwrap_or_default();
        let what = match of.len() {
            1 => first.name().to_owned(),
            count => format!("{count} inverters{site}"),
        };
        let words = first.maintenance.as_ref()?.words(&first.local(now));
        Some(Group { id: first.row.inverter.public_id.clone(), what, words })
    };
    found.into_values().filter_map(group).collect()
}

/// Gives every window its planner's name; `names` keeps those that were looked up.
///
/// # Errors
/// [`Error::Internal`].
pub(crate) async fn name(context: &Context, all: &mut [Known], names: &mut Names) -> Result<(), Error> {
    let planners = all.iter().filter_map(|known| known.maintenance.as_ref()).map(|it| it.by).collect();
    names.learn(context, planners).await?;
    for maintenance in all.iter_mut().filter_map(|known| known.maintenance.as_mut()) {
        maintenance.name = Some(names.of(maintenance.by).to_owned());
    }
    Ok(())
}
