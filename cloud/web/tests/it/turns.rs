//! Expensive reads at a time: one account cannot take them all, and what is too much says so in plain words.

use std::sync::mpsc;
use std::time::Duration;

use axum::body::Body;
use fleet::Role;
use futures_util::future::join_all;
use http::{Method, Response, StatusCode, header};
use wire::time::DAY_MS;

use crate::house::{House, ORIGIN, Proof, body, sample, soon};

/// As `turns` has it.
const OF_ONE: usize = 16;
const IN_ALL: usize = 64;
/// Of a day that is on the disk alone.
const CHART: &str = "/inverters/mine/chart?from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z&lines=ups.load";
const HISTORY: &str =
    "/api/v1/inverters/mine/history?quantities=ups.load&from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z";

async fn ask(house: &House, path: &str, proof: &Proof) -> Response<Body> {
    let method = if path.starts_with("/op/") { Method::POST } else { Method::GET };
    house.send(method, path, proof, &[("origin", ORIGIN)], "").await
}

/// A house of which the disk stands still until something is sent; operators with the inverter "mine".
async fn people(many: usize) -> (House, Vec<Proof>, mpsc::Sender<()>) {
    let house = House::new().await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.read(inverter, house.now().plus_ms(-12 * DAY_MS), sample(104));
    house.read(inverter, house.now(), sample(104));
    house.history.seal_all().unwrap();
    let mut people = Vec::new();
    for at in 0..many {
        let account = house.operator(&format!("op{at}@x.test")).await;
        house.grant(account, inverter, Role::ReadOnly).await;
        people.push(house.session(account).await);
    }
    let (go_on, waits) = mpsc::channel();
    // The only thread there is for what blocks.
    tokio::task::spawn_blocking(move || waits.recv().ok());
    (house, people, go_on)
}

/// A runtime with one thread for what blocks.
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(1).build().unwrap().block_on(test);
}

/// ASVS 5.0: 15.1.3, 15.2.2.
#[test]
fn one_account_has_so_many_reads_at_a_time_and_others_theirs() {
    run(async {
        let (house, people, go_on) = people(2).await;
        let (busy, other) = (&people[0], &people[1]);
        let half = OF_ONE / 2;
        let paths = [CHART, HISTORY].into_iter().cycle().take(2 * half);
        let reads = join_all(paths.map(|path| ask(&house, path, busy)));
        let looks = async {
            // Until all of them have come to the disk.
            tokio::time::sleep(Duration::from_secs(1)).await;
            for path in [
                CHART,
                HISTORY,
                "/tests/report",
                "/tests/report.csv",
                "/tests/report.json",
                "/op/audit/verify",
            ] {
                let refused = ask(&house, path, busy).await;
                assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
                assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
                assert!(body(refused).await.contains("Many ask at once"), "{path}");
            }
            for path in ["/tests/report", "/tests/report.csv", "/tests/report.json", "/op/audit/verify"] {
                assert_eq!(ask(&house, path, other).await.status(), StatusCode::OK, "{path}");
            }
            // Other pages cost no turn.
            assert_eq!(ask(&house, "/alarms", busy).await.status(), StatusCode::OK);
            go_on.send(()).unwrap();
        };
        let (reads, ()) = soon(async { tokio::join!(reads, looks) }).await;
        assert!(reads.iter().all(|read| read.status() == StatusCode::OK), "none of these was too much");
        assert_eq!(ask(&house, CHART, busy).await.status(), StatusCode::OK, "and they are given back");
    });
}

/// ASVS 5.0: 15.2.2.
#[test]
fn there_are_so_many_reads_at_a_time_in_all() {
    run(async {
        let (house, people, go_on) = people(IN_ALL / OF_ONE + 1).await;
        let (last, many) = people.split_last().unwrap();
        let reads = join_all(many.iter().flat_map(|who| [who; OF_ONE]).map(|who| ask(&house, CHART, who)));
        let looks = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            for path in [CHART, "/tests/report"] {
                assert_eq!(ask(&house, path, last).await.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            }
            go_on.send(()).unwrap();
        };
        let (reads, ()) = soon(async { tokio::join!(reads, looks) }).await;
        assert!(reads.iter().all(|read| read.status() == StatusCode::OK));
        assert_eq!(ask(&house, CHART, last).await.status(), StatusCode::OK);
    });
}
