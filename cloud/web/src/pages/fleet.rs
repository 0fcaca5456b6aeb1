//! `GET /fleet`: is everything ready?
//!
//! In: a caller, a filter from the address. Out: the page. Strips of the last 24 hours are drawn here, off the async
//! threads, and kept.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::Role;

use super::notice::After;
use super::shell::Shell;
use super::{html, shares};
use crate::caller::Caller;
use crate::names::Names;
use crate::view::answer::Answer;
use crate::view::fleet::{Filter, Known};
use crate::view::list::{List, PAGE, SPLIT, arranged};
use crate::view::maintenance;
use crate::{Context, Error, access};

/// Orders of the list: value, words.
pub const ORDERS: [(&str, &str); 3] =
    [("", "Attention first"), ("name", "By name"), ("hold", "Shortest hold")];

#[derive(Template)]
#[template(path = "fleet.html")]
struct Page {
    shell: Shell,
    answer: Answer,
    filter: Filter,
    sites: Vec<SiteChoice>,
    list: List,
    said: Option<&'static str>,
    /// Offers and invitations without an answer.
    waiting: usize,
    /// An inverter at the site that is shown alone, by which maintenance of all there is planned.
    maintain: Option<String>,
}

/// One choice of the site menu.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SiteChoice {
    name: String,
    id: String,
}

/// `GET /fleet`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(filter): Query<Filter>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let filter = filter.cleaned();
    let now = context.now();
    let rows = access::fleet(&context, &caller).await?;
    let mut all: Vec<Known> = rows.into_iter().map(|row| Known::new(&context, row, now)).collect();
    maintenance::name(&context, &mut all, &mut Names::default()).await?;
    draw_strips(&context, &all, &filter).await?;
    let mut sites: Vec<SiteChoice> = all
        .iter()
        .filter_map(|known| known.row.site.as_ref())
        .map(|site| SiteChoice { name: site.name.clone(), id: site.public_id.clone() })
        .collect();
    sites.sort();
    sites.dedup();
    let failed = |error| Error::internal("list invitations", error);
    let invited = context.state().invitations_to(&caller.account.email, now).await.map_err(failed)?;
    let waiting = shares::waiting(&context, &caller).await?.len() + invited.len();
    let at_site = |known: &&Known| {
        !filter.site.is_empty() && known.row.role == Role::ReadWrite && known.matches(&filter)
    };
    let maintain = all.iter().find(at_site).map(|known| known.row.inverter.public_id.clone());
    let stream = Some(format!("/live/fleet{}", filter.query()));
    html(&Page {
        shell: Shell::new(&caller, now, stream, "/fleet"),
        answer: Answer::new(&all, &filter),
        list: List::new(&all, &filter, |known| context.strips().known(known.row.inverter.key), now),
        filter,
        sites,
        said: after.said(),
        waiting,
        maintain,
    })
}

async fn draw_strips(context: &Context, all: &[Known], filter: &Filter) -> Result<(), Error> {
    let shown = arranged(all, filter);
    let first = if shown.len() > SPLIT { filter.page.saturating_sub(1).saturating_mul(PAGE) } else { 0 };
    let keys: Vec<_> =
        shown.iter().skip(first).take(SPLIT).map(|(_, known)| known.row.inverter.key).collect();
    let (drawing, now) = (context.clone(), context.now());
    let drawn =
        tokio::task::spawn_blocking(move || drawing.strips().draw(drawing.history(), &keys, now)).await;
    match drawn {
        Ok(Ok(())) => {}
        // The list is worth showing without its strips.
        Ok(Err(error)) => tracing::error!("strips of the last 24 hours were not drawn: {error}"),
        Err(error) => return Err(Error::internal("draw strips", error)),
    }
    Ok(())
}
