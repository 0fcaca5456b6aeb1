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

#[cfg(test)]
mod tests {
    use fleet::record::Outage;

    use super::*;

    fn outage(at: i64) -> Record {
        Record::Outage(Outage {
            started: UtcMs(at),
            length_s: 60.0,
            gave_up: false,
            lowest_v: None,
            load: None,
            predicted: None,
            recharged: None,
            contact_lost: false,
            end_unseen: false,
        })
    }

    #[tokio::test]
    async fn of_one_with_more_than_any_should_have_the_newest_are_read_and_from_when_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
        let (restless, calm) = (InverterKey(1), InverterKey(2));
        let row = |inverter, at| RecordRow { inverter, record: outage(at), told_at: UtcMs(at) };
        let mut rows: Vec<_> = (0..30).map(|at| row(restless, at * 1_000)).collect();
        rows.extend((0..10).map(|at| row(calm, at * 3_000)));
        store.commit_records(&rows).await.unwrap();
        let period = (UtcMs(0), UtcMs(i64::MAX));
        let read = read_by(&store, &[], &[restless, calm], period, (7, 10)).await.unwrap();
        let starts = |inverter| read[&inverter].records.iter().map(|one| one.started().0).collect::<Vec<_>>();
        assert_eq!(starts(restless), (20..30).map(|at| at * 1_000).collect::<Vec<_>>());
        assert_eq!(read[&restless].from, Some(UtcMs(20_000)));
        assert_eq!(starts(calm), (0..10).map(|at| at * 3_000).collect::<Vec<_>>());
        assert_eq!(read[&calm].from, None);
    }
}
