//! What is known of the inverters that somebody may see, and which of them are shown.
//!
//! In: rows, live states, a filter. Out: [`Known`] with what the screen says; filters that live in the address, so that
//! a view can be sent to somebody.

use std::sync::Arc;

use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use fleet::{InverterState, Screen, ScreenState, screen};
use serde::Deserialize;
use store::state::VisibleInverter;
use wire::UtcMs;

use super::maintenance::Maintenance;
use super::words::Local;
use crate::Context;

/// What is shown; lives in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Part of a name, site, model or serial number.
    pub q: String,
    /// Public id of a site.
    pub site: String,
    /// Short name of a state.
    pub state: String,
    /// `name`, `hold`, or attention first.
    pub sort: String,
    /// Page of the list, from 1.
    pub page: usize,
}

/// One inverter with what is known of it now.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its row and the caller's role.
    pub row: VisibleInverter,
    /// Its newest state; empty where it never reported.
    pub state: Arc<InverterState>,
    /// What the screen says.
    pub screen: Screen,
    /// The maintenance window that runs.
    pub maintenance: Option<Maintenance>,
}

impl Known {
    /// What is known now of a row.
    #[must_use]
    pub fn new(context: &Context, row: VisibleInverter, now: UtcMs) -> Self {
        let state = context.live().state(row.inverter.key).unwrap_or_default();
        let required = row.inverter.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES);
        let screen = screen(&state, required, now);
        let maintenance = Maintenance::of(&state, now);
        Self { row, state, screen, maintenance }
    }

    /// The inverter's times.
    #[must_use]
    pub fn local(&self, now: UtcMs) -> Local {
        Local::new(self.row.site.as_ref().map_or("UTC", |site| &site.time_zone), now)
    }

    /// Name, or the serial number where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.row.inverter.name.is_empty() {
            self.row.inverter.serial.as_str()
        } else {
            &self.row.inverter.name
        }
    }

    /// Whether the filter shows it.
    #[must_use]
    pub fn matches(&self, filter: &Filter) -> bool {
        let site = self.row.site.as_ref();
        let found = |text: &str, needle: &str| text.to_lowercase().contains(needle);
        let needle = filter.q.trim().to_lowercase();
        let inverter = &self.row.inverter;
        (needle.is_empty()
            || found(self.name(), &needle)
            || found(inverter.serial.as_str(), &needle)
            || found(&inverter.model, &needle)
            || site.is_some_and(|site| found(&site.name, &needle)))
            && (filter.site.is_empty() || site.is_some_and(|site| site.public_id == filter.site))
            && (filter.state.is_empty() || self.screen.state.short_name() == filter.state)
    }

    /// Whether it stands on top of the list.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        !matches!(self.screen.state, ScreenState::Normal | ScreenState::Testing)
    }
}

impl Filter {
    /// `?q=…&site=…`, empty where nothing is filtered.
    #[must_use]
    pub fn query(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let pairs = [
            ("q", self.q.trim()),
            ("site", &self.site),
            ("state", &self.state),
            ("sort", &self.sort),
            ("page", &page),
        ];
        let mut query = String::new();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    query.push(char::from(byte));
                } else {
                    query.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        query
    }

    /// Values nobody can choose are taken for none.
    #[must_use]
    pub fn cleaned(mut self) -> Self {
        self.q = self.q.chars().take(100).collect();
        if ScreenState::from_short_name(&self.state).is_none() {
            self.state.clear();
        }
        if !["name", "hold"].contains(&self.sort.as_str()) {
            self.sort.clear();
        }
        self
    }
}
