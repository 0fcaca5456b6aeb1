//! Scripts, styles and the icon, embedded with hashed names and precompressed.
//!
//! In: a request for `/assets/{file}` and its `Accept-Encoding`. Out: the bytes, cacheable for ever, as a changed file
//! has a changed name. Never reads a disk; `build.rs` made the table.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

include!(concat!(env!("OUT_DIR"), "/assets/table.rs"));

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// Name in the templates, for example `app.css`.
    pub name: &'static str,
    /// Name in the address, with the hash of the content.
    pub file: &'static str,
    /// MIME type.
    pub content_type: &'static str,
    /// The bytes.
    pub plain: &'static [u8],
    /// The bytes, gzip.
    pub gzip: &'static [u8],
    /// The bytes, brotli.
    pub brotli: &'static [u8],
}

/// Hashed files never change under their name.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The address of an asset by its plain name; a name that is not there is a mistake in a template, found by a test.
#[must_use]
pub fn address(name: &str) -> String {
    format!("/assets/{}", ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.file))
}

/// `GET /assets/{file}`
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.file == file) else {
        return (StatusCode::NOT_FOUND, "no such file; reload the page").into_response();
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (bytes, encoding) = if accepts(accepted, "br") {
        (asset.brotli, Some("br"))
    } else if accepts(accepted, "gzip") {
        (asset.gzip, Some("gzip"))
    } else {
        (asset.plain, None)
    };
    let mut response = bytes.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    out.insert(header::CACHE_CONTROL, IMMUTABLE);
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// What a browser may make a window of its own of.
const MANIFEST: &str = r##"{"name":"Inverter Connect","short_name":"Inverters","description":"Watches emergency-power inverters","id":"/","start_url":"/fleet","scope":"/","display":"standalone","background_color":"#F5F6F8","theme_color":"#10151D","icons":[{"src":"ICON","sizes":"any","type":"image/svg+xml","purpose":"any"}]}"##;
/// Asked for again each time: what it names has a hash in its name.
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// A browser compares the worker each time, byte for byte.
const ALWAYS: HeaderValue = HeaderValue::from_static("no-cache");

/// `GET /manifest.webmanifest`
pub(crate) async fn manifest() -> Response {
    let mut response = MANIFEST.replace("ICON", &address("icon.svg")).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/manifest+json"));
    out.insert(header::CACHE_CONTROL, SHORT);
    response
}

/// `GET /service-worker.js`: at the root, as a worker answers for what is below its own address.
pub(crate) async fn worker() -> Response {
    let bytes = ASSETS.iter().find(|asset| asset.name == "worker.js").map_or(&[][..], |asset| asset.plain);
    let mut response = bytes.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    out.insert(header::CACHE_CONTROL, ALWAYS);
    response
}

/// Whether an `Accept-Encoding` list names `coding` without refusing it by `q=0`.
fn accepts(list: &str, coding: &str) -> bool {
    list.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_templates_use_is_there_and_not_empty() {
        for name in ["app.css", "app.js", "chart.js", "worker.js", "icon.svg"] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            assert!(!asset.plain.is_empty(), "{name}");
            assert!(address(name).len() > "/assets/".len() + name.len());
        }
    }

    #[test]
    fn encodings_are_taken_only_when_accepted() {
        assert!(accepts("gzip, deflate, br;q=1.0", "br"));
        assert!(!accepts("gzip, br;q=0", "br"));
        assert!(!accepts("", "gzip"));
        assert!(accepts("GZIP", "gzip"));
    }
}
