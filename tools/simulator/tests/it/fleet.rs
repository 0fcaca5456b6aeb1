//! Is the accounting honest?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use simulator::fleet::{self, Outcome, Plan, Version, Work};
use wire::UtcMs;

use crate::door::{Answer, Door};

const NOW: UtcMs = UtcMs(1_767_268_800_000);

fn live(count: u64) -> Work {
    Work::Live { interval: Duration::ZERO, count: Some(count) }
}

fn adds_up(outcome: &Outcome) {
    assert_eq!(outcome.sent, outcome.acked + outcome.refused + outcome.lost, "{outcome:?}");
    assert_eq!(outcome.latency_us.len(), outcome.acked, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_report_is_acknowledged_once_in_both_versions() {
    for version in [Version::V5, Version::V311] {
        let door = Door::open(Arc::new(|_| Answer::Ack)).await;
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger");
        let plan = Plan {
            version,
            in_flight: 4,
            threads: 2,
            ledger: Some(ledger.clone()),
            ..Plan::new(door.target.clone(), door.devices(5), live(40), NOW)
        };
        let outcome = fleet::run(plan).await.unwrap();
        adds_up(&outcome);
        assert_eq!((outcome.acked, outcome.connects, outcome.dropped), (200, 5, 0), "{outcome:?}");
        let reports = door.reports.lock().unwrap();
        let mut sequences: HashMap<&str, Vec<u64>> = HashMap::new();
        for (topic, report, _) in reports.iter() {
            assert_eq!(report.readings.len(), 1);
            assert_eq!(report.readings[0].sample.quantities.len(), 30);
            sequences.entry(topic).or_default().push(report.readings[0].sequence.unwrap());
        }
        assert_eq!(sequences.len(), 5);
        for (topic, numbers) in sequences {
            assert!(topic.starts_with("inverters/SIM-") && topic.ends_with("/reports"), "{topic}");
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{topic}: {numbers:?}");
        }
        let lines = std::fs::read_to_string(ledger).unwrap();
        assert_eq!(lines.lines().collect::<HashSet<_>>().len(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_report_is_refused_and_not_acknowledged() {
    let door = Door::open(Arc::new(|n| if n % 10 == 3 { Answer::Refuse } else { Answer::Ack })).await;
    let outcome = fleet::run(Plan::new(door.target.clone(), door.devices(1), live(50), NOW)).await.unwrap();
    adds_up(&outcome);
    assert_eq!((outcome.acked, outcome.refused, outcome.lost), (45, 5, 0));
    assert!(outcome.errors[0].contains("0x97"), "{:?}", outcome.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_flight_at_a_loss_is_lost_and_sent_again_under_its_sequence() {
    let door = Door::open(Arc::new(|n| match n {
        10..14 => Answer::Ignore,
        14 => Answer::Hang,
        _ => Answer::Ack,
    }))
    .await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let plan = Plan {
        in_flight: 5,
        reconnect: true,
        ledger: Some(ledger.clone()),
        ..Plan::new(door.target.clone(), door.devices(1), live(30), NOW)
    };
    let outcome = fleet::run(plan).await.unwrap();
    adds_up(&outcome);
    assert_eq!(
        (outcome.acked, outcome.lost, outcome.connects, outcome.dropped),
        (30, 5, 2, 1),
        "{outcome:?}"
    );
    let reports = door.reports.lock().unwrap();
    let number = |report: &wire::Report| report.readings[0].sequence.unwrap();
    let unanswered: Vec<u64> = reports
        .iter()
        .filter(|(.., answer)| *answer != Answer::Ack)
        .map(|(_, report, _)| number(report))
        .collect();
    let again: Vec<u64> = reports.iter().skip(15).take(5).map(|(_, report, _)| number(report)).collect();
    assert_eq!(unanswered, again);
    let acknowledged: HashSet<String> = reports
        .iter()
        .filter(|(.., answer)| *answer == Answer::Ack)
        .map(|(_, report, _)| format!("SIM-0000 {} {}", report.boot.unwrap(), number(report)))
        .collect();
    let lines: Vec<String> = std::fs::read_to_string(ledger).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 30);
    assert_eq!(lines.into_iter().collect::<HashSet<_>>(), acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_answer_nothing_counts_as_delivered() {
    let door = Door::open(Arc::new(|_| Answer::Ignore)).await;
    let plan = Plan {
        in_flight: 3,
        duration: Some(Duration::from_millis(300)),
        ..Plan::new(door.target.clone(), door.devices(2), live(100), NOW)
    };
    let outcome = fleet::run(plan).await.unwrap();
    adds_up(&outcome);
    assert_eq!((outcome.sent, outcome.acked, outcome.lost), (6, 0, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_is_kept_and_a_stop_is_orderly() {
    let door = Door::open(Arc::new(|_| Answer::Ack)).await;
    let work = Work::Live { interval: Duration::from_millis(100), count: None };
    let plan = Plan {
        duration: Some(Duration::from_secs(2)),
        ..Plan::new(door.target.clone(), door.devices(4), work, NOW)
    };
    let outcome = fleet::run(plan).await.unwrap();
    adds_up(&outcome);
    assert_eq!((outcome.lost, outcome.dropped), (0, 0), "{outcome:?}");
    assert!((40..=84).contains(&outcome.acked), "4 devices, 2 s, 10 a second: {}", outcome.acked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_past_arrives_whole_and_in_order() {
    let door = Door::open(Arc::new(|_| Answer::Ack)).await;
    let plan = Plan {
        in_flight: 8,
        ..Plan::new(door.target.clone(), door.devices(1), Work::History { hours: 6.0 }, NOW)
    };
    let outcome = fleet::run(plan).await.unwrap();
    adds_up(&outcome);
    assert_eq!(outcome.readings, 6 * 360);
    let reports = door.reports.lock().unwrap();
    let times: Vec<UtcMs> = reports
        .iter()
        .flat_map(|(_, report, _)| &report.readings)
        .map(|reading| reading.time.unwrap())
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(times.last(), Some(&NOW));
    assert!(reports.len() < 15, "packed: {}", reports.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_an_error_that_says_so() {
    let door = Door::open(Arc::new(|_| Answer::Ack)).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut target = door.target.clone();
    target.address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = fleet::run(Plan::new(target, door.devices(1), live(1), NOW)).await.unwrap();
    assert_eq!((outcome.connects, outcome.connects_failed, outcome.sent), (0, 1, 0));
    assert!(outcome.errors[0].contains("cannot connect to 127.0.0.1"), "{:?}", outcome.errors);
    let none = fleet::run(Plan::new(door.target.clone(), vec![], live(1), NOW)).await;
    assert!(none.unwrap_err().to_string().contains("--bundles"));
}
