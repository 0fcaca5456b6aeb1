//! What a person or a program is told when a request cannot be answered.
//!
//! In: an [`Error`] from a handler, or a bare status from the router. Out: a page for people, `problem+json`
//! (RFC 9457) for programs, always with what to do and a reference, which the log has too. The inner message goes to the
//! log only, once, here.
//! Someone else's object and a missing one are the same words.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::ceilings::Ceiling;
use fleet::sharing::Refusal;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use store::state::StateError;

use crate::caller::Known;
use crate::paced::{Kind, Paced};
use crate::{Context, pages, random};

/// Why a request cannot be answered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in: the sign-in page, or 401.
    #[error("nobody is signed in")]
    SignIn,
    /// Not there, or somebody else's.
    #[error("not there, or not this account's")]
    NotFound,
    /// May see it, not do this to it.
    #[error("not allowed")]
    Forbidden,
    /// The proof of who one is, is too old for this: `/confirm`, or 403.
    #[error("a fresh proof of who one is, is needed")]
    Reauthenticate,
    /// Only accounts with a second factor may do this: the page where one is set up, or 403.
    #[error("a second factor is needed")]
    SecondFactor,
    /// It would take the last who can manage an inverter, or the last owner of an organization: 409.
    #[error("{0}")]
    Kept(Refusal),
    /// There are as many as there may be: 409.
    #[error("there are {} {} already", .0.most, .0.what)]
    TooMany(Ceiling),
    /// Another site made the request.
    #[error("the request came from another site")]
    OtherSite,
    /// The request is wrong; the text says what to write instead.
    #[error("{0}")]
    Request(String),
    /// The request's body is larger than any form here.
    #[error("the request is too large")]
    TooLarge,
    /// Ten pages of this account are open already.
    #[error("too many live pages")]
    TooManyStreams,
    /// More sign-ins, letters or exports at once than this server takes.
    #[error("too many at once")]
    Busy,
    /// Ours. The text is for the log.
    #[error("{0}")]
    Internal(String),
}

/// One line of the table of outer messages.
struct Outer {
    status: StatusCode,
    title: &'static str,
    what_to_do: &'static str,
}

impl Error {
    /// Wraps what a store or a template said.
    pub fn internal(what: &'static str, error: impl std::fmt::Display) -> Self {
        Self::Internal(format!("{what}: {error}"))
    }

    /// As [`Error::internal`], of what a store said that counts how many there are.
    pub(crate) fn of_store(what: &'static str, error: StateError) -> Self {
        match error {
            StateError::TooMany(ceiling) => Self::TooMany(ceiling),
            error => Self::internal(what, error),
        }
    }

    fn outer(&self) -> Outer {
        let (status, title, what_to_do) = match self {
            Self::SignIn => (
                StatusCode::UNAUTHORIZED,
                "Sign in first",
                "Sign in, or send a token in the header: Authorization: Bearer TOKEN.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Nothing here",
                "Check the address. If somebody shared an inverter with you, ask whether they still do.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "View only",
                "You can see this inverter but not change this. Ask someone who can manage it.",
            ),
            Self::Reauthenticate => (
                StatusCode::FORBIDDEN,
                "Confirm that it is you",
                "Nothing was changed. This needs a sign-in within the last 15 minutes: confirm it at /confirm.",
            ),
            Self::SecondFactor => (
                StatusCode::FORBIDDEN,
                "This needs a second factor",
                "Nothing was changed. Add an authenticator app or a passkey under Account, Security.",
            ),
            Self::Kept(Refusal::LastManager) => (
                StatusCode::CONFLICT,
                "Somebody has to stay",
                "Nothing was changed. Nobody else can manage this inverter for good. Give somebody else “Can manage” \
                 without a last day first.",
            ),
            Self::Kept(Refusal::LastOwner) => (
                StatusCode::CONFLICT,
                "An owner has to stay",
                "Nothing was changed. The organization has no other owner. Make another member an owner first.",
            ),
            Self::TooMany(_) => (
                StatusCode::CONFLICT,
                "That is as many as there may be",
                "Remove one that is no longer used.",
            ),
            Self::OtherSite => (
                StatusCode::FORBIDDEN,
                "This came from another site",
                "Nothing was changed. Open the page here and try again.",
            ),
            Self::Request(_) => (StatusCode::BAD_REQUEST, "This request is not understood", ""),
            Self::TooLarge => return unnamed(StatusCode::PAYLOAD_TOO_LARGE),
            Self::TooManyStreams => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many live pages",
                "Ten pages of this account are open already. Close one.",
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Many ask at once",
                "Nothing was changed. Wait a few seconds and try again. The inverters are watched all the same.",
            ),
            Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something failed on our side",
                "The inverters are not affected. Try again; if it stays, tell us the reference.",
            ),
        };
        Outer { status, title, what_to_do }
    }
}

