//! `/verify`: how anybody checks what was signed here, without us.
//!
//! In: nothing; no sign-in. Out: the public keys and their fingerprints, and recipes for openssl, sha256sum and Python, which a test runs as
//! they stand on the page. Says nothing of who keeps what.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet::logbook::PublicKey;
use http::{HeaderValue, header};

use super::html;
use crate::view::words::Local;
use crate::{Context, Error};

/// One line, by openssl and sha256sum.
const LINE: &str = include_str!("line.sh");
/// A report with its check beside it.
const REPORT: &str = include_str!("report.sh");
/// A whole file, by Python and openssl.
const WHOLE: &str = include_str!("check.py");

#[derive(Template)]
#[template(path = "published.html")]
struct Page {
    keys: Vec<Key>,
    line: &'static str,
    report: &'static str,
    whole: &'static str,
}

/// A key that signs, or did.
struct Key {
    fingerprint: String,
    since: String,
    signs: bool,
    pem: String,
}

/// `GET /verify`
pub async fn show(State(context): State<Context>) -> Result<Html<String>, Error> {
    let keys = context.state().logbook_keys().await;
    let keys = keys.map_err(|error| Error::internal("list keys", error))?;
    let (signs, local) =
        (context.signer().ok().map(|signer| signer.public()), Local::new("UTC", context.now()));
    let key = |(key, since): &(PublicKey, _)| Key {
        fingerprint: in_groups(&key.fingerprint().to_string()),
        since: local.day_and_year(*since),
        signs: Some(*key) == signs,
        pem: pem(*key),
    };
    let mut keys: Vec<Key> = keys.iter().map(key).collect();
    keys.sort_by_key(|key| !key.signs);
    html(&Page { keys, line: LINE, report: REPORT, whole: WHOLE })
}

/// `GET /verify/key.pem`: the key that signs now.
pub async fn key(State(context): State<Context>) -> Result<Response, Error> {
    Ok(file("application/x-pem-file", pem(context.signer()?.public())))
}

/// `GET /verify/check.py`
pub async fn script() -> Response {
    file("text/x-python; charset=utf-8", WHOLE.to_owned())
}

fn file(content_type: &'static str, text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn pem(key: PublicKey) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(key.der()))
}

/// In groups of eight, so that an eye can compare them.
fn in_groups(digits: &str) -> String {
    let groups: Vec<_> = digits.as_bytes().chunks(8).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}
