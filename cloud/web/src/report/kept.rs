//! Records of inverters, from the store.
//!
//! In: inverters, from when to when, logbooks. Out: all of them, or of an inverter that has more than any should the newest, with when the
//! first of those began. Never fewer without saying so: a month without records would be called missed.

use std::collections::{HashMap, VecDeque};

use fleet::{InverterKey, OrganizationKey, Record};
use store::state::{RecordRow, StateError, StateStore};
use wire::UtcMs;

/// Records that one question asks for: some two years of tests and outages of five hundred inverters.
const AT_ONCE: u64 = 100_000;
/// Of one inverter: an outage each hour for five years.
const OF_ONE: usize = 50_000;

/// The records of one inverter.
#[derive(Default)]
pub struct Kept {
    /// The oldest first.
    pub records: Vec<Record>,
    /// There were more; these are those from then on.
    pub from: Option<UtcMs>,
}

/// Reads them.
///
/// # Errors
/// [`StateError`].
pub async fn read(
    store: &StateStore,
    organizations: &[OrganizationKey],
    inverters: &[InverterKey],
    from: UtcMs,
    to: UtcMs,
) -> Result<HashMap<InverterKey, Kept>, StateError> {
    read_by(store, organizations, inverters, (from, to), (AT_ONCE, OF_ONE)).await
}

async fn read_by(
    store: &StateStore,
    organizations: &[OrganizationKey],
    inverters: &[InverterKey],
    (mut from, to): (UtcMs, UtcMs),
    (at_once, of_one): (u64, usize),
) -> Result<HashMap<InverterKey, Kept>, StateError> {
    let mut newest: HashMap<InverterKey, (VecDeque<Record>, bool)> = HashMap::new();
    loop {
        let piece = store.kept_records(organizations, inverters, from, to, at_once).await?;
        for RecordRow { inverter, record, .. } in piece.rows {
            let (records, cut) = newest.entry(inverter).or_default();
            if records.len() == of_one {
                records.pop_front();
                *cut = true;
            }
            records.push_back(record);
        }
        let Some(more_from) = piece.more_from else { break };
        from = more_from;
    }
    let kept = newest.into_iter().map(|(inverter, (records, cut))| {
        let from = records.front().filter(|_| cut).map(Record::started);
        (inverter, Kept { records: records.into(), from })
    });
    Ok(kept.collect())
}
