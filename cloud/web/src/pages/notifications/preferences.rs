//! `POST /me/notifications`: what one wants to be told, and by which ways.
//!
//! In: ticks and choices. Out: the preferences, saved and logged. A way that is not verified cannot be ticked or unticked:
//! what was chosen for it stays, so that texts begin once a number is verified (decision 24).

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use fleet::audit::Verb;
use fleet::notice::{Channel, Channels, Preferences, QuietHours, Reminders};

use super::{back, own_act};
use crate::caller::Caller;
use crate::{Context, Error, access};

/// Reminders that are offered: hours, words.
pub const REMINDERS: [(u8, &str); 6] = [
    (0, "Do not remind me"),
    (1, "Every hour"),
    (2, "Every 2 hours"),
    (4, "Every 4 hours"),
    (8, "Every 8 hours"),
    (24, "Every day"),
];

/// `POST /me/notifications`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    let failed = |error| Error::internal("change what somebody is told", error);
    let before = context.state().preferences(own).await.map_err(failed)?;
    let verified = context.state().reachable(own).await.map_err(failed)?;
    let after = read(&pairs, before, verified).ok_or_else(|| {
        Error::Request(
            "Send the fields reminders, quiet_from and quiet_to, and a field for each tick.".to_owned(),
        )
    })?;
    let act = own_act(&context, &caller, Verb::NotificationsEdit, &told(&after))?;
    context.state().set_preferences(own, &after, &act).await.map_err(failed)?;
    Ok(back(if after.critical.within(verified).is_empty() { "silent" } else { "saved" }))
}

/// The preferences of a form.
fn read(pairs: &[(String, String)], before: Preferences, verified: Channels) -> Option<Preferences> {
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let ticked = |name: &str| value(name) == Some("on");
    let channels = |name: &str, before: Channels| {
        let chosen = Channel::TABLE.iter().map(|(channel, _)| *channel).filter(|channel| {
            let ticked = pairs.iter().any(|(key, value)| key == name && value == channel.name());
            if verified.has(*channel) { ticked } else { before.has(*channel) }
        });
        Channels::of(&chosen.collect::<Vec<_>>())
    };
    let hours: u8 = value("reminders")?.parse().ok()?;
    let reminders = REMINDERS.iter().find(|(offered, _)| *offered == hours).map(|(hours, _)| *hours)?;
    let minutes = |name| value(name)?.parse::<u16>().ok();
    let quiet = QuietHours::new(minutes("quiet_from")?, minutes("quiet_to")?);
    Some(Preferences {
        critical: channels("critical", before.critical),
        warning: channels("warning", before.warning),
        info: channels("info", before.info),
        over: ticked("over"),
        quiet: quiet.filter(|_| ticked("quiet")),
        quiet_for_critical: ticked("quiet_critical"),
        without_weekly: !ticked("weekly"),
        daily: ticked("daily"),
        without_monthly: !ticked("monthly"),
        reminders: if reminders == 0 { Reminders::Never } else { Reminders::Every { hours: reminders } },
    })
}

/// For the log.
pub(crate) fn told(preferences: &Preferences) -> String {
    let names = |channels: Channels| {
        let names: Vec<_> = channels.iter().map(Channel::name).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    let quiet = match (preferences.quiet, preferences.quiet_for_critical) {
        (None, _) => "",
        (Some(_), false) => "; quiet hours",
        (Some(_), true) => "; quiet hours for critical alarms, too",
    };
    let weekly = if preferences.without_weekly { "; no weekly letter" } else { "" };
    let daily = if preferences.daily { "; a daily letter" } else { "" };
    let monthly = if preferences.without_monthly { "; no monthly report" } else { "" };
    format!(
        "critical: {}; warning: {}; info: {}{quiet}{weekly}{daily}{monthly}",
        names(preferences.critical),
        names(preferences.warning),
        names(preferences.info)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    const REST: &str = "reminders=4&quiet_from=1320&quiet_to=420";

    #[test]
    fn ticks_are_read_and_what_is_not_verified_stays() {
        let email = Channels::of(&[Channel::Email]);
        let form =
            pairs(&format!("{REST}&critical=email&warning=email&warning=push&over=on&quiet=on&daily=on"));
        let read = read(&form, Preferences::default(), email).unwrap();
        assert_eq!(
            read.critical,
            Channels::of(&[Channel::Email, Channel::Text]),
            "texts as soon as there is a number"
        );
        assert_eq!((read.warning, read.info), (email, Channels::NONE));
        assert_eq!(read.quiet.unwrap().minutes(), (1320, 420));
        assert!(read.over && !read.quiet_for_critical);
        assert_eq!(read.reminders, Reminders::Every { hours: 4 });
        assert_eq!(
            told(&read),
            "critical: email, text; warning: email; info: nothing; quiet hours; no weekly letter; a daily letter; no \
             monthly report"
        );
        let weekly = self::read(&pairs(&format!("{REST}&weekly=on")), Preferences::default(), email).unwrap();
        assert!(!weekly.without_weekly && !weekly.daily);
    }

    #[test]
    fn a_form_that_lacks_its_choices_changes_nothing() {
        let all = Channels::of(&[Channel::Email, Channel::Text]);
        for form in [
            "",
            "critical=email",
            "reminders=3&quiet_from=0&quiet_to=1",
            "reminders=1&quiet_from=x&quiet_to=1",
        ] {
            assert_eq!(read(&pairs(form), Preferences::default(), all), None, "{form}");
        }
        let none = read(&pairs(REST), Preferences::default(), all).unwrap();
        assert!(none.critical.is_empty() && none.quiet.is_none());
    }
}
