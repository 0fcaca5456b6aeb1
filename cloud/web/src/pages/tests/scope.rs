//! What a report is of.
//!
//! In: an address: an inverter, a site, an organization, or nothing for all that the caller may see; a period. Out: the inverters, which
//! the caller may see, and the report. What is named and not there, or not the caller's, is not there.

use fleet::{Action, Holder};
use store::state::VisibleInverter;
use wire::UtcMs;

use crate::caller::Caller;
use crate::report::{self, Asked, Period, Report};
use crate::{Context, Error, access};

/// Pairs of an address.
pub type Pairs = Vec<(String, String)>;

/// What a report is of.
pub struct Scope {
    /// Its heading.
    pub title: String,
    /// Its inverters, by name.
    pub rows: Vec<VisibleInverter>,
    /// Its days.
    pub period: Period,
    /// What names it in an address, without the period.
    pub named: String,
    /// When the report is made: its page and its files are one report.
    pub at: UtcMs,
}

/// A report's page may have been open for so long when its files are loaded down, milliseconds.
const OPEN_MS: i64 = 3_600_000;

impl Scope {
    /// As the address says.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Request`] with what to write for the period, as [`access`].
    pub async fn of(context: &Context, caller: &Caller, pairs: &Pairs) -> Result<Self, Error> {
        let text = |name: &str| {
            pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, v)| v.as_str())
        };
        let (title, rows, named) = if let Some(id) = text("inverter") {
            let row = access::inverter(context, caller, id, Action::View).await?;
            let name = super::super::people::list::title(&row);
            let site = row.site.as_ref().map_or_else(String::new, |site| format!(", {}", site.name));
            (format!("{name}{site}"), vec![row], ("inverter", id))
        } else if let Some(id) = text("site") {
            let mut rows = access::fleet(context, caller).await?;
            rows.retain(|row| row.site.as_ref().is_some_and(|site| site.public_id == id));
            let site = rows.first().and_then(|row| row.site.as_ref()).ok_or(Error::NotFound)?;
            (site.name.clone(), rows, ("site", id))
        } else if let Some(code) = text("organization") {
            let (organization, _) = access::organization(context, caller, code, Action::View).await?;
            let holder = Holder::Organization(organization.key);
            let mut rows = access::fleet(context, caller).await?;
            rows.retain(|row| row.held.iter().any(|held| held.grant.holder == holder));
            (organization.name, rows, ("organization", code))
        } else {
            ("All inverters".to_owned(), access::fleet(context, caller).await?, ("", ""))
        };
        let period = Period::parse(pairs, context.now(), rows.first().map_or("UTC", report::zone))?;
        let now = context.now();
        // Nobody makes a report of another day than today.
        let made =
            |text: &str| text.parse().ok().map(UtcMs).filter(|at| *at <= now && now.since(*at) < OPEN_MS);
        let at = text("at").and_then(made).unwrap_or(now);
        Ok(Self { title, period, named: crate::link::with("", &[named]), rows, at })
    }

    /// The report.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn report(&self, context: &Context, caller: &Caller) -> Result<Report, Error> {
        self.report_with(context, caller, &|_| {}).await
    }

    /// The report; `progress` is told how many inverters are read.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn report_with(
        &self,
        context: &Context,
        caller: &Caller,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Report, Error> {
        let (year, month, _) = self.at.date();
        // The same for the page and for each of its files.
        let of = format!("{} {} {} {}", caller.account.key.0, self.named, self.period.query(), self.at.0);
        let named: String = report::code::code(of.as_bytes()).chars().filter(|c| *c != '-').take(8).collect();
        let asked = Asked {
            title: &self.title,
            period: &self.period,
            made_for: &super::super::people::list::called(&caller.account),
            origin: context.origin(),
            number: format!("TR-{year}-{month:02}-{named}"),
            now: self.at,
            progress,
        };
        let made = report::make(context.state(), context.live(), &self.rows, asked).await;
        made.map_err(|error| Error::internal("make a report", error))
    }

    /// The address of this report, or of one of its files.
    #[must_use]
    pub fn address(&self, file: &str) -> String {
        let joint = if self.named.is_empty() { "?" } else { "&" };
        format!("/tests/report{file}{}{joint}{}&at={}", self.named, self.period.query(), self.at.0)
    }
}
