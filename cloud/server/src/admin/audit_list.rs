//! `admin audit list`: the newest acts of the audit log.
//!
//! In: an area, how many. Out: one line an act, the newest first: number, time, who, what, from where, details. Control
//! characters in details are printed as escapes: a name cannot move the cursor.

use fleet::audit::{Area, Verb};
use store::state::{AuditAct, AuditNames, AuditQuery, By, Details, StateStore, Whose};

/// Lists.
///
/// # Errors
/// The store failed.
pub async fn run(area: Option<&str>, most: u64, state: &StateStore) -> anyhow::Result<()> {
    let verbs: Option<Vec<Verb>> = area.and_then(Area::from_name).map(|area| area.verbs().collect());
    let query = AuditQuery { verbs: verbs.as_deref(), ..AuditQuery::newest(Whose::Everybody, most) };
    let acts = state.audit_acts(&query).await?;
    let names = state.audit_names(&acts).await?;
    for act in &acts {
        println!("{}", line(act, &names));
    }
    Ok(())
}

fn line(act: &AuditAct, names: &AuditNames) -> String {
    let who = match act.by {
        Some(By::Account(key)) => {
            names.accounts.get(&key).map_or("deleted".to_owned(), |named| named.email.to_string())
        }
        Some(By::CommandLine) => "command-line".to_owned(),
        Some(By::Service) => "service".to_owned(),
        None => "unknown".to_owned(),
    };
    let mut line = format!("{:>6} {} {who} {}", act.sequence, act.at.to_rfc3339(), act.name);
    if let Some(named) = act.account.and_then(|key| names.accounts.get(&key)) {
        line.push_str(&format!(" account={}", named.email));
    }
    if let Some(named) = act.inverter.and_then(|key| names.inverters.get(&key)) {
        line.push_str(&format!(" inverter={}", named.serial));
    }
    match &act.details {
        Details::Kept { address, detail } => {
            if let Some(address) = address {
                line.push_str(&format!(" from={address}"));
            }
            if !detail.is_empty() {
                line.push_str(&format!(" {detail:?}"));
            }
        }
        Details::Erased => line.push_str(" (details erased)"),
        Details::None => {}
    }
    line
}
