//! Pages of somebody who may see ten thousand inverters: how long each takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::readiness::Bank;
use fleet::{MemberRole, Role};
use store::state::RecordRow;
use wire::time::DAY_MS;

use crate::house::{CLUB, House, Proof};
use crate::readiness::{silent, test};
use crate::test_record::monthly;

/// Months of records of each inverter.
const MONTHS: i64 = 13;
/// Pieces of evidence that its readiness rests on: as many as are kept.
const EVIDENCE: i64 = 16;

/// Ten thousand in full, because they have to be made first; what they show shows with fewer too.
fn inverters() -> i64 {
    if std::env::var_os("INVERTER_CONNECT_TESTS").is_some_and(|much| much == "full") { 10_000 } else { 300 }
}

/// A second for ten thousand; what does not grow with them has its share too.
fn longest() -> Duration {
    Duration::from_millis(if inverters() == 10_000 { 1_000 } else { 250 })
}

/// Somebody of an organization with many inverters, each with a year of records and a battery that is known.
async fn wide() -> (House, Proof) {
    let house = House::new().await;
    let account = house.account("many@x.test").await;
    let club = house.club().await;
    house.member(club, account, MemberRole::Owner).await;
    let now = house.now();
    let first = house.inverter("n00000", "Stair 0").await;
    house.grant(club, first, Role::ReadWrite).await;
    house.read(first, now.plus_ms(-20_000), silent());
    house.read(first, now.plus_ms(-1_000), silent());
    let mut state = (*house.live.states.lock().unwrap()[&first]).clone();
    state.readiness.bank = Bank::from_float(136.4);
    let evidence =
        (0..EVIDENCE).rev().map(|back| test(now.plus_ms(-DAY_MS * (10 + 30 * back)), 118.0, 6_100.0));
    state.readiness.evidence = evidence.collect();
    let state = Arc::new(state);
    let mut rows = Vec::new();
    for number in 0..inverters() {
        let inverter = if number == 0 {
            first
        } else {
            let inverter = house.inverter(&format!("n{number:05}"), &format!("Stair {number}")).await;
            house.grant(club, inverter, Role::ReadWrite).await;
            inverter
        };
        // Each its own, as in a server.
        house.live.states.lock().unwrap().insert(inverter, Arc::new((*state).clone()));
        let record = |back: i64| monthly(now.plus_ms(-back * 30 * DAY_MS - number * 1000), false);
        rows.extend((0..MONTHS).map(|back| RecordRow { inverter, record: record(back), told_at: now }));
    }
    for part in rows.chunks(10_000) {
        house.state.commit_records(part).await.unwrap();
    }
    let proof = house.session(account).await;
    (house, proof)
}

#[tokio::test]
async fn pages_of_ten_thousand_inverters_are_there_within_a_second() {
    let (house, proof) = wide().await;
    let last = inverters() / 50;
    let mut slow = Vec::new();
    for path in [
        "/fleet".to_owned(),
        format!("/fleet?page={last}"),
        "/fleet?sort=hold".to_owned(),
        "/tests".to_owned(),
        format!("/tests?page={last}"),
        "/tests?q=stair+7".to_owned(),
        "/tests?site=stb".to_owned(),
        "/tests/report?site=stb".to_owned(),
        format!("/tests/report?organization={CLUB}"),
        format!("/organizations/{CLUB}"),
    ] {
        let mut took = Vec::new();
        for _ in 0..5 {
            let before = Instant::now();
            let page = house.text(&path, &proof).await;
            took.push(before.elapsed());
            assert!(page.contains("</html>"), "{path}: {page}");
        }
        took.sort();
        println!(
            "{} inverters, {path}: best {:?}, median {:?}, worst {:?}",
            inverters(),
            took[0],
            took[2],
            took[4]
        );
        // What others on the machine take is not the page's.
        if took[0] > longest() {
            slow.push(format!("{path}: {took:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}
