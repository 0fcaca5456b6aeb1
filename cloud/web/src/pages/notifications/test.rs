//! `POST /me/notifications/test`: sends a test by one way, and waits a little for what comes of it.
//!
//! In: a channel and where it leads, one of the caller's own verified ways. Out: a row of the outbox like any other, sent
//! by the same hands; the page then shows its receipt.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use fleet::audit::Verb;
use fleet::notice::{Channel, Fate};
use serde::Deserialize;
use store::state::{NewNote, TEST, Way};
use wire::time::HOUR_MS;

use super::super::form;
use super::{back, key, own_act};
use crate::caller::Caller;
use crate::mail::{channels as letters, notes};
use crate::{Context, Error, access};

/// A test is worth sending for this long, milliseconds.
const WORTH_MS: i64 = 5 * 60_000;
/// Tests of one account within an hour.
const MOST_TESTS: u64 = 10;
/// How often and how long an answer is waited for, before the page says that it is on its way.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 30;
/// Receipts that are looked through.
const MOST_RECEIPTS: u64 = 20;

/// The form.
#[derive(Deserialize)]
struct Asked {
    channel: String,
    to: String,
}

/// `POST /me/notifications/test`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    let failed = |error| Error::internal("send a test", error);
    let Asked { channel, to } = form(request, "the fields channel and to").await?;
    let ways = context.state().ways(own).await.map_err(failed)?;
    let way = ways.into_iter().find(|way| way.channel.name() == channel && way.to == to);
    let way = way.ok_or(Error::NotFound)?;
    let (now, key) = (context.now(), key()?);
    let (subject, text, html) = words(&context, &caller, &way)?;
    let note = NewNote {
        key: &key,
        channel: way.channel,
        account: own,
        to: &way.to,
        kind: TEST,
        subject: &subject,
        text: &text,
        html: &html,
        queued_at: now,
        expires_at: now.plus_ms(WORTH_MS),
    };
    let act = own_act(&context, &caller, Verb::NotificationsTest, way.channel.name())?;
    let sent = context.state().queue_test(note, MOST_TESTS, now.plus_ms(-HOUR_MS), &act).await;
    if !sent.map_err(failed)? {
        return Ok(back("tests"));
    }
    for _ in 0..LOOKS {
        let receipts =
            context.state().receipts_of_kinds(own, &[TEST], MOST_RECEIPTS).await.map_err(failed)?;
        let receipt = receipts.into_iter().find(|receipt| receipt.key == key);
        if receipt.is_some_and(|receipt| receipt.fate() != Fate::Waiting || receipt.answer.is_some()) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(back("test"))
}

fn words(context: &Context, caller: &Caller, way: &Way) -> Result<(String, String, String), Error> {
    let origin = context.origin();
    Ok(match way.channel {
        Channel::Email => {
            let letter = letters::test(origin)?;
            (letter.subject, letter.text, letter.html)
        }
        Channel::Text => (String::new(), notes::text_test(caller.account.email.as_str()), String::new()),
        Channel::Push | Channel::Webhook => (String::new(), notes::note_test(origin), String::new()),
    })
}
