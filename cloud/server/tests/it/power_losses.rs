//! Power losses on their way to people: one letter a person and loss, of what that person may see, when it can be told.

use std::sync::Arc;

use fleet::notice::{Preferences, QuietHours};
use fleet::record::{Outage, Predicted};
use fleet::{InverterKey, Record};
use server::power_loss::PowerLosses;
use store::state::{RecordRow, StateStore};
use tokio::sync::Notify;
use wire::UtcMs;
use wire::time::HOUR_MS;

use crate::announcer::{NOW, world};

const MINUTE_MS: i64 = 60_000;

fn losses(store: &StateStore) -> PowerLosses {
    PowerLosses::new(store.clone(), "https://inverters.test".into(), Arc::<Notify>::default())
}

/// It began `minutes` after now, was told of when it was over, and again when the battery was full.
fn outage(inverter: InverterKey, minutes: i64, length_s: f32, recharged: Option<i64>) -> RecordRow {
    let started = NOW.plus_ms(minutes * MINUTE_MS);
    let outage = Outage {
        started,
        length_s,
        gave_up: false,
        lowest_v: Some(118.2),
        load: None,
        predicted: Some(Predicted { runtime_s: 7_080.0, low_s: 6_500.0, high_s: 7_600.0 }),
        recharged: recharged.map(|minutes| NOW.plus_ms(minutes * MINUTE_MS)),
        contact_lost: false,
        end_unseen: false,
    };
    let record = Record::Outage(outage);
    let told_at = recharged.map_or(record.ended(), |minutes| NOW.plus_ms(minutes * MINUTE_MS));
    RecordRow { inverter, record, told_at }
}

#[tokio::test]
async fn a_loss_at_a_site_is_one_letter_for_each_of_what_they_may_see_and_no_second_one() {
    let w = world().await;
    let harbor = w.site("Harbor").await;
    let (hall, dock) = (w.inverter("Hall", Some(harbor)).await, w.inverter("Dock", Some(harbor)).await);
    let (both, one) = (w.account("both").await, w.account("one").await);
    for inverter in [hall, dock] {
        w.grant(both, inverter).await;
    }
    w.grant(one, dock).await;
    let losses = losses(&w.store);
    let at = |minutes: i64| NOW.plus_ms(minutes * MINUTE_MS);
    w.store.commit_records(&[outage(hall, 0, 1_440.0, None), outage(dock, 1, 1_380.0, None)]).await.unwrap();
    assert_eq!(losses.look(at(60)).await.unwrap(), 0, "the batteries are charging");
    w.store.commit_records(&[outage(hall, 0, 1_440.0, Some(200))]).await.unwrap();
    assert_eq!(losses.look(at(200)).await.unwrap(), 0, "one of them still is");
    w.store.commit_records(&[outage(dock, 1, 1_380.0, Some(220))]).await.unwrap();
    assert_eq!(losses.look(at(220)).await.unwrap(), 2);
    assert_eq!(losses.look(at(220)).await.unwrap(), 0);
    let mut sent = w.sent(220 * MINUTE_MS).await;
    sent.sort();
    let expected = [
        ("both@x.test", "Harbor: power was lost for up to 24 min, and every battery held"),
        ("one@x.test", "Dock: power was lost for 23 min, and the battery held"),
    ];
    assert_eq!(sent, expected.map(|(to, subject)| (to.to_owned(), subject.to_owned())));
    // As a replay does after a kill.
    w.store.commit_records(&[outage(hall, 0, 1_440.0, Some(200))]).await.unwrap();
    assert_eq!(losses.look(at(60 * 24)).await.unwrap(), 0, "it was told");
}

#[tokio::test]
async fn what_stays_unknown_is_told_after_half_a_day_and_flickers_never() {
    let w = world().await;
    let hall = w.inverter("Hall", None).await;
    let ann = w.account("ann").await;
    w.grant(ann, hall).await;
    let losses = losses(&w.store);
    let rows = [outage(hall, 0, 1_440.0, None), outage(hall, 300, 40.0, None)];
    w.store.commit_records(&rows).await.unwrap();
    let half_a_day = NOW.plus_ms(24 * MINUTE_MS + 12 * HOUR_MS);
    assert_eq!(losses.look(half_a_day.plus_ms(-1)).await.unwrap(), 0);
    assert_eq!(losses.look(half_a_day).await.unwrap(), 1);
    let mail = w.next(half_a_day.since(NOW)).await.unwrap();
    assert!(mail.text.contains("not yet, or not told"), "{}", mail.text);
    assert!(mail.text.contains("https://inverters.test/inverters/Hall/outages/"), "{}", mail.text);
}

#[tokio::test]
async fn who_does_not_hear_when_alarms_are_over_does_not_and_nobody_in_their_quiet_hours() {
    let w = world().await;
    let hall = w.inverter("Hall", None).await;
    let (silent, sleeper) = (w.account("silent").await, w.account("sleeper").await);
    for account in [silent, sleeper] {
        w.grant(account, hall).await;
    }
    w.prefers(silent, Preferences { over: false, ..Preferences::default() }).await;
    // By UTC, as it stands at no site; now is 8:07.
    let quiet = QuietHours::new(8 * 60, 22 * 60);
    w.prefers(sleeper, Preferences { over: true, quiet, ..Preferences::default() }).await;
    w.store.commit_records(&[outage(hall, 0, 1_440.0, Some(60))]).await.unwrap();
    assert_eq!(losses(&w.store).look(NOW.plus_ms(HOUR_MS)).await.unwrap(), 1);
    assert!(w.next(13 * HOUR_MS).await.is_none(), "it is 21:07");
    assert_eq!(w.next(14 * HOUR_MS).await.unwrap().to, "sleeper@x.test");
}

#[tokio::test]
async fn it_is_not_sent_to_who_may_not_see_it_any_more() {
    let w = world().await;
    let hall = w.inverter("Hall", None).await;
    let (ann, boss) = (w.account("ann").await, w.account("boss").await);
    for account in [ann, boss] {
        w.grant(account, hall).await;
    }
    w.store.commit_records(&[outage(hall, 0, 1_440.0, Some(60))]).await.unwrap();
    let later: UtcMs = NOW.plus_ms(HOUR_MS);
    assert_eq!(losses(&w.store).look(later).await.unwrap(), 2);
    let mail = w.next(HOUR_MS).await.unwrap();
    assert_eq!(mail.to, "ann@x.test");
    assert!(server::calendar::may_still_go(&w.store, &mail, later).await.is_ok());
    w.withdraw(ann, hall).await;
    let refused = server::calendar::may_still_go(&w.store, &mail, later).await.unwrap_err();
    assert!(format!("{refused:?}").contains("access to something that it lists ended"), "{refused:?}");
}
