//! An organization's logbook: asked for in plain words, looked at, taken along, given up.
//!
//! In: a member; for every change an owner who has just proved who they are. Out: a page, a file, and back to the page.

pub mod begin;
pub mod end;
pub mod export;
pub mod show;

use store::state::{Logbook, Organization};

use super::super::people::failed;
use crate::{Context, Error};

/// Years that are offered first.
const USUAL_YEARS: u32 = 5;

/// The organization's logbook.
///
/// # Errors
/// [`Error::NotFound`] where it keeps none.
async fn kept(context: &Context, own: &Organization) -> Result<Logbook, Error> {
    let book = context.state().logbook(own.key).await.map_err(failed("look up a logbook"))?;
    book.ok_or(Error::NotFound)
}
