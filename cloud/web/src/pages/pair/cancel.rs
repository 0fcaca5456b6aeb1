//! `POST /pair/{attempt}/cancel`: waiting no longer.
//!
//! In: an attempt of the caller. Out: its page, once the inverter's owner has taken note (or a moment later: the page
//! turns by itself then, too).

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::Act;

use crate::caller::Caller;
use crate::{Context, Error};

/// How often, and how long apart, the attempt is looked at again.
const LOOKS: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// `POST /pair/{attempt}/cancel`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Error> {
    let attempt = super::own(&context, &caller, &id).await?;
    if attempt.ended.is_none() {
        context.act(context.now(), attempt.inverter, Act::Cancel { attempt: attempt.key }).await?;
        for _ in 0..LOOKS {
            if super::own(&context, &caller, &id).await?.ended.is_some() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Redirect::to(&super::address(&attempt)))
}
