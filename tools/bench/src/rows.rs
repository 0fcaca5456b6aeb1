//! The rows a benchmark prints: what was measured, against what, and whether floor and target are met.
//!
//! In: repeats of a figure. Out: median and spread, as text and as JSON.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// All rows of a run.
#[derive(Default)]
pub struct Rows {
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    what: String,
    median: f64,
    low: f64,
    high: f64,
    unit: String,
    floor: Option<Bound>,
    target: Option<Bound>,
    verdict: &'static str,
}

/// A bound a figure is held against.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The figure must not be below.
    AtLeast(f64),
    /// The figure must not be above.
    AtMost(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

impl Rows {
    /// Adds and prints a figure that nothing is asked of.
    pub fn note(&mut self, id: &str, what: &str, repeats: &[f64], unit: &str) {
        self.push(id, what, repeats, unit, None, None);
    }

    /// Adds and prints a figure with its floor and target of the performance page.
    pub fn judge(&mut self, id: &str, what: &str, repeats: &[f64], unit: &str, floor: Bound, target: Bound) {
        self.push(id, what, repeats, unit, Some(floor), Some(target));
    }

    /// Adds and prints a figure with a target only.
    pub fn aim(&mut self, id: &str, what: &str, repeats: &[f64], unit: &str, target: Bound) {
        self.push(id, what, repeats, unit, None, Some(target));
    }

    fn push(
        &mut self,
        id: &str,
        what: &str,
        repeats: &[f64],
        unit: &str,
        floor: Option<Bound>,
        target: Option<Bound>,
    ) {
        let mut sorted = repeats.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(low), Some(high), Some(median)) =
            (sorted.first(), sorted.last(), sorted.get(sorted.len() / 2))
        else {
            println!("{id:<5} {what}: not measured");
            return;
        };
        let verdict = match (floor, target) {
            (_, Some(target)) if target.holds(*median) => "target met",
            (Some(floor), _) if floor.holds(*median) => "floor met",
            (Some(_), _) => "BELOW FLOOR",
            (None, Some(_)) => "target missed",
            (None, None) => "",
        };
        let bounds = match (floor, target) {
            (Some(floor), Some(target)) => format!("  floor {floor}, target {target}:"),
            (None, Some(target)) => format!("  target {target}:"),
            _ => String::new(),
        };
        println!("{id:<5} {what}: {median:.3} {unit} ({low:.3} to {high:.3}){bounds} {verdict}");
        self.rows.push(Row {
            id: id.to_owned(),
            what: what.to_owned(),
            median: *median,
            low: *low,
            high: *high,
            unit: unit.to_owned(),
            floor,
            target,
            verdict,
        });
    }

    /// Writes all rows as JSON where asked for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: Option<&Path>) -> Result<()> {
        let Some(path) = path else { return Ok(()) };
        std::fs::write(path, serde_json::to_vec_pretty(&self.rows)?)
            .with_context(|| format!("writing {}", path.display()))
    }
}

/// The middle value, the lower one of two; 0 without values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// Ratios pair by pair: `a[i] / b[i]`.
#[must_use]
pub fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).filter(|(_, b)| **b > 0.0).map(|(a, b)| a / b).collect()
}

/// The value below which `share` of all lie; 0 without values.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index"
)]
#[must_use]
pub fn percentile(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}
