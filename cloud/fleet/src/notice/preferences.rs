//! What a person wants to be told, and by which ways.
//!
//! In: preferences, how much something matters, the site's time of day. Out: by which channels now, or when, or
//! not at all. Critical alarms pass quiet hours unless the person waived that in so many words.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::calendar::Periodical;
use super::quiet::QuietHours;
use crate::condition::Severity;

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// E-mail.
    Email,
    /// A text message.
    Text,
    /// A push message to a browser.
    Push,
    /// A request to a program of theirs.
    Webhook,
}

/// Some channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Channels(#[n(0)] u8);

/// How often somebody is reminded of what nobody has acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Reminders {
    /// Never.
    #[n(0)]
    #[default]
    Never,
    /// Each so many hours, until somebody acknowledges it or it is over.
    #[n(1)]
    Every {
        /// Hours, at least one.
        #[n(0)]
        hours: u8,
    },
}

/// What a person wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Preferences {
    /// Of critical alarms.
    #[n(0)]
    pub critical: Channels,
    /// Of warnings.
    #[n(1)]
    pub warning: Channels,
    /// Of what is worth knowing, at once; without any it is in the list of alarms only.
    #[n(2)]
    pub info: Channels,
    /// When each of these is over, and who has taken one that is critical.
    #[n(3)]
    pub over: bool,
    /// When not to be woken.
    #[n(4)]
    pub quiet: Option<QuietHours>,
    /// Not even by critical alarms.
    #[n(5)]
    #[cbor(default)]
    pub quiet_for_critical: bool,
    /// How often to be reminded.
    #[n(6)]
    #[cbor(default)]
    pub reminders: Reminders,
    /// Not the letter of Mondays that all is watched. It comes unless somebody says no: its absence is an alarm.
    #[n(7)]
    #[cbor(default)]
    pub without_weekly: bool,
    /// A letter each day that brought something worth knowing. It comes to who asks for it only: an unread letter a day is
    /// no calm, and critical alarms by e-mail are what everybody begins with (decision 24).
    #[n(8)]
    #[cbor(default)]
    pub daily: bool,
    /// Not the report of each month's tests. It comes unless somebody says no: without a logbook it is the only copy that stays.
    #[n(9)]
    #[cbor(default)]
    pub without_monthly: bool,
}

/// When and how somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// At once.
    Now(Channels),
    /// When the person's quiet hours are over.
    Held {
        /// Until then.
        until: UtcMs,
        /// By these.
        by: Channels,
    },
    /// Not at all: that is what the person chose.
    Not,
}

