//! `admin device revoke`: no certificate of an inverter counts any more.
//!
//! In: its serial number. Out: rows; a running server closes its session within a second.

use anyhow::bail;
use fleet::audit::Verb;
use store::state::StateStore;
use wire::{Serial, UtcMs};

use super::act;

/// Revokes.
///
/// # Errors
/// There is no such inverter, or the store failed.
pub async fn run(serial: Serial, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let Some(inverter) = state.inverter_by_serial(serial).await? else {
        bail!("there is no inverter {serial}. See: inverter-connect admin device list --config FILE");
    };
    let revoked = state
        .revoke_certificates(inverter.key, now, &act::on_the_command_line(Verb::DeviceRevoke, now)?)
        .await?;
    println!(
        "{serial}: {revoked} certificate(s) revoked. A new one: inverter-connect admin device add {serial}"
    );
    Ok(())
}
