//! `GET /live/pair/{attempt}`: tells the waiting page to turn.
//!
//! In: news that something was written. Out: one event `go`, when the attempt has ended, with the page that says how.

use std::collections::HashSet;

use axum::extract::{Path, State};
use axum::response::Response;
use fleet::InverterKey;
use store::state::Pairing;
use wire::UtcMs;

use super::events::{self, Events};
use super::watch::{self, End, Part};
use crate::caller::Caller;
use crate::pages::pair;
use crate::{Context, Error};

/// `GET /live/pair/{attempt}`
pub async fn stream(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let attempt = pair::own(&context, &caller, &id).await?;
    let hash = caller.session.ok_or(Error::SignIn)?;
    let place = context.hub().place(caller.account.key)?;
    let (events, response) = events::channel();
    tokio::spawn(watch::run(context, caller, hash, events, place, Page { attempt }));
    Ok(response)
}

struct Page {
    attempt: Pairing,
}

impl Part for Page {
    async fn load(&mut self, context: &Context, caller: &Caller, _: u64) -> Result<(), Error> {
        self.attempt = pair::own(context, caller, &self.attempt.public_id).await?;
        Ok(())
    }

    async fn all(&mut self, _: &Context, events: &Events) -> Result<(), End> {
        if self.attempt.ended.is_some() {
            events.send("go", &pair::address(&self.attempt)).await?;
        }
        Ok(())
    }

    /// Readings say nothing here: what a serial number is worth is told by its button alone.
    async fn some(&mut self, _: &Context, _: &Events, _: &HashSet<InverterKey>) -> Result<(), End> {
        Ok(())
    }

    /// An attempt rests on no grant.
    fn until(&self) -> Option<UtcMs> {
        None
    }

    fn is_due(&self, _: &Context) -> bool {
        false
    }
}
