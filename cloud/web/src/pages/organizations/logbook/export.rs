//! `POST /organizations/{organization}/logbook/export`: the whole logbook as one file that anybody can check.
//!
//! In: an owner's word. Out: NDJSON: the opening line, what went before, every entry as it was signed, the closing line; made while it is
//! read. A file that could not be finished ends as a broken transfer, and has no closing line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fleet::Action;
use fleet::audit::Verb;
use fleet::logbook::{Closing, Opening, seal};
use http::{HeaderValue, header};
use store::state::{Logbook, Organization};
use tokio::sync::mpsc;

use super::super::super::people::failed;
use super::kept;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// Entries that are read at a time.
const AT_ONCE: u64 = 500;
/// Parts that wait for a slow reader.
const WAITING: usize = 4;
/// A reader that takes nothing for this long is given up.
const STALLED: Duration = Duration::from_secs(30);

/// `POST /organizations/{organization}/logbook/export`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
) -> Result<Response, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Logbook).await?;
    fresh::require(&context, &caller)?;
    let book = kept(&context, &own).await?;
    let permit = Arc::clone(context.exports()).try_acquire_owned().map_err(|_| Error::Busy)?;
    let (opening, closing) = around(&context, &own, &book)?;
    let act = act::of(&context, &caller, Verb::LogbookExport)?.in_organization(own.key);
    let act = act.with_detail(format!("up to entry {}", book.place.last));
    context.state().record_act(&act).await.map_err(failed("export a logbook"))?;
    let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(WAITING);
    let name = format!("attachment; filename=\"logbook-{}.ndjson\"", own.public_id);
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(error) = write(&context, &book, opening, closing, &sender).await {
            tracing::error!("an exported logbook was not finished: {error}");
            // Whoever is gone does not hear it.
            let _ = sender.send(Err(io::Error::other("the logbook could not be read to the end"))).await;
        }
    });
    // Compression asks once more after the end: the channel says again that it is over, where other streams panic.
    let stream = futures_util::stream::poll_fn(move |task| receiver.poll_recv(task));
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// The first line and the last one.
fn around(context: &Context, own: &Organization, book: &Logbook) -> Result<(String, String), Error> {
    let (signer, made_at) = (context.signer()?, context.now());
    let place = &book.place;
    let opening = Opening {
        book: place.book.clone(),
        organization: own.name.clone(),
        begun_at: book.begun_at,
        years: book.years,
        made_at,
    };
    let closing = Closing { book: place.book.clone(), last: place.last, hash: place.hash, made_at };
    let failed = |error| Error::internal("sign a logbook", error);
    Ok((seal(&opening, signer).map_err(failed)?, seal(&closing, signer).map_err(failed)?))
}

async fn write(
    context: &Context,
    book: &Logbook,
    opening: String,
    closing: String,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), String> {
    let put = async |text: String| {
        let sent = tokio::time::timeout(STALLED, sender.send(Ok(Bytes::from(text)))).await;
        matches!(sent, Ok(Ok(())))
    };
    let mut text = opening + "\n";
    if let Some(checkpoint) = &book.checkpoint {
        text.push_str(checkpoint);
        text.push('\n');
    }
    let mut after = book.gone;
    while after < book.place.last {
        let rows = context.state().logbook_entries(book.key, after, book.place.last, AT_ONCE).await;
        let rows = rows.map_err(|error| error.to_string())?;
        // Years that end while the file is made would leave a gap in it.
        if rows.first().is_none_or(|row| row.number != after + 1) {
            return Err("entries went meanwhile".to_owned());
        }
        for row in rows {
            text.push_str(&row.line);
            text.push('\n');
            after = row.number;
        }
        if !put(std::mem::take(&mut text)).await {
            return Ok(());
        }
    }
    put(text + &closing + "\n").await;
    Ok(())
}
