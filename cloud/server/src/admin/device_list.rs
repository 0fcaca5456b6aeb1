//! `admin device list`: inverters and their certificates.
//!
//! In: the store. Out: one line per inverter: serial number, name, certificates that count, revoked ones.

use store::state::StateStore;

/// Lists.
///
/// # Errors
/// The store failed.
pub async fn run(state: &StateStore) -> anyhow::Result<()> {
    let certificates = state.certificates().await?;
    for inverter in state.inverters().await? {
        let own = || certificates.iter().filter(|certificate| certificate.inverter == inverter.key);
        let revoked = own().filter(|certificate| certificate.revoked_at.is_some()).count();
        let accepted = own().count() - revoked;
        println!("{:<32} accepted {accepted} revoked {revoked}  {}", inverter.serial, inverter.name);
    }
    Ok(())
}
