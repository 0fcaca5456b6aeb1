//! The page for what cannot be answered.
//!
//! In: title, what to do, reference. Out: HTML. Tells nothing of what is inside.

use askama::Template;
use http::StatusCode;

use crate::Context;

#[derive(Template)]
#[template(path = "failure.html")]
struct Page<'a> {
    title: &'a str,
    detail: &'a str,
    status: u16,
    reference: &'a str,
}

/// Prints the page.
pub fn render(
    _: &Context,
    status: StatusCode,
    title: &str,
    detail: &str,
    reference: &str,
) -> Result<String, askama::Error> {
    Page { title, detail, status: status.as_u16(), reference }.render()
}
