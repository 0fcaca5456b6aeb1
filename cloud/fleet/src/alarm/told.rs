//! What an event's row tells of an alarm's turn: the way back from the words that [`Turned`] writes.
//!
//! In: a row's kind and detail, and what the alarm is about. Out: the turn; of a row of another kind or version, none. What
//! people wrote stands last in a row, and what a device sent is known from the key: neither can be taken for a field.

use wire::UtcMs;

use super::key::Key;
use super::turn::Turned;
use crate::AccountKey;

impl Turned {
    /// The turn that an event's row tells of.
    #[must_use]
    pub fn from_row(key: &Key, kind: &str, detail: &str) -> Option<Self> {
        let detail = match key.raw() {
            Some(raw) => detail.strip_prefix("raw=")?.strip_prefix(raw)?.strip_prefix(' ')?,
            None => detail,
        };
        let (_, rest) = field(detail, "since")?;
        match kind {
            "raised" if rest.is_empty() => Some(Self::Raised { unstable: false, quiet: false }),
            "raised" => {
                let (unstable, rest) = field(rest, "unstable")?;
                let (quiet, _) = field(rest, "quiet")?;
                Some(Self::Raised { unstable: unstable.parse().ok()?, quiet: quiet.parse().ok()? })
            }
            "unstable" => Some(Self::Unstable),
            "returned" => Some(Self::Returned),
            "cleared" => {
                let (ended, rest) = field(rest, "ended")?;
                let (quiet, _) = field(rest, "quiet")?;
                Some(Self::Cleared { ended: UtcMs::parse_rfc3339(ended)?, quiet: quiet.parse().ok()? })
            }
            "acknowledged" => {
                let (by, note) = person(rest)?;
                Some(Self::Acknowledged { by, note: note.to_owned() })
            }
            "shelved" => {
                let (by, rest) = person(rest)?;
                let (until, reason) = field(rest, "until")?;
                let until = UtcMs::parse_rfc3339(until)?;
                Some(Self::Shelved { until, by, reason: reason.to_owned() })
            }
            "unshelved" => Some(Self::Unshelved { by: person(rest)?.0 }),
            _ => None,
        }
    }
}

/// `by=3` and what follows.
fn person(text: &str) -> Option<(AccountKey, &str)> {
    let (by, rest) = field(text, "by")?;
    Some((AccountKey(by.parse().ok()?), rest))
}

/// The value of `name=value` that a text begins with, and what follows.
fn field<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let value = text.strip_prefix(name)?.strip_prefix('=')?;
    Some(value.split_once(' ').unwrap_or((value, "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Condition;
    use crate::alarm::{AlarmName, AlarmTurn};
    use crate::event::{Cause, EventKind};

    fn check(key: &Key, what: Turned) {
        let alarm = AlarmName { key: key.clone(), cause: Cause::default(), since: UtcMs(1_800_000_000_123) };
        let kind = EventKind::Alarm(AlarmTurn { alarm, what: what.clone() });
        let found = Turned::from_row(key, kind.name(), &kind.detail());
        assert_eq!(found, Some(what), "{}: {:?}", kind.name(), kind.detail());
    }

    #[test]
    fn every_turn_is_read_as_it_was_written() {
        let by = AccountKey(3);
        let keys = [
            Key::of(Condition::BATTERY_LOW),
            Key::limit(7),
            Key::code("AR=0x40"),
            // A device may send whatever it likes.
            Key::code("since=2026-01-01T00:00:00Z by=1 forged"),
        ];
        for key in &keys {
            for (unstable, quiet) in [(false, false), (true, false), (false, true), (true, true)] {
                check(key, Turned::Raised { unstable, quiet });
                check(key, Turned::Cleared { ended: UtcMs(1_800_000_100_000), quiet });
            }
            check(key, Turned::Unstable);
            check(key, Turned::Returned);
            check(key, Turned::Unshelved { by });
            // And so may a person.
            for text in ["", "on it", "by=9 until=2026-01-01T00:00:00Z", "quiet=true since=x"] {
                check(key, Turned::Acknowledged { by, note: text.to_owned() });
                let until = UtcMs(1_800_000_200_000);
                check(key, Turned::Shelved { until, by, reason: text.to_owned() });
            }
        }
        let key = Key::of(Condition::BATTERY_LOW);
        for (kind, detail) in
            [("raised", ""), ("button", "boot=1 count=2"), ("acknowledged", "since=x by=me")]
        {
            assert_eq!(Turned::from_row(&key, kind, detail), None, "{kind}");
        }
    }
}
