//! What people want to be told, as programs write and read it: one table of fields for both.
//!
//! In: a JSON object with the fields that are to change, what held before, which ways are verified. Out: the preferences as they
//! are to be, or in plain words what does not do; the same as JSON. The rules are those of the page: a way that is not
//! verified is neither chosen nor given up.

use fleet::notice::{Channel, Channels, Preferences, QuietHours, Reminders};
use serde::{Deserialize, Deserializer, Serialize};

/// Hours between reminders that there are.
pub(crate) const REMIND_HOURS: [u8; 5] = [1, 2, 4, 8, 24];

/// As it is read.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    critical: Vec<&'static str>,
    warning: Vec<&'static str>,
    info: Vec<&'static str>,
    when_over: bool,
    quiet_hours: Option<Quiet>,
    remind_every_hours: Option<u8>,
    weekly_letter: bool,
    daily_letter: bool,
    monthly_report: bool,
}

/// As it is written: a field that is left out stays, `null` takes away what there may be none of (RFC 7396).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Change {
    critical: Option<Vec<String>>,
    warning: Option<Vec<String>>,
    info: Option<Vec<String>>,
    when_over: Option<bool>,
    #[serde(deserialize_with = "written")]
    quiet_hours: Option<Option<Quiet>>,
    #[serde(deserialize_with = "written")]
    remind_every_hours: Option<Option<u8>>,
    weekly_letter: Option<bool>,
    daily_letter: Option<bool>,
    monthly_report: Option<bool>,
}

/// Minutes of the day, by the clock of each site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quiet {
    from_minute: u16,
    to_minute: u16,
    hold_critical: bool,
}

/// What is written is there, `null` too.
fn written<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

impl Shown {
    pub(crate) fn of(preferences: &Preferences) -> Self {
        Self {
            critical: names(preferences.critical),
            warning: names(preferences.warning),
            info: names(preferences.info),
            when_over: preferences.over,
            quiet_hours: preferences.quiet.map(|quiet| {
                let (from_minute, to_minute) = quiet.minutes();
                Quiet { from_minute, to_minute, hold_critical: preferences.quiet_for_critical }
            }),
            remind_every_hours: match preferences.reminders {
                Reminders::Never => None,
                Reminders::Every { hours } => Some(hours),
            },
            weekly_letter: !preferences.without_weekly,
            daily_letter: preferences.daily,
            monthly_report: !preferences.without_monthly,
        }
    }
}

impl Change {
    /// What is to hold, after `before`.
    pub(crate) fn merged(&self, before: Preferences, verified: Channels) -> Result<Preferences, String> {
        let mut after = before;
        let fields = [
            (&self.critical, before.critical, &mut after.critical),
            (&self.warning, before.warning, &mut after.warning),
            (&self.info, before.info, &mut after.info),
        ];
        for (wished, before, after) in fields {
            if let Some(wished) = wished {
                *after = channels(wished, before, verified)?;
            }
        }
        after.over = self.when_over.unwrap_or(before.over);
        after.without_weekly = self.weekly_letter.map_or(before.without_weekly, |wanted| !wanted);
        after.daily = self.daily_letter.unwrap_or(before.daily);
        after.without_monthly = self.monthly_report.map_or(before.without_monthly, |wanted| !wanted);
        match self.quiet_hours {
            None => {}
            Some(None) => (after.quiet, after.quiet_for_critical) = (None, false),
            Some(Some(quiet)) => {
                let hours = QuietHours::new(quiet.from_minute, quiet.to_minute);
                after.quiet = Some(hours.ok_or(QUIET)?);
                after.quiet_for_critical = quiet.hold_critical;
            }
        }
        match self.remind_every_hours {
            None => {}
            Some(None) => after.reminders = Reminders::Never,
            Some(Some(hours)) if REMIND_HOURS.contains(&hours) => {
                after.reminders = Reminders::Every { hours }
            }
            Some(Some(_)) => return Err(REMIND.to_owned()),
        }
        Ok(after)
    }
}

const QUIET: &str = "`quiet_hours` begin and end at two different minutes of the day, 0 to 1439.";
const REMIND: &str = "`remind_every_hours` is 1, 2, 4, 8, 24 or null.";

