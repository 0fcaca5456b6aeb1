//! A report out of what is kept.
//!
//! In: inverters, which the caller may see; a period; the store. Out: the report. One query for the records of five hundred inverters, one
//! for what was noted on them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fleet::compliance::{Annual, Cell, Graded, Month, View, view};
use fleet::record::Outage;
use fleet::{AccountKey, Holder, InverterKey, InverterState, OrganizationKey};
use store::state::{Logbook, StateError, StateStore, TestNote, VisibleInverter};
use wire::time::DAY_MS;
use wire::{Quantity, UtcMs};

use super::kept;
use super::known::Known;
use super::model::{Asks, FORMAT, Missing, Note, PowerFailure, Report, Sheet, Test};
use super::period::Period;
use super::words::{self, printable};
use crate::Live;
use crate::pages::people::list::called;
use crate::view::words::{Local, NB, held};

/// Inverters whose records are read at once.
const AT_ONCE: usize = 500;
/// What a year's test, and a month's, rests on lies before the period.
const BEFORE_MS: i64 = 400 * DAY_MS;

/// What is asked of [`make`].
pub struct Asked<'a> {
    /// Of what the report is.
    pub title: &'a str,
    /// Of which days.
    pub period: &'a Period,
    /// For whom.
    pub made_for: &'a str,
    /// Where the installation's pages are.
    pub origin: &'a str,
    /// Its number.
    pub number: String,
    /// Now.
    pub now: UtcMs,
    /// Is told how many inverters are read, from time to time.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

/// What is known of an inverter, and its calendar.
pub struct Viewed {
    /// Beside its records.
    pub known: Known,
    /// Of its records.
    pub view: View,
    /// Its live state.
    pub state: Arc<InverterState>,
}

/// The report of inverters.
///
/// # Errors
/// [`StateError`].
pub async fn make(
    store: &StateStore,
    live: &dyn Live,
    rows: &[VisibleInverter],
    asked: Asked<'_>,
) -> Result<Report, StateError> {
    let mut names = HashMap::new();
    let mut inverters = Vec::with_capacity(rows.len());
    for rows in rows.chunks(AT_ONCE) {
        let made = sheets(store, live, rows, asked.period, asked.now, &mut names).await?;
        inverters.extend(made.into_iter().map(|(sheet, _)| sheet));
        (asked.progress)(inverters.len());
    }
    let local = Local::new(rows.first().map_or("UTC", zone), asked.now);
    Ok(Report {
        format: FORMAT,
        number: asked.number,
        title: printable(asked.title),
        period: asked.period.days(),
        made_at: asked.now,
        made_words: local.stamp(asked.now),
        made_for: printable(asked.made_for),
        made_by: asked.origin.to_owned(),
        inverters,
    })
}

/// The record of one inverter: its sheet as the report has it, and the calendar of the same months.
///
/// # Errors
/// [`StateError`].
pub async fn single(
    store: &StateStore,
    live: &dyn Live,
    row: &VisibleInverter,
    period: &Period,
    now: UtcMs,
) -> Result<Option<(Sheet, Viewed)>, StateError> {
    let made = sheets(store, live, std::slice::from_ref(row), period, now, &mut HashMap::new()).await?;
    Ok(made.into_iter().next())
}

async fn sheets(
    store: &StateStore,
    live: &dyn Live,
    rows: &[VisibleInverter],
    period: &Period,
    now: UtcMs,
    names: &mut HashMap<Holder, String>,
) -> Result<Vec<(Sheet, Viewed)>, StateError> {
    let (last, months) = period.months();
    let viewed = views(store, live, rows, Some(last), months, now).await?;
    let keys: Vec<InverterKey> = rows.iter().map(|row| row.inverter.key).collect();
    let notes = store.test_notes(&keys, UtcMs(0), now.plus_ms(DAY_MS)).await?;
    learn(store, names, rows, &notes).await?;
    let made = rows.iter().zip(viewed).map(|(row, viewed)| {
        let (from, to) = period.instants(zone(row));
        let of = Of { row, viewed: &viewed, local: Local::new(zone(row), now), from, to };
        (of.sheet(&notes, names), viewed)
    });
    Ok(made.collect())
}

