//! The cloud is away for ten minutes: simulator, gateway and cloud as they are, on a clock that the test drives.
//!
//! Ten times the real pace, so that the ten minutes take one. The mains fail in the middle, when nobody is
//! there to hear of it: those minutes have a reading a second, and all the backlog is more than one report.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use driven_clock::Driver;
use serde_json::Value;
use server::clock;
use store::Position;
use store::journal::{Body, Entry, JournalError};
use wire::UtcMs;

use crate::api::{fetch, token};
use crate::cloud::Cloud;
use crate::door_setup::eventually;
use crate::programs::{Line, Running, gateway_configuration, sibling};

const SERIAL: &str = "AWAY-0001";
const RATE: f64 = 10.0;
/// Real time between frames: a second of the driven clock.
const FRAME_EVERY_MS: &str = "100";
const BAUD: u32 = 115_200;
const MINUTE_MS: i64 = 60_000;
const AWAY_MS: i64 = 10 * MINUTE_MS;
/// A reading each 10 s; the machine may be busy, and 100 ms of it are a second here. The chart bears 30 s.
const FURTHEST_APART_MS: i64 = 30_000;
/// Real time until the gateway has tried again and the backlog is through.
const WITHIN: Duration = Duration::from_secs(90);

/// ASVS 5.0: 16.5.2.
#[test]
fn ten_minutes_without_the_cloud_leave_no_gap_and_keep_their_times_and_order() {
    let (Some(gateway), Some(simulator)) =
        (sibling("inverter-gateway-simulated"), sibling("inverter-simulator"))
    else {
        return;
    };
    let mut cloud = Cloud::new();
    cloud.device(SERIAL);
    let token = token(&cloud, "dana@example.com");
    cloud.admin(&["grant", "add", "dana@example.com", SERIAL, "read-only"]);
    let mut clock = Driver::create(&cloud.path("clock"), clock::now()).unwrap();
    cloud.start_as(cloud.driven(&cloud.path("clock")));

    let port = cloud.path("port");
    let mut inverter = Command::new(simulator);
    inverter.args(["inverter", "--serial", SERIAL, "--baud", &BAUD.to_string(), "--pty"]).arg(&port);
    inverter.args(["--speed", &RATE.to_string(), "--frame-every-ms", FRAME_EVERY_MS, "--end-with-input"]);
    let inverter = inverter.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut inverter = Running(inverter.spawn().unwrap());
    let mut console = inverter.0.stdin.take().unwrap();
    eventually("the pseudo-terminal is there", || port.exists());

    let configuration = cloud.path("gateway.toml");
    let line = Line { port: &port, protocol: "native", baud: BAUD };
    std::fs::write(&configuration, gateway_configuration(&cloud, SERIAL, &line)).unwrap();
    let log = std::fs::File::create(cloud.path("gateway.log")).unwrap();
    let mut gateway = Command::new(gateway);
    gateway.arg("--config").arg(configuration).arg("--clock").arg(cloud.path("clock"));
    let _gateway = Running(gateway.stderr(log).spawn().unwrap());
    let said = || std::fs::read_to_string(cloud.path("gateway.log")).unwrap_or_default();
    eventually("the gateway is connected", || said().contains("Connected to"));

    clock.set_rate(RATE).unwrap();
    let begin = clock.now();
    clock.wait_until(begin.plus_ms(2 * MINUTE_MS));
    let gone = clock.now();
    cloud.kill();
    clock.wait_until(gone.plus_ms(3 * MINUTE_MS));
    let failed = clock.now();
    writeln!(console, "mains off").unwrap();
    clock.wait_until(gone.plus_ms(6 * MINUTE_MS));
    let restored = clock.now();
    writeln!(console, "mains on").unwrap();
    clock.wait_until(gone.plus_ms(AWAY_MS));
    let said = || std::fs::read_to_string(cloud.path("gateway.log")).unwrap_or_default();
    assert!(said().contains("Cannot reach"), "{}", said());
    // It has been said once already, of what was read before the first connection.
    let sent = |said: String| said.matches("Everything that was kept has been sent.").count();
    let before = sent(said());
    let back = clock.now();
    cloud.start_as(cloud.driven(&cloud.path("clock")));
    let said = || std::fs::read_to_string(cloud.path("gateway.log")).unwrap_or_default();
    let began = Instant::now();
    while sent(said()) <= before {
        assert!(began.elapsed() < WITHIN, "the backlog does not come:\n{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let drained = clock.now();
    clock.wait_until(drained.plus_ms(MINUTE_MS));

    let chart = chart(&cloud, &token, begin, drained);
    assert_chart_is_whole(&chart, begin.plus_ms(MINUTE_MS), drained);
    assert_outage_is_shown(&chart, failed, restored);
    cloud.stop();
    assert_all_is_stored_with_its_time(&cloud, gone, back);
    assert_backlog_came_in_order(&cloud, gone, back);
}

fn chart(cloud: &Cloud, token: &str, from: UtcMs, to: UtcMs) -> Value {
    let json = |path: &str| -> Value {
        let (status, body) = fetch(cloud, path, token);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let list = json("/api/v1/inverters");
    let id = list["items"][0]["id"].as_str().unwrap();
    json(&format!(
        "/api/v1/inverters/{id}/history?quantities=battery.voltage,ups.load&from={from}&to={to}&points=2000"
    ))
}

/// Every interval has its values, from before the cloud went to after it came back.
fn assert_chart_is_whole(chart: &Value, from: UtcMs, to: UtcMs) {
    assert_eq!(chart["gaps"].as_array().unwrap().len(), 0, "{}", chart["gaps"]);
    for quantity in ["battery.voltage", "ups.load"] {
        let series = &chart["quantities"][quantity];
        let times = times(&series["time"]);
        assert!(times.first().unwrap() <= &from && times.last().unwrap().since(to) > -FURTHEST_APART_MS);
        let apart = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap();
        assert!(apart <= FURTHEST_APART_MS, "{quantity}: {apart} ms without a point");
        for value in ["min", "mean", "max"] {
            let values = series[value].as_array().unwrap();
            assert_eq!(values.len(), times.len());
            assert!(values.iter().all(Value::is_number), "{quantity}: a gap in {value}");
        }
    }
}

/// The mains failure that nobody saw stands where it was.
fn assert_outage_is_shown(chart: &Value, failed: UtcMs, restored: UtcMs) {
    let episodes = chart["episodes"].as_array().unwrap();
    let on_battery: Vec<_> = episodes.iter().filter(|e| e["name"] == "battery_power").collect();
    assert_eq!(on_battery.len(), 1, "{episodes:?}");
    let instant = |key: &str| UtcMs::parse_rfc3339(on_battery[0][key].as_str().unwrap()).unwrap();
    let (late_ms, longer_ms) = (instant("from").since(failed), instant("to").since(restored));
    assert!((-1_000..FURTHEST_APART_MS).contains(&late_ms), "began {late_ms} ms late");
    assert!((-1_000..2 * MINUTE_MS).contains(&longer_ms), "ended {longer_ms} ms late");
}

/// What a separate program reads in the store: no number is missing, and no stretch of time.
fn assert_all_is_stored_with_its_time(cloud: &Cloud, gone: UtcMs, back: UtcMs) {
    let text = cloud.admin(&["ledger"]);
    let stored: Vec<(u64, UtcMs)> = text.lines().map(numbered).collect();
    let mut numbers: Vec<u64> = stored.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    // An event takes a number too.
    let follows = |pair: &[u64]| pair[1] > pair[0] && pair[1] <= pair[0] + 2;
    assert!(numbers.windows(2).all(follows), "{numbers:?}");
    // By time: what came before a change is numbered after it.
    let mut times: Vec<UtcMs> = stored.iter().map(|(_, time)| *time).collect();
    times.sort_unstable();
    let apart_ms = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap();
    assert!(apart_ms <= FURTHEST_APART_MS, "{apart_ms} ms without a reading");
    let meanwhile = stored.iter().filter(|(_, time)| (gone..back).contains(time)).count();
    // One each 10 s, one a second for three minutes and half a minute on either side.
    assert!(meanwhile > 200, "{meanwhile} readings of the ten minutes");
}

fn numbered(line: &str) -> (u64, UtcMs) {
    let words: Vec<_> = line.split(' ').collect();
    (words[2].parse().unwrap(), UtcMs::parse_rfc3339(words[3]).unwrap())
}

/// What the journal holds, in the order in which it came.
fn assert_backlog_came_in_order(cloud: &Cloud, gone: UtcMs, back: UtcMs) {
    let (mut numbers, mut reports) = (Vec::new(), 0);
    store::journal::replay(&cloud.path("data/journal"), Position::START, |_, entry: Entry| {
        let Body::Report { payload, .. } = entry.body else { return Ok(()) };
        let report = wire::report::decode(&payload).unwrap();
        let of_then = |time: UtcMs| (gone.plus_ms(FURTHEST_APART_MS)..back).contains(&time);
        let kept: Vec<_> = report.readings.iter().filter(|r| r.time.is_some_and(of_then)).collect();
        if !kept.is_empty() {
            assert!(entry.received_at >= back, "received {} while the cloud was away", entry.received_at);
            reports += 1;
            numbers.extend(kept.iter().filter_map(|reading| reading.sequence));
        }
        Ok::<(), JournalError>(())
    })
    .unwrap();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    assert!(numbers.len() > 200, "{} readings in {reports} reports", numbers.len());
}

fn times(value: &Value) -> Vec<UtcMs> {
    let instants = value.as_array().unwrap().iter().map(|time| time.as_str().unwrap());
    instants.map(|time| UtcMs::parse_rfc3339(time).unwrap()).collect()
}
