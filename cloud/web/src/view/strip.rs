//! The last 24 hours in 48 half-hours, each with the worst state it saw; height says it as well as colour.
//!
//! In: episodes and gaps from history. Out: one SVG path per state. Kept per inverter for some minutes, since a strip
//! of half-hours does not change faster.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fleet::{InverterKey, ScreenState};
use store::history::{History, HistoryError, Range, RangeQuery, Span, Subject};
use wire::UtcMs;

use super::episodes;

/// Half-hours in a day.
const SLOTS: usize = 48;
const SLOT_MS: i64 = 30 * 60_000;
/// A strip is drawn anew after this long, milliseconds.
const KEEP_MS: i64 = 5 * 60_000;
/// Strips kept; beyond it all are forgotten and drawn anew as asked. A strip takes some 600 bytes.
const KEPT: usize = 20_000;

/// One strip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// Class and path data.
    pub paths: Vec<(&'static str, String)>,
    /// What it shows, in words.
    pub label: String,
}

/// What a half-hour saw at worst; later ones win over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Normal,
    Gap,
    Warning,
    Test,
    Alarm,
    Battery,
}

/// Slot, class, height, word.
const LOOKS: [(Slot, &str, u32, &str); 6] = [
    (Slot::Normal, "st-n", 6, "normal"),
    (Slot::Gap, "st-g", 2, "no data"),
    (Slot::Warning, "st-w", 11, "warning"),
    (Slot::Test, "st-t", 12, "testing"),
    (Slot::Alarm, "st-a", 20, "alarm"),
    (Slot::Battery, "st-b", 20, "on battery"),
];

/// Strips drawn lately.
#[derive(Debug, Default)]
pub struct Strips(Mutex<HashMap<InverterKey, (UtcMs, Arc<Strip>)>>);

impl Strips {
    /// The strip drawn lately, if any.
    #[must_use]
    pub fn known(&self, inverter: InverterKey) -> Option<Arc<Strip>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&inverter).map(|(_, strip)| Arc::clone(strip))
    }

    /// Draws those that are missing or old. Blocks.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn draw(&self, history: &History, inverters: &[InverterKey], now: UtcMs) -> Result<(), HistoryError> {
        for inverter in inverters {
            let fresh = {
                let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                kept.get(inverter).is_some_and(|(drawn, _)| now.since(*drawn) < KEEP_MS)
            };
            if fresh {
                continue;
            }
            // Slots stand on whole half-hours, so that the same strip is drawn all through one.
            let to = UtcMs((now.0.div_euclid(SLOT_MS) + 1) * SLOT_MS);
            let from = to.plus_ms(-SLOT_MS * SLOTS as i64);
            let query = RangeQuery { inverter: *inverter, quantities: Vec::new(), from, to, points: SLOTS };
            let strip = Arc::new(Strip::new(&history.range(&query, now)?, from, now));
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(*inverter, (now, strip));
        }
        Ok(())
    }
}

impl Strip {
    fn new(range: &Range, from: UtcMs, now: UtcMs) -> Self {
        let mut slots = [Slot::Normal; SLOTS];
        let mut no_data_ms = [0_i64; SLOTS];
        for gap in &range.gaps {
            spread(gap, from, now, |slot, ms| {
                if let Some(sum) = no_data_ms.get_mut(slot) {
                    *sum += ms;
                }
            });
        }
        if range.times.is_empty() && range.gaps.is_empty() {
            no_data_ms = [SLOT_MS; SLOTS];
        }
        for (at, (slot, ms)) in slots.iter_mut().zip(no_data_ms).enumerate() {
            // The present half-hour is judged by what of it is over.
            let over = now.since(from.plus_ms(SLOT_MS * at as i64)).clamp(1, SLOT_MS);
            if ms >= over / 2 {
                *slot = Slot::Gap;
            }
        }
        for (span, lost) in episodes::on_battery(range) {
            raise(&mut slots, &span, from, now, if lost { Slot::Battery } else { Slot::Test });
        }
        for episode in &range.episodes {
            let Subject::Condition(condition) = episode.subject else { continue };
            let worst = match fleet::Condition::from(condition).definition().screen {
                ScreenState::Alarm => Slot::Alarm,
                ScreenState::Warning => Slot::Warning,
                _ => continue,
            };
            raise(&mut slots, &episode.span, from, now, worst);
        }
        let elapsed = usize::try_from(now.since(from).max(0) / SLOT_MS).unwrap_or(SLOTS).saturating_add(1);
        Self::draw(slots.get(..elapsed.min(SLOTS)).unwrap_or(&slots))
    }

