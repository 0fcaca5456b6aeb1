//! `GET /organizations`: the reader's organizations.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;

use super::super::html;
use super::super::notice::After;
use super::super::shell::Shell;
use super::member_words;
use crate::caller::Caller;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "organizations.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    /// Code, name, role.
    rows: Vec<(String, String, &'static str)>,
}

/// `GET /organizations`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let own = access::organizations(&context, &caller).await?;
    let rows = own.into_iter().map(|(own, role)| (own.public_id, own.name, member_words(role)));
    let shell = Shell::new(&caller, context.now(), None, "/organizations");
    html(&Page { shell, said: after.said(), rows: rows.collect() })
}
