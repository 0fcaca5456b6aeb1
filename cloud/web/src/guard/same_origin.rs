//! Requests that change something must come from our own pages.
//!
//! In: a request with an unsafe method. Out: the same unless a browser says that another site made it, else 403.
//! Every browser since 2020 sends Origin with such requests, and most send Sec-Fetch-Site; a request with neither is
//! no browser's and carries no one's cookie unawares.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};

use super::asked;
use crate::Context;
use crate::error::Error;
use crate::paced::Kind;

/// Middleware: 403 for an unsafe method from elsewhere.
pub async fn require(State(context): State<Context>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || from_us(request.headers(), context.origin()) {
        return next.run(request).await;
    }
    if let Some(left_out) = context.paced().turn(Kind::OtherSite, Instant::now()) {
        let (route, source) = asked(&request);
        tracing::warn!(route, %source, left_out, "a request that another site made was refused");
    }
    Error::OtherSite.into_response()
}

fn from_us(headers: &HeaderMap, origin: &str) -> bool {
    let said =
        |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap_or("?")).collect::<Vec<_>>();
    let sites = said("sec-fetch-site");
    let origins = said(header::ORIGIN.as_str());
    sites.iter().all(|site| matches!(*site, "same-origin" | "none"))
        && origins.iter().all(|from| from.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)], expect: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, http::HeaderValue::from_static(value));
        }
        assert_eq!(from_us(&headers, "https://example.org"), expect, "{pairs:?}");
    }

    /// ASVS 5.0: 3.5.1, 15.3.7.
    #[test]
    fn only_our_own_pages_and_no_browser_at_all_pass() {
        check(&[], true);
        check(&[("origin", "https://example.org")], true);
        check(&[("origin", "https://example.org"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "https://evil.example")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "http://example.org")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site"), ("origin", "https://example.org")], false);
        check(&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], false);
    }
}
