//! Only our own name is answered.
//!
//! In: a request. Out: the same if its Host (HTTP/1.1) or `:authority` (HTTP/2) is the configured origin's, else 421.
//! So that no link, redirect or cookie is ever made from a name that somebody else sent.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::Context;
use crate::paced::Kind;

/// Middleware: 421 for an unknown or missing Host.
pub async fn pin(State(context): State<Context>, request: Request, next: Next) -> Response {
    let asked = request.uri().authority().map(|authority| authority.as_str()).or_else(|| {
        let mut values = request.headers().get_all(header::HOST).iter();
        let first = values.next()?;
        // Two Host headers are a smuggler's, RFC 9112 section 3.2.
        if values.next().is_some() { None } else { first.to_str().ok() }
    });
    if asked.is_some_and(|asked| same_authority(asked, context.authority())) {
        return next.run(request).await;
    }
    if let Some(left_out) = context.paced().turn(Kind::Host, Instant::now()) {
        let (route, source) = super::asked(&request);
        tracing::warn!(route, %source, left_out, "a request for another name than ours was refused");
    }
    let words = format!("This server answers at {} only. Check the address.\n", context.origin());
    (StatusCode::MISDIRECTED_REQUEST, words).into_response()
}

/// Case-insensitive; `:443` is the same as no port.
fn same_authority(asked: &str, ours: &str) -> bool {
    let plain = |text: &str| text.strip_suffix(":443").unwrap_or(text).to_ascii_lowercase();
    plain(asked) == plain(ours)
}

#[cfg(test)]
mod tests {
    use super::same_authority;

    #[test]
    fn the_default_port_may_be_left_out_and_nothing_else() {
        assert!(same_authority("Example.org", "example.org:443"));
        assert!(same_authority("localhost:8443", "localhost:8443"));
        assert!(!same_authority("localhost", "localhost:8443"));
        assert!(!same_authority("user@example.org", "example.org"));
        assert!(!same_authority("example.org.", "example.org"));
        assert!(!same_authority("", "example.org"));
    }
}