/// The calendar of each inverter: `months` months up to `last`, or up to this one.
///
/// # Errors
/// [`StateError`].
pub async fn views(
    store: &StateStore,
    live: &dyn Live,
    rows: &[VisibleInverter],
    last: Option<Month>,
    months: u8,
    now: UtcMs,
) -> Result<Vec<Viewed>, StateError> {
    let keys: Vec<InverterKey> = rows.iter().map(|row| row.inverter.key).collect();
    // Months that are over since the last of them are read, too.
    let index = |month: Month| month.year() * 12 + month.number();
    let since = last.map_or(0, |last| (index(Month::of(now, &|at| at.0 / 60_000)) - index(last)).max(0));
    let reach_ms = (i64::from(months) + since).saturating_mul(31 * DAY_MS).saturating_add(BEFORE_MS);
    let from = UtcMs(now.plus_ms(-reach_ms).0.max(0));
    let books = books(store, rows).await?;
    let organizations: Vec<OrganizationKey> = books.iter().map(|book| book.organization).collect();
    let mut of = kept::read(store, &organizations, &keys, from, now.plus_ms(DAY_MS)).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let state = live.state(row.inverter.key).unwrap_or_default();
        let mut known = Known::of(row, &state, &books, now);
        let local = Local::new(zone(row), now);
        let wall = |at: UtcMs| local.wall_minutes(at);
        let last = last.unwrap_or_else(|| Month::of(now, &wall));
        let kept = of.remove(&row.inverter.key).unwrap_or_default();
        // What began before the first one that was read is not called missed.
        known.kept_from = known.kept_from.max(kept.from.unwrap_or(known.kept_from));
        let view = view(&known.watched(now, &wall), &kept.records, last, months);
        views.push(Viewed { known, view, state });
    }
    Ok(views)
}

/// Logbooks of the organizations by which the inverters are seen. Who sees one by an organization is in it.
async fn books(store: &StateStore, rows: &[VisibleInverter]) -> Result<Vec<Logbook>, StateError> {
    let held = rows.iter().flat_map(|row| &row.held);
    let organizations: BTreeSet<OrganizationKey> = held
        .filter_map(|held| match held.grant.holder {
            Holder::Organization(key) => Some(key),
            Holder::Account(_) => None,
        })
        .collect();
    let mut books = Vec::new();
    for organization in organizations {
        books.extend(store.logbook(organization).await?);
    }
    Ok(books)
}

/// The clock on the wall of an inverter's site.
pub(crate) fn zone(row: &VisibleInverter) -> &str {
    row.site.as_ref().map_or("UTC", |site| &site.time_zone)
}

async fn learn(
    store: &StateStore,
    names: &mut HashMap<Holder, String>,
    rows: &[VisibleInverter],
    notes: &[TestNote],
) -> Result<(), StateError> {
    let owners = rows.iter().filter_map(|row| row.site.as_ref()?.owner);
    let writers = notes.iter().filter_map(|note| note.by.map(Holder::Account));
    for holder in owners.chain(writers) {
        if names.contains_key(&holder) {
            continue;
        }
        let name = match holder {
            Holder::Account(key) => store.account(key).await?.map(|account| called(&account)),
            Holder::Organization(key) => store.organization_by_key(key).await?.map(|found| found.name),
        };
        names.insert(holder, name.unwrap_or_else(|| "somebody who has left".to_owned()));
    }
    Ok(())
}

/// One inverter, with all that its sheet is made of.
struct Of<'a> {
    row: &'a VisibleInverter,
    viewed: &'a Viewed,
    local: Local,
    from: UtcMs,
    to: UtcMs,
}