impl Channel {
    /// Every channel with its name.
    pub const TABLE: [(Self, &'static str); 4] =
        [(Self::Email, "email"), (Self::Text, "text"), (Self::Push, "push"), (Self::Webhook, "webhook")];

    /// Name in the store and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(channel, _)| *channel == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known)| *known == name).map(|(channel, _)| *channel)
    }
}

impl Channels {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    #[must_use]
    pub fn of(channels: &[Channel]) -> Self {
        Self(channels.iter().fold(0, |all, channel| all | 1 << *channel as u8))
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn has(self, channel: Channel) -> bool {
        self.0 & (1 << channel as u8) != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn and(self, channel: Channel) -> Self {
        Self(self.0 | 1 << channel as u8)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, those: Self) -> Self {
        Self(self.0 & !those.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in both: what a person chose and what is verified.
    #[must_use]
    pub const fn within(self, verified: Self) -> Self {
        Self(self.0 & verified.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::TABLE.iter().map(|(channel, _)| *channel).filter(move |channel| self.has(*channel))
    }
}

impl Default for Preferences {
    /// What comes with a grant (decision 24): critical alarms by e-mail, and by text once a number is verified.
    fn default() -> Self {
        Self {
            critical: Channels::of(&[Channel::Email, Channel::Text]),
            warning: Channels::NONE,
            info: Channels::NONE,
            over: true,
            quiet: None,
            quiet_for_critical: false,
            reminders: Reminders::Never,
            without_weekly: false,
            daily: false,
            without_monthly: false,
        }
    }
}

impl Preferences {
    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail; were it to, `from_bytes` refuses the empty result.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The preferences of the bytes.
    ///
    /// # Errors
    /// They are not preferences of this or an earlier version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }

    /// By which channels the person wants to be told of something that matters this much.
    #[must_use]
    pub const fn channels(&self, severity: Severity) -> Channels {
        match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }

    /// Whether the person wants a letter that comes by the calendar.
    #[must_use]
    pub const fn wants(&self, letter: Periodical) -> bool {
        match letter {
            Periodical::Weekly => !self.without_weekly,
            Periodical::Daily => self.daily,
            Periodical::Monthly => !self.without_monthly,
        }
    }

    /// When to remind the person after having told at `told_at`; quiet hours hold a reminder as they hold a message.
    #[must_use]
    pub fn remind_at(&self, told_at: UtcMs) -> Option<UtcMs> {
        match self.reminders {
            Reminders::Never => None,
            Reminders::Every { hours } => {
                Some(told_at.plus_ms(i64::from(hours.max(1)).saturating_mul(wire::time::HOUR_MS)))
            }
        }
    }
}

/// When and how a person is told of something that matters this much. `verified`: channels that were tried out; `local`: the
/// site's minute of the day at an instant.
pub fn plan(
    preferences: &Preferences,
    verified: Channels,
    severity: Severity,
    now: UtcMs,
    local: &dyn Fn(UtcMs) -> u16,
) -> Plan {
    let passes = severity == Severity::Critical && !preferences.quiet_for_critical;
    planned(preferences, preferences.channels(severity).within(verified), passes, now, local)
}

/// When and how a person is told, by the ways by which they were told of something before, how that goes on: nothing that may
/// wake anybody.
pub fn plan_word(
    preferences: &Preferences,
    told_by: Channels,
    verified: Channels,
    now: UtcMs,
    local: &dyn Fn(UtcMs) -> u16,
) -> Plan {
    if preferences.over {
        planned(preferences, told_by.within(verified), false, now, local)
    } else {
        Plan::Not
    }
}

fn planned(
    preferences: &Preferences,
    by: Channels,
    passes: bool,
    now: UtcMs,
    local: &dyn Fn(UtcMs) -> u16,
) -> Plan {
    if by.is_empty() {
        return Plan::Not;
    }
    match preferences.quiet.filter(|_| !passes).and_then(|quiet| quiet.over_at(now, local)) {
        Some(until) => Plan::Held { until, by },
        None => Plan::Now(by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UtcMs = UtcMs(1_800_100_800_000);
    const HOUR_MS: i64 = 3_600_000;

    fn utc(at: UtcMs) -> u16 {
        u16::try_from(at.0.rem_euclid(86_400_000) / 60_000).unwrap()
    }

    #[test]
    fn critical_passes_quiet_hours_unless_it_was_waived() {
        let all = Channels::of(&[Channel::Email, Channel::Text]);
        let email = Channels::of(&[Channel::Email]);
        let quiet = QuietHours::new(11 * 60, 13 * 60);
        let mut preferences = Preferences { warning: email, quiet, ..Preferences::default() };
        let held = Plan::Held { until: NOON.plus_ms(HOUR_MS), by: email };
        let check = |preferences: &Preferences, severity, at, expect| {
            assert_eq!(plan(preferences, all, severity, at, &utc), expect, "{severity:?}");
        };
        check(&preferences, Severity::Critical, NOON, Plan::Now(all));
        check(&preferences, Severity::Warning, NOON, held);
        check(&preferences, Severity::Warning, NOON.plus_ms(HOUR_MS), Plan::Now(email));
        check(&preferences, Severity::Info, NOON, Plan::Not);
        preferences.quiet_for_critical = true;
        check(&preferences, Severity::Critical, NOON, Plan::Held { until: NOON.plus_ms(HOUR_MS), by: all });
        preferences.warning = Channels::NONE;
        check(&preferences, Severity::Warning, NOON, Plan::Not);
    }

    #[test]
    fn word_of_who_took_it_wakes_nobody_and_goes_the_ways_by_which_they_were_told() {
        let both = Channels::of(&[Channel::Email, Channel::Push]);
        let push = Channels::of(&[Channel::Push]);
        let mut preferences =
            Preferences { quiet: QuietHours::new(11 * 60, 13 * 60), ..Preferences::default() };
        let word = |preferences: &Preferences, told_by, at| plan_word(preferences, told_by, both, at, &utc);
        assert_eq!(word(&preferences, push, NOON), Plan::Held { until: NOON.plus_ms(HOUR_MS), by: push });
        assert_eq!(word(&preferences, push, NOON.plus_ms(HOUR_MS)), Plan::Now(push));
        assert_eq!(
            word(&preferences, Channels::of(&[Channel::Text]), NOON),
            Plan::Not,
            "not verified any more"
        );
        preferences.over = false;
        assert_eq!(word(&preferences, push, NOON.plus_ms(HOUR_MS)), Plan::Not);
    }

    #[test]
    fn nothing_goes_by_a_channel_that_was_not_verified() {
        let email = Channels::of(&[Channel::Email]);
        let plan = |verified| plan(&Preferences::default(), verified, Severity::Critical, NOON, &utc);
        assert_eq!(plan(email), Plan::Now(email));
        assert_eq!(plan(Channels::NONE), Plan::Not);
        assert_eq!(email.iter().collect::<Vec<_>>(), [Channel::Email]);
    }

    #[test]
    fn reminders_come_each_so_many_hours_or_never() {
        assert_eq!(Preferences::default().remind_at(NOON), None);
        let each = |hours| Preferences { reminders: Reminders::Every { hours }, ..Preferences::default() };
        assert_eq!(each(4).remind_at(NOON), Some(NOON.plus_ms(4 * HOUR_MS)));
        assert_eq!(each(0).remind_at(NOON), Some(NOON.plus_ms(HOUR_MS)), "never without a pause");
        assert_eq!(Preferences::from_bytes(&each(4).to_bytes()).unwrap(), each(4));
        assert!(Preferences::from_bytes(&[]).is_err());
    }

    #[test]
    fn who_said_something_before_there_were_letters_gets_that_of_mondays() {
        // Of the version before: channels, over, no quiet hours.
        let before = Preferences::from_bytes(&[0xa4, 0, 1, 1, 0, 2, 0, 3, 0xf5]).unwrap();
        assert!(before.wants(Periodical::Weekly) && !before.wants(Periodical::Daily));
        let said = Preferences { without_weekly: true, daily: true, ..before };
        let read = Preferences::from_bytes(&said.to_bytes()).unwrap();
        assert!(!read.wants(Periodical::Weekly) && read.wants(Periodical::Daily));
    }
}