fn channels(wished: &[String], before: Channels, verified: Channels) -> Result<Channels, String> {
    let mut chosen = before.without(verified);
    for name in wished {
        let channel = Channel::from_name(name)
            .ok_or_else(|| format!("There is no way {name:?}. There are: email, text, push, webhook."))?;
        if !(verified.has(channel) || before.has(channel)) {
            return Err(format!("No way by {name} is verified: add one under Account, Notifications first."));
        }
        chosen = chosen.and(channel);
    }
    Ok(chosen)
}

fn names(channels: Channels) -> Vec<&'static str> {
    channels.iter().map(Channel::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &[Channel] = &[Channel::Email];

    fn merged(text: &str, before: Preferences) -> Result<Preferences, String> {
        let change: Change = serde_json::from_str(text).map_err(|error| error.to_string())?;
        change.merged(before, Channels::of(EMAIL))
    }

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let quiet = QuietHours::new(1320, 420);
        let before = Preferences {
            quiet,
            quiet_for_critical: true,
            reminders: Reminders::Every { hours: 4 },
            ..Preferences::default()
        };
        assert_eq!(merged("{}", before).unwrap(), before);
        let text = r#"{"warning":["email"],"when_over":false,"weekly_letter":false,"daily_letter":true}"#;
        let expect = Preferences {
            warning: Channels::of(EMAIL),
            over: false,
            without_weekly: true,
            daily: true,
            ..before
        };
        assert_eq!(merged(text, before).unwrap(), expect);
        let after = merged(r#"{"quiet_hours":null,"remind_every_hours":null}"#, before).unwrap();
        assert_eq!(after, Preferences::default());
        let text = r#"{"quiet_hours":{"from_minute":60,"to_minute":120,"hold_critical":false},"remind_every_hours":8}"#;
        let after = merged(text, before).unwrap();
        assert_eq!((after.quiet.unwrap().minutes(), after.quiet_for_critical), ((60, 120), false));
        assert_eq!(after.reminders, Reminders::Every { hours: 8 });
        let shown = serde_json::to_value(Shown::of(&after)).unwrap();
        assert_eq!(shown["quiet_hours"]["to_minute"], 120);
        let again: Change = serde_json::from_value(shown).unwrap();
        assert_eq!(again.merged(Preferences::default(), Channels::of(EMAIL)).unwrap(), after);
    }

    #[test]
    fn a_way_that_is_not_verified_stays_as_it_was_and_cannot_be_chosen() {
        let text = Channels::of(&[Channel::Email, Channel::Text]);
        let before = Preferences { critical: text, ..Preferences::default() };
        let none = merged(r#"{"critical":[]}"#, before).unwrap();
        assert_eq!(none.critical, Channels::of(&[Channel::Text]), "texts as soon as there is a number");
        assert_eq!(merged(r#"{"critical":["email","text"]}"#, before).unwrap().critical, text);
        let refused = merged(r#"{"critical":["push"]}"#, before).unwrap_err();
        assert!(refused.contains("No way by push"), "{refused}");
    }

    /// ASVS 5.0: 1.5.2.
    #[test]
    fn what_does_not_do_is_refused_in_words() {
        let check = |text: &str, part: &str| {
            let refused = merged(text, Preferences::default()).unwrap_err();
            assert!(refused.contains(part), "{text}: {refused}");
        };
        check(r#"{"critical":["pigeon"]}"#, "pigeon");
        check(r#"{"remind_every_hours":3}"#, "1, 2, 4, 8, 24 or null");
        check(r#"{"quiet_hours":{"from_minute":60,"to_minute":60,"hold_critical":false}}"#, "two different");
        check(r#"{"quiet_hours":{"from_minute":60,"to_minute":1440,"hold_critical":false}}"#, "0 to 1439");
        check(r#"{"quiet_hours":{"from_minute":60,"to_minute":120}}"#, "hold_critical");
        check(r#"{"loud":true}"#, "loud");
        check(r#"{"when_over":"yes"}"#, "boolean");
        check(r#"{"critical":null,"critical":null}"#, "duplicate");
    }
}
