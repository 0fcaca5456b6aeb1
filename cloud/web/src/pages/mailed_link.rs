//! Links that were mailed: what is behind one, or the one page for all that do not count.
//!
//! In: a secret from an address. Out: the link, while it counts. Looking never uses it. One that is too old, used,
//! replaced, mistyped or made up is the same to who opens it.

use askama::Template;
use axum::response::{IntoResponse, Response};
use fleet::registration::Purpose;
use http::StatusCode;
use store::state::MailedLink;

use super::html;
use crate::sign_in::secret::{Secret, SecretHash};
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "link_over.html")]
struct Over {
    again: &'static str,
    words: &'static str,
}

/// The link of a secret with the secret's hash, while it counts.
pub(super) async fn look(
    context: &Context,
    purpose: Purpose,
    secret: &str,
) -> Result<Option<(SecretHash, MailedLink)>, Error> {
    let Some(hash) = Secret::parse(secret).map(|secret| secret.hash()) else { return Ok(None) };
    let link = context.state().mailed_link(purpose, &hash, context.now()).await;
    let link = link.map_err(|error| Error::internal("look up a link", error))?;
    Ok(link.map(|link| (hash, link)))
}

/// The page for a link that does not count: what to do.
pub(super) fn over(purpose: Purpose) -> Result<Response, Error> {
    let (again, words) = match purpose {
        Purpose::Register => ("/register", "Ask for a new link"),
        Purpose::Reset => ("/forgot", "Ask for a new link"),
        Purpose::Address => ("/me/address", "Ask for a new link"),
    };
    html(&Over { again, words }).map(|page| (StatusCode::NOT_FOUND, page).into_response())
}