impl Of<'_> {
    fn sheet(&self, notes: &[TestNote], names: &HashMap<Holder, String>) -> Sheet {
        let (inverter, site) = (&self.row.inverter, self.row.site.as_ref());
        let text = |text: Option<&String>| printable(text.map_or("", String::as_str));
        let within = |at: UtcMs| self.from <= at && at < self.to;
        let tests = self.viewed.view.tests.iter().filter(|test| within(test.started()));
        let name = if inverter.name.is_empty() { inverter.serial.as_str() } else { &inverter.name };
        Sheet {
            id: inverter.public_id.clone(),
            name: printable(name),
            serial: inverter.serial.as_str().to_owned(),
            model: printable(&inverter.model),
            place: printable(&inverter.place),
            site: text(site.map(|site| &site.name)),
            address: text(site.map(|site| &site.address)),
            owner: text(site.and_then(|site| site.owner).and_then(|owner| names.get(&owner))),
            time_zone: self.local.zone_id().to_owned(),
            rules: self.asks(),
            monthly: monthly(&self.viewed.view),
            annual: words::annual(&self.viewed.view.annual, &self.local),
            tests: tests.map(|test| self.test(test, notes, names)).collect(),
            outages: self
                .viewed
                .view
                .outages
                .iter()
                .filter(|one| within(one.started))
                .map(|one| self.outage(one))
                .collect(),
            missing: self.missing(),
            kept: self.kept(),
            forgets: !self.viewed.known.logbook,
        }
    }

    fn asks(&self) -> Asks {
        let (rules, minutes) = (self.viewed.known.rules, self.viewed.known.required_minutes);
        Asks {
            name: rules.name,
            source: rules.source,
            monthly_s: rules.monthly_s,
            annual_minutes: minutes,
            words: words::asks(rules, minutes),
        }
    }

    fn test(&self, graded: &Graded, notes: &[TestNote], names: &HashMap<Holder, String>) -> Test {
        let test = &graded.test;
        let own = test.own.as_ref();
        let volts = |scaled| Quantity::BATTERY_VOLTAGE.to_f64(scaled);
        let on_it = |note: &&TestNote| note.inverter == self.row.inverter.key && note.key == graded.key;
        let note = |note: &TestNote| Note {
            text: printable(&note.text),
            by: printable(by(note.by, names)),
            written_at: note.written_at,
            written_words: self.local.day_and_year(note.written_at),
        };
        Test {
            key: graded.key.clone(),
            started: test.started,
            started_words: self.when(test.started),
            kind: words::kind(test.kind).0,
            length_s: test.length_s,
            length_words: held(test.length_s.into()),
            grade: words::grade(&graded.grade).0,
            reason: words::of_test(graded),
            own_result: own.map(|own| printable(&own.result)),
            end_voltage: own.and_then(|own| own.end_voltage).map(volts),
            load: test.load,
            load_unit: test.load.and(self.viewed.known.load_unit),
            known_by: if test.seen_by == fleet::self_test::SeenBy::Word { "word" } else { "readings" },
            notes: notes.iter().filter(on_it).map(note).collect(),
        }
    }

    fn outage(&self, outage: &Outage) -> PowerFailure {
        const END_UNSEEN: &str =
            "Its end was not seen: the battery fed at least so long, how much longer is not known.";
        let said = outage
            .predicted
            .map(|said| format!("It was said to hold {} at its start.", held(said.runtime_s.into())));
        let sentences = [
            outage.gave_up.then(|| "The battery gave up: the lights went out.".to_owned()),
            outage.contact_lost.then(|| "Contact was lost within it.".to_owned()),
            outage.end_unseen.then(|| END_UNSEEN.to_owned()),
            said,
            outage.recharged.map(|at| format!("Full again {}.", self.when(at))),
        ];
        PowerFailure {
            started: outage.started,
            started_words: self.when(outage.started),
            length_s: outage.length_s,
            length_words: held(outage.length_s.into()),
            gave_up: outage.gave_up,
            end_unseen: outage.end_unseen,
            lowest_voltage: outage.lowest_v,
            words: sentences.into_iter().flatten().collect::<Vec<_>>().join(" "),
        }
    }

    /// `Nov 3, 2026, 5:00 AM EST`: one of an hour that comes twice is not taken for the other.
    fn when(&self, at: UtcMs) -> String {
        self.local.stamp(at)
    }

    fn missing(&self) -> Vec<Missing> {
        let months = self.missing_months();
        let why = match &self.viewed.view.annual {
            Annual::Done { .. } => None,
            Annual::Failed { reason, .. } => Some(format!(
                "{}. {}",
                words::annual(&self.viewed.view.annual, &self.local),
                words::reason(*reason)
            )),
            other => Some(format!("{}.", words::annual(other, &self.local))),
        };
        let recognised =
            fleet::self_test::recognises(&self.viewed.state) || !self.viewed.view.tests.is_empty();
        let blind = (self.viewed.state.has_reported() && !recognised).then(|| Missing {
            what: "Every test".to_owned(),
            why: "Tests and outages are not recognised on this stream: it tells neither of utility power nor of tests."
                .to_owned(),
        });
        let annual = why.map(|why| Missing { what: "Annual test".to_owned(), why });
        blind.into_iter().chain(months).chain(annual).collect()
    }

    /// Months of which nothing can be known, one after the other, are one line.
    fn missing_months(&self) -> Vec<Missing> {
        let mut runs: Vec<(Month, Month, Cell, String)> = Vec::new();
        for month in &self.viewed.view.months {
            let Some(why) = words::missing(&month.cell, &self.local) else { continue };
            match runs.last_mut() {
                Some((_, last, cell, _))
                    if matches!(cell, Cell::NotWatched | Cell::NotKept)
                        && *cell == month.cell
                        && last.plus(1) == month.month =>
                {
                    *last = month.month;
                }
                _ => runs.push((month.month, month.month, month.cell, why)),
            }
        }
        let what = |first: Month, last: Month| {
            let (from, to) = (words::month_and_year(first), words::month_and_year(last));
            if first == last { from } else { format!("{from} to {to}") }
        };
        runs.into_iter().map(|(first, last, _, why)| Missing { what: what(first, last), why }).collect()
    }

    fn kept(&self) -> String {
        let since = self.local.day_and_year(self.viewed.known.since);
        if self.viewed.known.kept_from > self.viewed.known.since {
            format!(
                "Watched since {since}. Records are kept for 30{NB}days, or as long as a logbook says: what began before {} is not \
                 kept.",
                self.local.day_and_year(self.viewed.known.kept_from)
            )
        } else {
            // Nothing of it is older than what is kept in any case.
            let where_to = if self.viewed.known.logbook {
                "Its records are kept in the logbook.".to_owned()
            } else {
                format!("Its records are kept for 30{NB}days.")
            };
            format!("Watched since {since}. {where_to}")
        }
    }
}

fn by(account: Option<AccountKey>, names: &HashMap<Holder, String>) -> &str {
    let known = account.and_then(|account| names.get(&Holder::Account(account)));
    known.map_or("somebody who has left", String::as_str)
}

/// `12 of 12, one on retest`.
fn monthly(view: &View) -> String {
    let count = |is: fn(&Cell) -> bool| view.months.iter().filter(|month| is(&month.cell)).count();
    let done = count(|cell| matches!(cell, Cell::Passed | Cell::Remark(_) | Cell::Retested));
    let lacking =
        count(|cell| matches!(cell, Cell::Missed | Cell::Failed(_) | Cell::Incomplete(_) | Cell::NotHeard));
    let again = count(|cell| matches!(cell, Cell::Retested));
    let unknown = count(|cell| matches!(cell, Cell::NotKept | Cell::NotWatched));
    let mut text = match done + lacking {
        0 => "None was due".to_owned(),
        asked => format!("{done} of {asked}"),
    };
    if again > 0 {
        text.push_str(&format!(", {again} on retest"));
    }
    if unknown > 0 {
        let months = crate::view::words::counted(unknown as u64, "month");
        text.push_str(&format!("; {months} not known"));
    }
    text
}
