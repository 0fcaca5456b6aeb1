//! A report as data: what every format prints.
//!
//! In: nothing. Out: the shapes, which are the JSON's, too. Times are RFC 3339 in UTC beside words in the site's time; absent figures are
//! `null`, never zero.

use serde::{Serialize, Serializer};
use wire::UtcMs;

/// Names the shape of the JSON.
pub const FORMAT: &str = "inverter-connect/test-report/1";

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// Names this report among others.
    pub number: String,
    /// Of what.
    pub title: String,
    /// Of which days.
    pub period: Days,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    pub made_at: UtcMs,
    /// The same, in the words of the first inverter's site.
    pub made_words: String,
    /// For whom.
    pub made_for: String,
    /// By which installation: the address of its pages.
    pub made_by: String,
    /// One for each inverter.
    pub inverters: Vec<Sheet>,
}

/// The days of a report, both in it, by the wall of each site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Days {
    /// `2026-10-01`.
    pub from: String,
    /// `2026-10-31`.
    pub to: String,
    /// `Oct 1, 2026 to Oct 31, 2026`.
    pub words: String,
}

/// What a report says of one inverter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sheet {
    /// Its id in addresses.
    pub id: String,
    /// What people call it, or its serial number.
    pub name: String,
    /// Serial number.
    pub serial: String,
    /// Model.
    pub model: String,
    /// Where in the building.
    pub place: String,
    /// Where it stands.
    pub site: String,
    /// Postal address of the site.
    pub address: String,
    /// Whose the site is.
    pub owner: String,
    /// IANA name of the zone that times are in.
    pub time_zone: String,
    /// What is asked of its tests.
    pub rules: Asks,
    /// `12 of 12, one on retest`.
    pub monthly: String,
    /// `Passed Apr 2, 2026`.
    pub annual: String,
    /// Every test of the period, the oldest first.
    pub tests: Vec<Test>,
    /// Every power failure of the period.
    pub outages: Vec<PowerFailure>,
    /// What is missing, and why.
    pub missing: Vec<Missing>,
    /// Since when it is watched and how long records are kept, in words.
    pub kept: String,
    /// Records go after thirty days: no logbook keeps them.
    #[serde(skip)]
    pub forgets: bool,
}

/// What a rule set asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asks {
    /// Its name.
    pub name: &'static str,
    /// Where it is written.
    pub source: &'static str,
    /// Least length of the short test, seconds.
    pub monthly_s: u32,
    /// Length of the long test, minutes.
    pub annual_minutes: u32,
    /// `30 s monthly, 90 min yearly`.
    pub words: String,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Key of its record.
    pub key: String,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started: UtcMs,
    /// The same on the site's wall.
    pub started_words: String,
    /// `monthly`, `annual`, `manual`.
    pub kind: &'static str,
    /// How long it lasted, seconds.
    pub length_s: f32,
    /// `30 s`.
    pub length_words: String,
    /// `passed`, `remark`, `incomplete`, `failed`.
    pub grade: &'static str,
    /// Why, and what else there is to say, in sentences; may be empty.
    pub reason: String,
    /// The inverter's own result, as it told it.
    pub own_result: Option<String>,
    /// Battery voltage at its end, V.
    pub end_voltage: Option<f64>,
    /// Mean load.
    pub load: Option<f32>,
    /// In which unit.
    pub load_unit: Option<&'static str>,
    /// `readings`, or `word` where the inverter told of it and no reading was there.
    pub known_by: &'static str,
    /// What was done after it.
    pub notes: Vec<Note>,
}

/// What a person says was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub text: String,
    /// Who says so.
    pub by: String,
    /// When it was written.
    #[serde(serialize_with = "rfc3339")]
    pub written_at: UtcMs,
    /// The same on the site's wall.
    pub written_words: String,
}

/// One power failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerFailure {
    /// When the battery took over.
    #[serde(serialize_with = "rfc3339")]
    pub started: UtcMs,
    /// The same on the site's wall.
    pub started_words: String,
    /// How long the battery fed the lights, seconds.
    pub length_s: f32,
    /// `12 min`.
    pub length_words: String,
    /// The battery gave up: the lights went out.
    pub gave_up: bool,
    /// Its end was not seen: the battery fed at least so long, and where it did not give up, nobody knows whether it held.
    pub end_unseen: bool,
    /// Lowest battery voltage that was seen, V.
    pub lowest_voltage: Option<f32>,
    /// How it went, in words.
    pub words: String,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// `Nov 2026`, `Dec 2025 to Oct 2026`, or `Annual test`.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Test {
    /// It is nothing to sign without a look.
    #[must_use]
    pub fn needs_a_look(&self) -> bool {
        self.grade != "passed"
    }
}

impl Report {
    /// Leaves only tests and power failures that began so long before `at` that without a logbook they are gone by then.
    pub fn keep_what_goes_before(&mut self, at: UtcMs) {
        let gone = at.plus_ms(-fleet::retention::KEPT_MS);
        for sheet in &mut self.inverters {
            sheet.tests.retain(|test| test.started < gone);
            sheet.outages.retain(|outage| outage.started < gone);
        }
    }

    /// The data, as it is attached and as it is downloaded: one line for each thing, so that two can be compared.
    ///
    /// # Errors
    /// Never, in what this room makes.
    pub fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

fn rfc3339<S: Serializer>(at: &UtcMs, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339())
}