    fn draw(slots: &[Slot]) -> Self {
        let mut strip = Self::default();
        let mut words: Vec<&str> = Vec::new();
        for (look, class, height, word) in LOOKS {
            let mut path = String::new();
            for (at, _) in slots.iter().enumerate().filter(|(_, slot)| **slot == look) {
                // 240 units wide: five a slot, the bar 3.7 of them.
                path.push_str(&format!("M{} {}h3.7v{height}h-3.7z", at * 5, 20 - height));
            }
            if !path.is_empty() {
                strip.paths.push((class, path));
                words.push(word);
            }
        }
        words.reverse();
        strip.label = format!("Last 24 hours: {}", words.join(", "));
        strip
    }
}

fn raise(slots: &mut [Slot; SLOTS], span: &Span, from: UtcMs, now: UtcMs, to: Slot) {
    spread(span, from, now, |slot, _| {
        if let Some(seen) = slots.get_mut(slot) {
            *seen = (*seen).max(to);
        }
    });
}

/// Calls `take` with each slot that `span` touches before `now`, and for how long.
fn spread(span: &Span, from: UtcMs, now: UtcMs, mut take: impl FnMut(usize, i64)) {
    for slot in 0..SLOTS {
        let begin = from.plus_ms(SLOT_MS * slot as i64);
        let end = begin.plus_ms(SLOT_MS).min(now);
        let ms = span.to.min(end).since(span.from.max(begin));
        if ms > 0 {
            take(slot, ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::history::Episode;
    use wire::Flag;

    #[test]
    fn the_worst_of_a_half_hour_is_drawn_and_named() {
        let now = UtcMs(SLOT_MS * 100);
        let from = now.plus_ms(-SLOT_MS * SLOTS as i64);
        let span = |a: i64, b: i64| Span { from: from.plus_ms(a * SLOT_MS), to: from.plus_ms(b * SLOT_MS) };
        let episode = |subject, span| Episode { subject, span };
        let range = Range {
            times: vec![from],
            gaps: vec![span(4, 6)],
            episodes: vec![
                episode(Subject::Flag(Flag::BatteryPower), span(10, 11)),
                episode(Subject::Condition(wire::Condition::UTILITY_LOST), span(10, 11)),
                episode(Subject::Flag(Flag::BatteryPower), span(20, 21)),
                episode(Subject::Condition(wire::Condition::AMBIENT_HIGH), span(10, 12)),
                episode(Subject::Flag(Flag::LinePresent), span(0, 48)),
            ],
            ..Range::default()
        };
        let strip = Strip::new(&range, from, now);
        let classes: Vec<_> = strip.paths.iter().map(|(class, _)| *class).collect();
        assert_eq!(classes, ["st-n", "st-g", "st-w", "st-t", "st-b"]);
        assert_eq!(strip.label, "Last 24 hours: on battery, testing, warning, no data, normal");
        assert!(strip.paths[4].1.starts_with("M50 0h3.7v20"));
    }

    #[test]
    fn nothing_known_is_no_data_not_normal() {
        let strip = Strip::new(&Range::default(), UtcMs(0), UtcMs(SLOT_MS * 48));
        assert_eq!(strip.label, "Last 24 hours: no data");
    }
}
