//! What is worth knowing of a day, and was not worth a message of its own.
//!
//! In: alarms for information that were raised since the last letter, and what late data told. Out: parts of the letter; of
//! late data one line, however much came (decision 3).

use std::collections::BTreeSet;

use fleet::alarm::Rules;
use fleet::{Condition, InverterKey};
use store::state::Alarm;
use wire::UtcMs;

use super::{Part, Watched};
use crate::view::hero::lower_first;
use crate::view::limits::alarm_title;
use crate::view::words::{self, Local};

/// Alarms that one letter lists.
const MOST_LISTED: usize = 40;
/// Inverters that the line about late data names.
const MOST_NAMED: usize = 5;

/// What one person is told of a day.
#[derive(Clone, Debug)]
pub struct Day<'a> {
    /// Links lead there.
    pub origin: &'a str,
    /// When the last letter was written.
    pub since: UtcMs,
    /// The reader's times: the zone, and now.
    pub local: &'a Local,
    /// All that the reader may see.
    pub inverters: &'a [Watched],
    /// Alarms for information that were raised since, the newest first.
    pub alarms: &'a [&'a Alarm],
    /// What late data told.
    pub late: &'a [LateNews],
}

/// A condition of an inverter that had held, as late data told.
pub type LateNews = (InverterKey, Condition);

impl Day<'_> {
    /// How much it is, and all of it.
    pub(super) fn parts(&self) -> Option<(String, Vec<Part>)> {
        let mut lines: Vec<_> = self.alarms.iter().filter_map(|alarm| self.line(alarm)).collect();
        let late = self.late();
        if lines.is_empty() && late.is_none() {
            return None;
        }
        let told = match lines.len() {
            0 => "what late readings told".to_owned(),
            count => words::counted(count as u64, "alarm"),
        };
        let more = lines.len().saturating_sub(MOST_LISTED);
        lines.truncate(MOST_LISTED);
        if more > 0 {
            lines
                .push((format!("and {} more", words::count(more as u64)), "See the alarms page.".to_owned()));
        }
        let mut parts: Vec<Part> = late.map(Part::Says).into_iter().collect();
        if !lines.is_empty() {
            parts.push(Part::Entries(lines));
        }
        let open = ("Open the alarms".to_owned(), format!("{}/alarms?view=history", self.origin));
        parts.push(Part::Choose { open, second: None });
        Some((told, parts))
    }

    fn watched(&self, inverter: InverterKey) -> Option<&Watched> {
        self.inverters.iter().find(|one| one.row.inverter.key == inverter)
    }

    fn line(&self, alarm: &Alarm) -> Option<(String, String)> {
        let watched = self.watched(alarm.inverter)?;
        let none = Rules::default();
        let title = alarm_title(&alarm.key, watched.rules(&none));
        let since = self.local.day_and_time(alarm.since);
        let lasted = alarm.cleared.map_or_else(
            || "still so".to_owned(),
            |(ended, _)| format!("for {}", words::length(ended.since(alarm.since))),
        );
        Some((format!("{}: {title}", watched.name()), format!("{since}, {lasted}.")))
    }

    /// `Readings that came late tell of what had been at Hall B: charger fault.`
    fn late(&self) -> Option<String> {
        let seen: Vec<(&Watched, Condition)> =
            self.late.iter().filter_map(|(key, told)| Some((self.watched(*key)?, *told))).collect();
        let names: BTreeSet<&str> = seen.iter().map(|(watched, _)| watched.name()).collect();
        let told: BTreeSet<String> = seen.iter().map(|(_, told)| lower_first(told.words())).collect();
        let rest = names.len().saturating_sub(MOST_NAMED);
        let mut named: Vec<String> = names.into_iter().take(MOST_NAMED).map(str::to_owned).collect();
        if rest > 0 {
            named.push(format!("{} more", words::count(rest as u64)));
        }
        let told = told.into_iter().collect::<Vec<_>>().join("; ");
        (!seen.is_empty()).then(|| {
            let named = named.join(", ");
            format!("Readings that came late tell of what had been at {named}: {told}. The charts show when.")
        })
    }
}
