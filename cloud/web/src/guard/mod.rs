//! What every request passes before a handler sees it, and every response before it leaves.
//!
//! In: requests as they came. Out: only those for our name, from our own pages where they change something; responses
//! with the security headers; a page with a reference where a handler failed. Never decides who may see what.

pub mod headers;
pub mod host;
pub mod panic;
pub mod same_origin;

use axum::extract::{MatchedPath, Request};

use crate::caller;
use crate::sign_in::delay::Source;

/// The pattern of what was asked for, and from where: what the log may have of a request.
fn asked(request: &Request) -> (&str, Source) {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    (route, Source::from(caller::address(request.extensions())))
}
