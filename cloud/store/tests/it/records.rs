//! Records of tests and outages, and how many old rows are deleted.

use std::sync::Arc;

use fleet::record::Outage;
use fleet::{InverterKey, Record};
use store::Position;
use store::state::{EventRow, RecordRow, StateStore};
use wire::UtcMs;

const T0: i64 = 1_800_000_000_000;

async fn store() -> (tempfile::TempDir, StateStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    (folder, store)
}

fn outage(inverter: u32, at: i64, recharged: Option<UtcMs>) -> RecordRow {
    let outage = Outage {
        started: UtcMs(T0 + at),
        length_s: 60.0,
        gave_up: false,
        lowest_v: Some(118.0),
        load: None,
        predicted: None,
        recharged,
        contact_lost: false,
        end_unseen: false,
    };
    RecordRow {
        inverter: InverterKey(inverter),
        record: Record::Outage(outage),
        told_at: UtcMs(T0 + at + 60_000),
    }
}

#[tokio::test]
async fn a_record_is_there_once_with_what_was_told_last_and_thirty_days() {
    let (_folder, store) = store().await;
    let rows = [outage(1, 0, None), outage(2, 5, None), outage(1, 9, None)];
    store.commit_snapshots(&[], &[], &rows, Position { batch: 1, index: 0 }, UtcMs(T0)).await.unwrap();
    store.commit_records(&rows[..1]).await.unwrap();
    let (both, all) = ([InverterKey(1), InverterKey(2)], UtcMs(i64::MAX));
    assert_eq!(store.records(&both, UtcMs(0), all, 9).await.unwrap(), rows);
    let full = outage(1, 0, Some(UtcMs(T0 + 99)));
    store.commit_records(std::slice::from_ref(&full)).await.unwrap();
    let of_one = store.records(&both[..1], UtcMs(T0), UtcMs(T0 + 9), 9).await.unwrap();
    assert_eq!(of_one, std::slice::from_ref(&full), "the later word counts; the end is not in it");
    assert_eq!(store.record(InverterKey(1), &full.record.key()).await.unwrap(), Some(full.clone()));
    assert_eq!(store.record(InverterKey(2), &full.record.key()).await.unwrap(), None, "each has its own");
    assert_eq!(store.records(&both, UtcMs(0), all, 2).await.unwrap(), [full, rows[1].clone()]);
    assert_eq!(store.delete_records_before(UtcMs(T0 + 5)).await.unwrap(), 1);
    assert_eq!(store.records(&both, UtcMs(0), all, 9).await.unwrap(), rows[1..]);
    assert_eq!(store.forget_given_up().await.unwrap(), 0);
    assert_eq!(store.records(&both, UtcMs(0), all, 9).await.unwrap(), [], "nobody has these inverters");
}

/// Proof that this can fail: delete all at once.
#[tokio::test(flavor = "multi_thread")]
async fn many_old_rows_go_in_pieces_and_no_newer_one() {
    let (_folder, store) = store().await;
    let event = |number: i64| EventRow {
        inverter: InverterKey(1),
        key: format!("{number}"),
        kind: "raised".to_owned(),
        condition: None,
        // Eight of each instant, so that a piece ends amid some.
        occurred_at: UtcMs(T0 + number / 8),
        received_at: UtcMs(T0),
        late: false,
        detail: String::new(),
    };
    let rows: Vec<_> = (0..8_000).map(event).collect();
    store.commit_events(&rows).await.unwrap();
    let store = Arc::new(store);
    let deleting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.delete_events_before(UtcMs(T0 + 900)).await.unwrap() }
    });
    // One row at a time is quickly asked for; each piece is followed by a rest.
    let there = async |at: i64| {
        let (from, to) = (UtcMs(T0 + at), UtcMs(T0 + at + 1));
        !store.events(InverterKey(1), from, to, 1).await.unwrap().is_empty()
    };
    let mut half_done = false;
    while !deleting.is_finished() {
        half_done |= !there(0).await && there(899).await;
    }
    assert_eq!(deleting.await.unwrap(), 7_200);
    assert!(half_done, "the newest of the old ones was seen after the oldest had gone");
    assert_eq!(store.events(InverterKey(1), UtcMs(0), UtcMs(i64::MAX), 10_000).await.unwrap().len(), 800);
}

#[tokio::test]
async fn old_events_of_many_inverters_go_and_each_keeps_its_newer_ones() {
    let (_folder, store) = store().await;
    // None, a few, as many as go at once, one more, and many; new ones with them, and inverters that have only those.
    let old = [3, 0, 250, 7, 251, 1, 0, 249, 2, 900, 1, 1];
    let mut rows = Vec::new();
    for (place, count) in (0_u32..).zip(old) {
        // With gaps between the numbers.
        let inverter = InverterKey(place * 3 + 1);
        rows.extend((0..count + 2).map(|number| EventRow {
            inverter,
            // Not in the order of time.
            key: format!("{:03}", (number * 7) % 1_000),
            kind: "raised".to_owned(),
            condition: None,
            occurred_at: UtcMs(if number < count { T0 + number } else { T0 + 10_000 + number }),
            received_at: UtcMs(T0),
            late: false,
            detail: String::new(),
        }));
    }
    store.commit_events(&rows).await.unwrap();
    let gone = store.delete_events_before(UtcMs(T0 + 10_000)).await.unwrap();
    assert_eq!(i64::try_from(gone).unwrap(), old.iter().sum::<i64>());
    for place in 0..12_u32 {
        let left = store.events(InverterKey(place * 3 + 1), UtcMs(0), UtcMs(i64::MAX), 10).await.unwrap();
        assert_eq!(left.len(), 2, "{place}");
        assert!(left.iter().all(|row| row.occurred_at.0 >= T0 + 10_000));
    }
    assert_eq!(store.delete_events_before(UtcMs(T0 + 10_000)).await.unwrap(), 0);
}
