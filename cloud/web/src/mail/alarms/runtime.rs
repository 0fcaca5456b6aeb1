//! The runtime bar of a letter, as cells of a table: no picture is fetched.
//!
//! In: what the screen says, now. Out: cells with their widths, and the words below them.

use fleet::{Freshness, Screen};
use wire::UtcMs;

use crate::view::bar::{minutes_left, scale_minutes};
use crate::view::words::{self, NB};

/// The bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// `data-s`: the colour.
    pub state: &'static str,
    /// From left to right.
    pub cells: Vec<Cell>,
    /// `61 min now`.
    pub now: String,
    /// `90 required`.
    pub required: String,
}

/// A stretch of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What it is: `fill`, `used`, `missing`, `rest`, or `mark`: the required minutes.
    pub what: &'static str,
    /// Per cent of the scale.
    pub width: u32,
}

impl Runtime {
    /// The bar of one inverter; `None` where nothing is known of how long it holds.
    #[must_use]
    pub fn new(screen: &Screen, now: UtcMs) -> Option<Self> {
        let minutes = screen.would_hold_minutes?;
        let (required, scale) = (screen.required_minutes, scale_minutes(screen.required_minutes).max(1));
        let percent = |minutes: u32| (minutes.min(scale).saturating_mul(100) + scale / 2) / scale;
        let (used, held) = match (screen.on_battery_since, minutes_left(screen, now)) {
            (Some(since), Some(left)) => {
                (u32::try_from(now.since(since).max(0) / 60_000).unwrap_or(scale), left)
            }
            _ => (0, minutes),
        };
        let on_battery = screen.on_battery_since.is_some();
        let stale = screen.freshness == Freshness::Offline;
        let short = !on_battery && !stale && held < required;
        let filled = percent(used.saturating_add(held));
        let missing = if short { percent(required).saturating_sub(filled) } else { 0 };
        let parts = [
            ("used", percent(used)),
            ("fill", filled.saturating_sub(percent(used))),
            ("missing", missing),
            ("rest", 100_u32.saturating_sub(filled.saturating_add(missing))),
        ];
        let state = match (on_battery, stale, short) {
            (true, ..) => "bat",
            (_, true, _) => "off",
            (.., true) => "alarm",
            _ => "ok",
        };
        let words = words::minutes(held);
        Some(Self {
            state,
            cells: marked(parts.into_iter(), percent(required)),
            now: match (on_battery, stale) {
                (true, _) => format!("{words} left"),
                (_, true) => format!("was {words}"),
                _ => format!("{words} now"),
            },
            required: format!("{required}{NB}required"),
        })
    }
}

/// The parts with the mark between them, in two where it stands within one.
fn marked(parts: impl Iterator<Item = (&'static str, u32)>, mark: u32) -> Vec<Cell> {
    let (mut cells, mut from, mut marked) = (Vec::new(), 0_u32, false);
    for (what, width) in parts.filter(|(_, width)| *width > 0) {
        let to = from.saturating_add(width);
        if !marked && mark < to {
            marked = true;
            if mark > from {
                cells.push(Cell { what, width: mark - from });
            }
            cells.push(Cell { what: "mark", width: 0 });
            cells.push(Cell { what, width: to - mark.max(from) });
        } else {
            cells.push(Cell { what, width });
        }
        from = to;
    }
    if !marked {
        cells.push(Cell { what: "mark", width: 0 });
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_at_the_required_minutes_and_the_rest_adds_up() {
        let check = |parts: &[(&'static str, u32)], mark, expect: &str| {
            let cells = marked(parts.iter().copied(), mark);
            let told: Vec<_> = cells.iter().map(|cell| format!("{}{}", cell.what, cell.width)).collect();
            assert_eq!(told.join(" "), expect);
            assert_eq!(cells.iter().map(|cell| cell.width).sum::<u32>(), 100);
        };
        check(&[("fill", 51), ("missing", 24), ("rest", 25)], 75, "fill51 missing24 mark0 rest25");
        check(&[("fill", 90), ("rest", 10)], 75, "fill75 mark0 fill15 rest10");
        check(&[("used", 80), ("fill", 20)], 75, "used75 mark0 used5 fill20");
        check(&[("fill", 100)], 100, "fill100 mark0");
        check(&[("fill", 0), ("rest", 100)], 0, "mark0 rest100");
    }
}
