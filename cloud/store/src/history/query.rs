//! What a reader asks of history and what it gets.
//!
//! In: an inverter, quantities, a span, at most so many points. Out: one time axis for all quantities, with `None`
//! where the line breaks. Plain data, no storage.

use fleet::InverterKey;
use wire::{Condition, Flag, Quantity, UtcMs};

/// What a chart wants to show.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    /// Of which inverter. Whether the caller may see it was decided before.
    pub inverter: InverterKey,
    /// Which quantities; the answer has the same order.
    pub quantities: Vec<Quantity>,
    /// From this instant on; raised to 30 days before now.
    pub from: UtcMs,
    /// Up to before this instant.
    pub to: UtcMs,
    /// At most so many buckets, at least 1 and at most [`RangeQuery::MOST_POINTS`].
    pub points: usize,
}

impl RangeQuery {
    /// More points than any screen has columns.
    pub const MOST_POINTS: usize = 10_000;
}

/// What a chart shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// Width of a bucket, milliseconds.
    pub step_ms: i64,
    /// Start of each bucket that holds readings, ascending; where no reading came for three expected intervals, one
    /// more instant whose values are all `None`, so that the line breaks.
    pub times: Vec<UtcMs>,
    /// One per asked quantity, in the asked order; its `values` are as many as `times`.
    pub series: Vec<Series>,
    /// Spans without any reading, longer than three expected intervals, within what was asked and what is kept.
    /// The last one ends at `to` or at the newest reading's successor; the future is not a gap.
    pub gaps: Vec<Span>,
    /// When flags were true and conditions held, ordered by subject, then time.
    pub episodes: Vec<Episode>,
}

/// The values of one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which.
    pub quantity: Quantity,
    /// By bucket, `None` where this quantity was not reported.
    pub values: Vec<Option<Spread>>,
}

/// What one bucket holds, in the quantity's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Least value.
    pub min: f64,
    /// Mean of the readings, to one decimal more than the quantity has.
    pub mean: f64,
    /// Greatest value.
    pub max: f64,
}

/// A span of time, `from` included, `to` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Begin.
    pub from: UtcMs,
    /// End.
    pub to: UtcMs,
}

/// What an episode is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A flag was true; [`Flag::BatteryPower`] is "on battery".
    Flag(Flag),
    /// One of the inverter's own conditions held.
    Condition(Condition),
}

/// One time that something held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// What.
    pub subject: Subject,
    /// When: from the first reading that says so to the first that no longer does. Ends at a gap.
    pub span: Span,
}

impl Range {
    /// Nothing, in the shape that was asked for.
    #[must_use]
    pub fn empty(query: &RangeQuery) -> Self {
        let series =
            query.quantities.iter().map(|quantity| Series { quantity: *quantity, values: Vec::new() });
        Self { series: series.collect(), ..Self::default() }
    }
}
