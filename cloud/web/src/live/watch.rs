//! The loop that every stream runs: wait for news, check that it may still speak, let the page's part say something.
//!
//! In: news, the clock. Out: events. Ends with `signed-out` when the session does, silently when the page is gone.

use std::collections::HashSet;
use std::time::Duration;

use fleet::InverterKey;
use tokio::sync::broadcast::error::RecvError;
use wire::UtcMs;

use super::events::{COMMENT, Events, Gone};
use super::hub::{News, Place};
use crate::caller::Caller;
use crate::sign_in::secret::SecretHash;
use crate::sign_in::session;
use crate::{Context, Error};

/// States change by time alone (live, late, offline): looked at this often.
const TICK: Duration = Duration::from_secs(5);

/// A grant that ends by its date ends the stream this soon after.
const ENDING: Duration = Duration::from_millis(500);

/// Why a stream ends.
#[derive(Debug)]
pub enum End {
    /// The page is gone.
    Gone,
    /// The session ended, the account was disabled, or the inverter is no longer the caller's.
    SignedOut,
    /// Ours.
    Failed(Error),
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::SignIn | Error::NotFound | Error::Forbidden | Error::SecondFactor => Self::SignedOut,
            other => Self::Failed(other),
        }
    }
}

/// What a kind of page says.
pub trait Part: Send + 'static {
    /// Reads the caller's rows again: at the start and whenever grants may have changed.
    fn load(
        &mut self,
        context: &Context,
        caller: &Caller,
        generation: u64,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Says everything.
    fn all(&mut self, context: &Context, events: &Events) -> impl Future<Output = Result<(), End>> + Send;

    /// Says what changed with these inverters.
    fn some(
        &mut self,
        context: &Context,
        events: &Events,
        changed: &HashSet<InverterKey>,
    ) -> impl Future<Output = Result<(), End>> + Send;

    /// When the first of the grants ends that its rows rest on: from then on they are read again before a word.
    fn until(&self) -> Option<UtcMs>;

    /// Whether something changed since it last spoke without any news, by time alone.
    fn is_due(&self, context: &Context) -> bool;
}

/// Runs a stream to its end.
pub async fn run(
    context: Context,
    caller: Caller,
    hash: SecretHash,
    events: Events,
    place: Place,
    part: impl Part,
) {
    let end = tokio::select! {
        end = speak(&context, &caller, hash, &events, part) => end,
        () = events.closed() => End::Gone,
    };
    match end {
        End::Gone => {}
        // The page may be gone already.
        End::SignedOut => drop(events.send("signed-out", "/sign-in?why=ended").await),
        End::Failed(error) => tracing::error!("a live stream ended: {error}"),
    }
    drop(place);
}

async fn speak(
    context: &Context,
    caller: &Caller,
    hash: SecretHash,
    events: &Events,
    mut part: impl Part,
) -> End {
    match go_on(context, caller, hash, events, &mut part).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

enum Never {}

async fn go_on(
    context: &Context,
    caller: &Caller,
    mut hash: SecretHash,
    events: &Events,
    part: &mut impl Part,
) -> Result<Never, End> {
    let mut news = context.hub().listen(context);
    let mut generation = counter(context).await?;
    let mut ends = session_ends(context, hash).await?;
    part.load(context, caller, generation).await?;
    events.send("now", &context.now().0.to_string()).await?;
    part.all(context, events).await?;
    let mut tick = tokio::time::interval(TICK);
    tick.reset();
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ending = tokio::time::interval(ENDING);
    ending.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut comment = tokio::time::interval(COMMENT);
    comment.reset();
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Ok(News::SessionEnded(ended)) if ended == hash => return Err(End::SignedOut),
                Ok(News::SessionRenewed(old, new)) if old == hash => {
                    hash = new;
                    ends = session_ends(context, hash).await?;
                }
                Ok(News::SessionEnded(_) | News::SessionRenewed(..)) => {}
                Ok(News::Changed { inverters, all, generation: seen }) => {
                    if seen != generation || over(context, part) {
                        generation = seen;
                        ends = session_ends(context, hash).await?;
                        part.load(context, caller, generation).await?;
                        part.all(context, events).await?;
                    } else if all {
                        part.all(context, events).await?;
                    } else {
                        part.some(context, events, &inverters).await?;
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    generation = counter(context).await?;
                    part.load(context, caller, generation).await?;
                    part.all(context, events).await?;
                }
                Err(RecvError::Closed) => return Err(End::Gone),
            },
            _ = ending.tick(), if part.until().is_some() => {
                if over(context, part) {
                    part.load(context, caller, generation).await?;
                    part.all(context, events).await?;
                }
            }
            _ = tick.tick() => {
                if context.now() >= ends {
                    ends = session_ends(context, hash).await?;
                }
                if part.is_due(context) {
                    // No news came with a fresh counter, so it is asked here: nothing is said on old grants.
                    let seen = counter(context).await?;
                    if seen != generation || over(context, part) {
                        generation = seen;
                        part.load(context, caller, generation).await?;
                    }
                    part.all(context, events).await?;
                }
            }
            _ = comment.tick() => {
                // Another process may have ended the session.
                ends = session_ends(context, hash).await?;
                events.comment().await?;
            }
        }
    }
}

/// Whether a grant has ended by its date since the rows were read.
fn over(context: &Context, part: &impl Part) -> bool {
    part.until().is_some_and(|until| context.now() >= until)
}

async fn session_ends(context: &Context, hash: SecretHash) -> Result<UtcMs, Error> {
    let found = session::look(context, &hash).await?.ok_or(Error::SignIn)?;
    Ok(found.session.life.ends())
}

async fn counter(context: &Context) -> Result<u64, Error> {
    context.state().change_counter().await.map_err(|error| Error::internal("read the change counter", error))
}
