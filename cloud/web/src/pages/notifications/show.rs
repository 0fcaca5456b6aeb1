//! `GET /me/notifications`: what one is told, by which ways, and how each way stands.
//!
//! In: a caller. Out: the page. Ways that are not verified can be seen but not ticked.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::AccountKey;
use fleet::notice::{Channel, Channels, Preferences, QuietHours, Reminders};
use serde::Deserialize;
use store::state::{Receipt, Webhook};
use wire::UtcMs;

use super::super::html;
use super::super::shell::Shell;
use super::preferences::REMINDERS;
use super::receipt::{Line, TRIES};
use super::{PATH, SAID};
use crate::caller::Caller;
use crate::context::Ways;
use crate::{Context, Error, access};

/// Receipts of tries that are looked through for the newest of each way.
const MOST_RECEIPTS: u64 = 60;
/// Quiet hours that the form offers first: from ten in the evening to seven in the morning.
const NIGHT: (u16, u16) = (22 * 60, 7 * 60);
/// Steps of the hours that are offered, minutes.
const STEP: u16 = 30;

#[derive(Template)]
#[template(path = "notifications.html")]
struct Page {
    shell: Shell,
    said: Option<Said>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    chosen: Chosen,
    reminders: Vec<(u8, &'static str, bool)>,
    ways: Ways,
    reach: Vec<Reach>,
}

/// What was done just now.
struct Said {
    state: &'static str,
    words: &'static str,
}

/// A way at the head of the table.
struct Column {
    word: &'static str,
    open: bool,
}

/// One severity.
struct Row {
    name: &'static str,
    state: &'static str,
    word: &'static str,
    means: &'static str,
    cells: Vec<Cell>,
}

/// One tick.
struct Cell {
    channel: &'static str,
    word: &'static str,
    ticked: bool,
    open: bool,
}

/// The rest of the form.
struct Chosen {
    over: bool,
    weekly: bool,
    daily: bool,
    monthly: bool,
    quiet: bool,
    quiet_critical: bool,
    from: Vec<(u16, String, bool)>,
    to: Vec<(u16, String, bool)>,
}

/// One way to the person.
struct Reach {
    icon: &'static str,
    name: String,
    standing: String,
    state: Option<&'static str>,
    channel: &'static str,
    to: String,
    /// It can be tested.
    open: bool,
    test: Option<Line>,
    /// Where its forms lead, and what its button is called.
    remove: Option<String>,
    more: Option<(String, &'static str, bool)>,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    done: String,
}

/// The ways as columns, in the order of the table.
const COLUMNS: [(Channel, &str); 4] = [
    (Channel::Text, "Text"),
    (Channel::Email, "E-mail"),
    (Channel::Push, "Push"),
    (Channel::Webhook, "Webhook"),
];

/// `GET /me/notifications`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(arrival): Query<Arrival>,
) -> Result<Html<String>, Error> {
    let own = access::own_account(&context, &caller)?;
    let failed = |error| Error::internal("look up what somebody is told", error);
    let preferences = context.state().preferences(own).await.map_err(failed)?;
    let verified = context.state().reachable(own).await.map_err(failed)?;
    let (now, ways) = (context.now(), context.ways());
    let said = SAID.iter().find(|(done, ..)| *done == arrival.done);
    html(&Page {
        shell: Shell::new(&caller, now, None, PATH),
        said: said.map(|(_, state, words)| Said { state, words }),
        columns: COLUMNS.iter().map(|(by, word)| Column { word, open: verified.has(*by) }).collect(),
        rows: rows(&preferences, verified),
        chosen: chosen(&preferences),
        reminders: reminders(preferences.reminders),
        reach: reach(&context, &caller, own, now).await?,
        ways,
    })
}

/// Name in the form, state of its colour, words, what it means.
const SEVERITIES: [(&str, &str, &str, &str); 3] = [
    ("critical", "alarm", "Needs somebody now", "Runs on battery, has an alarm, stops reporting"),
    ("warning", "warn", "Has a warning", "High temperature, load change, a test missed"),
    (
        "info",
        "off",
        "Has news",
        "Without a tick it is in the list of alarms, and in the daily letter if that is on",
    ),
];

fn rows(preferences: &Preferences, verified: Channels) -> Vec<Row> {
    let of = [preferences.critical, preferences.warning, preferences.info];
    type Words = (&'static str, &'static str, &'static str, &'static str);
    let row = |((name, state, word, means), chosen): (&Words, Channels)| Row {
        name,
        state,
        word,
        means,
        cells: COLUMNS
            .iter()
            .map(|(channel, word)| Cell {
                channel: channel.name(),
                word,
                open: verified.has(*channel),
                ticked: chosen.has(*channel) && verified.has(*channel),
            })
            .collect(),
    };
    SEVERITIES.iter().zip(of).map(row).collect()
}

fn chosen(preferences: &Preferences) -> Chosen {
    let (from, to) = preferences.quiet.map_or(NIGHT, QuietHours::minutes);
    let offered = |chosen: u16| {
        // One that was set by another program may lie between the steps.
        let mut minutes: Vec<u16> = (0..24 * 60).step_by(STEP.into()).chain([chosen]).collect();
        minutes.sort_unstable();
        minutes.dedup();
        minutes.into_iter().map(|minute| (minute, clock(minute), minute == chosen)).collect()
    };
    Chosen {
        over: preferences.over,
        weekly: !preferences.without_weekly,
        daily: preferences.daily,
        monthly: !preferences.without_monthly,
        quiet: preferences.quiet.is_some(),
        quiet_critical: preferences.quiet_for_critical,
        from: offered(from),
        to: offered(to),
    }
}

/// `10:30 PM`, without a break.
fn clock(minute: u16) -> String {
    let (hour, minute) = (minute / 60, minute % 60);
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{hour}:{minute:02}\u{a0}{half}")
}

fn reminders(chosen: Reminders) -> Vec<(u8, &'static str, bool)> {
    let hours = match chosen {
        Reminders::Never => 0,
        Reminders::Every { hours } => hours.max(1),
    };
    REMINDERS.iter().map(|(offered, words)| (*offered, *words, *offered == hours)).collect()
}

async fn reach(context: &Context, caller: &Caller, own: AccountKey, now: UtcMs) -> Result<Vec<Reach>, Error> {
    let failed = |error| Error::internal("list the ways to a person", error);
    let state = context.state();
    let tests =
        state.receipts_of_kinds(own, &TRIES.map(|(kind, _)| kind), MOST_RECEIPTS).await.map_err(failed)?;
    let tested = |channel, to: &str| {
        let of_way = |receipt: &&Receipt| receipt.channel == channel && receipt.to == to;
        tests.iter().find(of_way).map(|receipt| Line::of(receipt, now))
    };
    let email = caller.account.email.as_str();
    let mut reach = vec![Reach {
        icon: "mail",
        name: email.to_owned(),
        standing: "Confirmed".to_owned(),
        state: None,
        channel: Channel::Email.name(),
        to: email.to_owned(),
        open: true,
        test: tested(Channel::Email, email),
        remove: None,
        more: Some(("/me/address".to_owned(), "Change", false)),
    }];
    for phone in state.phones(own).await.map_err(failed)? {
        let number = phone.number.as_str();
        let (open, page) = (phone.verified_at.is_some(), format!("{PATH}/phones/{}", phone.public_id));
        reach.push(Reach {
            icon: "phone",
            name: number.to_owned(),
            standing: if open { "Confirmed" } else { "Waits for its code" }.to_owned(),
            state: (!open).then_some("warn"),
            channel: Channel::Text.name(),
            to: number.to_owned(),
            open,
            test: tested(Channel::Text, number),
            remove: Some(format!("{page}/remove")),
            more: (!open).then_some((page, "Type the code", false)),
        });
    }
    for device in state.push_devices(own).await.map_err(failed)? {
        let open = device.verified_at.is_some();
        reach.push(Reach {
            icon: "bell",
            standing: if open { "Confirmed, messages arrive" } else { "Waits for its first message" }
                .to_owned(),
            state: (!open).then_some("warn"),
            channel: Channel::Push.name(),
            open,
            test: tested(Channel::Push, &device.public_id),
            remove: Some(format!("{PATH}/push/{}/remove", device.public_id)),
            more: None,
            name: device.name,
            to: device.public_id,
        });
    }
    for webhook in state.webhooks(own).await.map_err(failed)? {
        let (state, standing) = stands(&webhook);
        let page = format!("{PATH}/webhooks/{}", webhook.public_id);
        reach.push(Reach {
            icon: "share",
            standing: standing.to_owned(),
            state,
            channel: Channel::Webhook.name(),
            open: webhook.is_on(),
            test: tested(Channel::Webhook, &webhook.public_id),
            remove: Some(format!("{page}/remove")),
            more: (!webhook.is_on()).then(|| (format!("{page}/challenge"), "Challenge again", true)),
            name: webhook.url,
            to: webhook.public_id,
        });
    }
    Ok(reach)
}

fn stands(webhook: &Webhook) -> (Option<&'static str>, &'static str) {
    match webhook {
        Webhook { disabled_at: Some(_), .. } => (Some("alarm"), "Switched off: it failed for three days"),
        Webhook { verified_at: None, .. } => (Some("warn"), "Waits for the answer to its challenge"),
        Webhook { failing_since: Some(_), .. } => (Some("warn"), "Confirmed, fails now"),
        Webhook { .. } => (None, "Confirmed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_has_twelve_hours() {
        let check = |minute, expect: &str| assert_eq!(clock(minute).replace('\u{a0}', " "), expect);
        check(0, "12:00 AM");
        check(7 * 60, "7:00 AM");
        check(12 * 60 + 30, "12:30 PM");
        check(22 * 60, "10:00 PM");
    }

    #[test]
    fn what_is_not_verified_cannot_be_ticked() {
        let rows = rows(&Preferences::default(), Channels::of(&[Channel::Email]));
        let critical: Vec<_> = rows[0].cells.iter().map(|cell| (cell.word, cell.open, cell.ticked)).collect();
        let expect = [
            ("Text", false, false),
            ("E-mail", true, true),
            ("Push", false, false),
            ("Webhook", false, false),
        ];
        assert_eq!(critical, expect);
    }

    #[test]
    fn hours_between_the_steps_are_offered_too() {
        let quiet = QuietHours::new(22 * 60 + 5, 7 * 60);
        let chosen = chosen(&Preferences { quiet, ..Preferences::default() });
        let from: Vec<_> =
            chosen.from.iter().filter(|(.., chosen)| *chosen).map(|(minute, ..)| *minute).collect();
        assert_eq!((from, chosen.from.len(), chosen.to.len()), (vec![1_325], 49, 48));
    }
}