impl IntoResponse for Error {
    /// The bare status; the middleware of this room gives it its face.
    fn into_response(self) -> Response {
        let mut response = self.outer().status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What was asked, for the log and for going elsewhere.
struct Asked {
    path: String,
    /// As the log may have it.
    logged: String,
    /// Its pattern: an address of a mailed link holds its secret, one that is no route of ours anything.
    route: String,
    method: &'static str,
    /// Where a page that asks for more leads back to.
    back: String,
    /// The page itself was asked for.
    navigates: bool,
    caller: Known,
}

impl Asked {
    /// Whoever is found to ask is noted in the request's extensions.
    fn of(request: &mut Request, origin: &str) -> Self {
        let path = request.uri().path().to_owned();
        let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let logged = matched.filter(|matched| matched.contains("{token}")).unwrap_or(&path).to_owned();
        let route = matched.unwrap_or("none").to_owned();
        let navigates = request.method().is_safe();
        let back = if navigates {
            request.uri().path_and_query().map_or_else(|| path.clone(), ToString::to_string)
        } else {
            pages::confirm::came_from(request.headers(), origin)
        };
        let method = METHODS.iter().find(|known| **known == request.method().as_str());
        let caller = Known::default();
        request.extensions_mut().insert(caller.clone());
        Self { path, logged, route, method: method.copied().unwrap_or("another"), back, navigates, caller }
    }

    /// A program's: it is told in `problem+json`.
    fn program(&self) -> bool {
        self.path.starts_with("/api/")
    }

    fn live(&self) -> bool {
        self.path.starts_with("/live/")
    }

    /// The page that gives what `error` asks for.
    fn elsewhere(&self, error: Option<&Error>) -> Option<String> {
        match error {
            _ if self.program() || self.live() => None,
            Some(Error::SignIn) if self.navigates => Some(pages::sign_in::address_with_return(&self.back)),
            Some(Error::Reauthenticate) => Some(pages::confirm::address_with_return(&self.back)),
            Some(Error::SecondFactor) => Some("/me/security?why=needed".to_owned()),
            _ => None,
        }
    }

    /// Once for each reference that somebody is shown, with numbers and words of ours: nothing that was typed. Of refusals so many a
    /// second, as anybody can ask for what is not there.
    fn note(&self, paced: &Paced, error: Option<&Error>, outer: &Outer, reference: &str) {
        let account = self.caller.account().map(|account| account.0);
        let Self { logged: path, route, method, .. } = self;
        let (status, title) = (outer.status.as_u16(), outer.title);
        if let Some(Error::Internal(inner)) = error {
            tracing::error!(reference, status, method, path, account, "{inner}");
        } else if outer.status.is_server_error() {
            tracing::warn!(reference, status, method, route, account, "not answered: {title}");
        } else {
            let kind = if account.is_some() { Kind::Refused } else { Kind::Stranger };
            if let Some(left_out) = paced.turn(kind, Instant::now()) {
                let left_out = (left_out > 0).then_some(left_out);
                tracing::info!(reference, status, method, route, account, left_out, "refused: {title}");
            }
        }
    }
}

/// Methods that the log knows; others are whatever somebody made up.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Middleware, outermost but one: gives every refusal a page or a problem document.
pub async fn present(State(context): State<Context>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&mut request, context.origin());
    let response = next.run(request).await;
    let error = response.extensions().get::<Error>().cloned();
    let made_elsewhere = response.headers().contains_key(header::CONTENT_TYPE) && error.is_none();
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    // Plain words of an extractor's or a layer's refusal are kept as the detail for programs.
    if made_elsewhere && !asked.program() {
        return response;
    }
    if let Some(elsewhere) = asked.elsewhere(error.as_ref()) {
        return Redirect::to(&elsewhere).into_response();
    }
    let reference = random::reference();
    let outer = error.as_ref().map_or_else(|| unnamed(status), Error::outer);
    asked.note(context.paced(), error.as_ref(), &outer, &reference);
    let detail = match &error {
        Some(Error::Request(what)) => what.clone(),
        Some(Error::TooMany(Ceiling { what, most })) => {
            format!("Nothing was changed. There are {most} {what} already. {}", outer.what_to_do)
        }
        _ => outer.what_to_do.to_owned(),
    };
    let mut shown = if asked.program() {
        problem(&outer, &detail, &reference)
    } else if asked.live() {
        (outer.status, format!("{}. {detail}\n", outer.title)).into_response()
    } else {
        match pages::failure::render(&context, outer.status, outer.title, &detail, &reference) {
            Ok(page) => (outer.status, Html(page)).into_response(),
            Err(error) => {
                tracing::error!(reference, route = asked.route, "the error page did not render: {error}");
                (outer.status, format!("{}. {detail} Reference {reference}.\n", outer.title)).into_response()
            }
        }
    };
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            shown.headers_mut().insert(name, value.clone());
        }
    }
    if matches!(error, Some(Error::Busy | Error::TooManyStreams)) {
        shown.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    shown
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    reference: &'a str,
}

fn problem(outer: &Outer, detail: &str, reference: &str) -> Response {
    let body = Problem {
        r#type: "about:blank",
        title: outer.title,
        status: outer.status.as_u16(),
        detail,
        reference,
    };
    let text = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = (outer.status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if outer.status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A status that the router or a layer made.
fn unnamed(status: StatusCode) -> Outer {
    let (title, what_to_do) = match status {
        StatusCode::NOT_FOUND => {
            ("Nothing here", "Check the address. The API is described at /api/openapi.json.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            ("Not done this way", "The Allow header lists the methods of this address.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("Too much at once", "Send less; no form here is larger than 16 KiB.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("Not a form", "Send application/x-www-form-urlencoded."),
        _ if status.is_client_error() => {
            ("This request is not understood", "Check the address and its parameters.")
        }
        _ => ("Something failed on our side", "Try again; if it stays, tell us the reference."),
    };
    Outer { status, title, what_to_do }
}
