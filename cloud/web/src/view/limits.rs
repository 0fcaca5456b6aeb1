//! Limits in words: what they are of, when they raise an alarm and when it is over.
//!
//! In: limits. Out: sentences, numbers with their unit.

use fleet::alarm::{Key, Limit, Rules, Side, Subject};
use fleet::condition::Severity;
use wire::{Quantity, Scaled};

use super::stats;
use super::words::{self, NB};

/// Delays that a form offers: seconds, words.
pub const DELAYS: [(i64, &str); 7] = [
    (0, "At once"),
    (10, "10 seconds"),
    (60, "1 minute"),
    (300, "5 minutes"),
    (900, "15 minutes"),
    (3_600, "1 hour"),
    (21_600, "6 hours"),
];

/// How much a limit matters, in words.
pub const SEVERITIES: [(Severity, &str, &str); 3] = [
    (Severity::Warning, "warning", "Warning"),
    (Severity::Critical, "critical", "Critical"),
    (Severity::Info, "info", "For information"),
];

/// `40.5 °C`.
#[must_use]
pub fn level(quantity: Quantity, scaled: Scaled) -> String {
    let number = words::number(quantity, scaled, quantity.decimals());
    // What ends in zeros says no more with them.
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    if quantity.unit().is_empty() { number.to_owned() } else { format!("{number}{NB}{}", quantity.unit()) }
}

/// `Cabinet temperature above 40 °C`.
#[must_use]
pub fn title(limit: &Limit) -> String {
    let side = match limit.side {
        Side::Above => "above",
        Side::Below => "below",
    };
    format!("{} {side} {}", stats::label(limit.quantity), level(limit.quantity, limit.raise))
}

/// `Raised after 1 min, over at 38 °C after 5 min.`
#[must_use]
pub fn detail(limit: &Limit) -> String {
    let after = |ms: i64| if ms == 0 { "at once".to_owned() } else { format!("after {}", words::length(ms)) };
    format!(
        "Raised {}, over at {} {}.",
        after(limit.raise_delay_ms),
        level(limit.quantity, limit.clear),
        after(limit.clear_delay_ms)
    )
}

/// What an alarm is called: of a limit what it is a limit of, with the raw code where nobody here knows it.
#[must_use]
pub fn alarm_title(key: &Key, rules: &Rules) -> String {
    let words = key.condition.words();
    match &key.subject {
        Subject::Only => words.to_owned(),
        Subject::Code(raw) => format!("{words}: {raw}"),
        Subject::Limit(_) => rules.limit(key).map_or_else(|| words.to_owned(), title),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_said_as_people_say_it() {
        let mut limit = Limit {
            number: 7,
            quantity: Quantity::AMBIENT_TEMPERATURE,
            side: Side::Above,
            raise: 405,
            clear: 380,
            raise_delay_ms: 60_000,
            clear_delay_ms: 0,
            severity: Severity::Warning,
        };
        assert_eq!(title(&limit), "Cabinet temperature above 40.5\u{a0}°C");
        assert_eq!(detail(&limit), "Raised after 1\u{a0}min, over at 38\u{a0}°C at once.");
        (limit.quantity, limit.side, limit.raise) = (Quantity::REALPOWER, Side::Below, 1000);
        assert_eq!(title(&limit), "Load below 1,000\u{a0}W");
        let mut rules = Rules::default();
        assert_eq!(alarm_title(&Key::limit(7), &rules), "A limit that you set is crossed");
        limit.clear = 1100;
        rules.set_limit(limit).unwrap();
        assert_eq!(alarm_title(&Key::limit(7), &rules), "Load below 1,000\u{a0}W");
        assert_eq!(alarm_title(&Key::code("AR=4"), &rules), "A code that is not known here: AR=4");
    }
}
