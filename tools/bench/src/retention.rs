//! P21: what an acknowledgement waits for while the oldest day is deleted.
//!
//! In: options. Out: rows. Before each start the server gets one day that lapsed a moment ago: a file of readings of many
//! inverters, its key, and 200,000 events in the state store. It deletes them within
//! its first minute, while 500 devices report; then the same stretch from the next start on, with nothing left to delete.

use std::time::Duration;

use anyhow::{Result, ensure};
use fleet::InverterKey;
use fleet::retention::KEPT_MS;
use simulator::fleet::{Version, Work};
use store::Position;
use store::history::{Config, History};
use store::state::EventRow;
use wire::UtcMs;
use wire::time::DAY_MS;

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::history::{day_keys, readings};
use crate::history_data::{FIRST_MS, SAMPLES_A_DAY, Telemetry, telemetry};
use crate::load::{Load, Stretch, as_f64, now};
use crate::peers::victoria::folder_bytes;
use crate::rows::{Bound, Rows, ratios};

/// Inverters in the day that goes, by how many different telemetries.
const INVERTERS: usize = 500;
const TELEMETRIES: u64 = 20;
/// Events that go.
const EVENTS: i64 = 200_000;
/// Rows of one commit while they are put there.
const EVENTS_AT_ONCE: i64 = 5_000;
/// Together 5,000 reports a second.
const INTERVAL: Duration = Duration::from_millis(100);
/// The server deletes for the first time five seconds after its start, and rests between pieces: a stretch lasts longer.
const SECONDS_AT_LEAST: u64 = 60;

/// Fills and starts the server over and over.
///
/// # Errors
/// When the server does not come up, or did not delete the day in the stretch that is measured.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let identities = Identities::make(&folder.path().join("identities"), INVERTERS)?;
    let cloud = Cloud::prepare(&folder.path().join("cloud"), &identities, Duration::ZERO)?;
    let fleet: Vec<Telemetry> = (0..TELEMETRIES).map(|index| telemetry(21, index, 1)).collect();
    let history = cloud.data().join("history");
    let (mut deleting, mut calm, mut slowest, mut megabytes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.repeats {
        fill(&cloud, &fleet)?;
        let full = folder_bytes(&history)?;
        let stretch = measured(&cloud, &identities, options, Some(full))?;
        let left = folder_bytes(&history)?;
        ensure!(left < full / 2, "the day was not deleted in the stretch: {left} of {full} bytes are left");
        let late = cloud.with_state(async |state| Ok(state.delete_events_before(lapsed()).await?))?;
        ensure!(late == 0, "{late} events that lapsed were not deleted in the stretch");
        megabytes.push(as_f64(full - left) / 1e6);
        deleting.push(stretch.latency_ms(0.99));
        slowest.push(stretch.latency_ms(1.0));
        calm.push(measured(&cloud, &identities, options, None)?.latency_ms(0.99));
    }
    let mut rows = Rows::default();
    rows.note("P21", "file of the day that went", &megabytes, "MB");
    rows.note("P21", "acknowledgement p99 while it goes", &deleting, "ms");
    rows.note("P21", "the slowest", &slowest, "ms");
    rows.note("P21", "acknowledgement p99 otherwise", &calm, "ms");
    let (floor, target) = (Bound::AtMost(3.0), Bound::AtMost(1.3));
    rows.judge(
        "P21",
        "oldest day deleted while ingesting ÷ otherwise, p99",
        &ratios(&deleting, &calm),
        "×",
        floor,
        target,
    );
    rows.save(options.json.as_deref())
}

/// A stretch from a start on. With `full`, so many bytes of history are there still as it begins.
fn measured(cloud: &Cloud, identities: &Identities, options: &Options, full: Option<u64>) -> Result<Stretch> {
    let (process, _) = cloud.start()?;
    if let Some(full) = full {
        let there = folder_bytes(&cloud.data().join("history"))?;
        ensure!(
            there >= full,
            "the day was deleted before anybody reported: {there} of {full} bytes are left"
        );
    }
    let load = Load {
        address: cloud.address,
        root: &identities.root,
        version: Version::V5,
        devices: &identities.devices,
        work: Work::Live { interval: INTERVAL, count: None },
        duration: Duration::from_secs(options.seconds.max(SECONDS_AT_LEAST)),
        reconnect: false,
        ledger: None,
    };
    load.run(process.pid())
}

/// What is older is nobody's any more.
fn lapsed() -> UtcMs {
    now().plus_ms(-KEPT_MS)
}

/// The newest day that lapsed, for every inverter, merged; and its events.
fn fill(cloud: &Cloud, fleet: &[Telemetry]) -> Result<()> {
    let day_ms = (now().0 - KEPT_MS).div_euclid(DAY_MS) * DAY_MS - DAY_MS;
    let keys = day_keys(&cloud.data().join("keys/days"));
    let history = History::open(&cloud.data().join("history"), keys, Config::default())?;
    let batch = history.durable_through().batch + 1;
    for (inverter, one) in (1_u32..).zip(fleet.iter().cycle().take(INVERTERS)) {
        let day = readings(one, 0..SAMPLES_A_DAY, day_ms - FIRST_MS)?;
        history.append(InverterKey(inverter), &day, Position { batch, index: inverter });
        history.seal_all()?;
    }
    // As it was a day later.
    history.merge_due(UtcMs(day_ms + 2 * DAY_MS))?;
    drop(history);
    cloud.with_state(async |state| {
        for first in (0..EVENTS).step_by(usize::try_from(EVENTS_AT_ONCE)?) {
            let rows = (first..first + EVENTS_AT_ONCE)
                .map(|number| event(number, day_ms))
                .collect::<Result<Vec<_>>>()?;
            state.commit_events(&rows).await?;
        }
        Ok(())
    })
}

fn event(number: i64, day_ms: i64) -> Result<EventRow> {
    let inverter = u32::try_from(number.rem_euclid(i64::try_from(INVERTERS)?))? + 1;
    let at = UtcMs(day_ms + number * DAY_MS / EVENTS);
    Ok(EventRow {
        inverter: InverterKey(inverter),
        key: format!("{number}"),
        kind: "raised".to_owned(),
        condition: None,
        occurred_at: at,
        received_at: at,
        late: false,
        detail: "AC input lost".to_owned(),
    })
}
