//! S1 to S3: how long a sign-in takes when many sign in at once, what that does to the acknowledgement of readings, and
//! what Argon2's parameters cost on this machine.
//!
//! In: options. Out: rows. Sign-ins come over TLS 1.3 on a new connection each, with the right password, as fast as each
//! person's last one was answered: a storm, not a morning.

mod argon;
mod people;

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use simulator::fleet::{Version, Work};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::load::{Load, Stretch, as_f64};
use crate::rows::{Bound, Rows, percentile, ratios};
use people::People;

/// People who sign in at once.
const PEOPLE: usize = 20;
/// Devices that publish meanwhile, and how often each: 1,000 reports a second together.
const DEVICES: usize = 100;
const INTERVAL: Duration = Duration::from_millis(100);
/// The devices are connected by then.
const DEVICES_READY: Duration = Duration::from_secs(1);

/// Runs what `--only` asks for, or all.
///
/// # Errors
/// When somebody is not let in, or nothing is acknowledged.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let identities = Identities::make(&folder.path().join("identities"), options.devices.unwrap_or(DEVICES))?;
    let cloud = Cloud::prepare(&folder.path().join("cloud"), &identities, Duration::ZERO)?;
    cloud.add_people(PEOPLE, people::email, &argon::hash(people::PASSWORD)?)?;
    let (process, _) = cloud.start()?;
    let people = People::new(cloud.address, &identities.root)?;
    let mut rows = Rows::default();
    if options.wants("S3") {
        argon::compare(options, &mut rows)?;
    }
    if options.wants("S1") {
        sign_ins(options, &people, &mut rows)?;
    }
    if options.wants("S2") {
        let load = Load {
            address: cloud.address,
            root: &identities.root,
            version: Version::V5,
            devices: &identities.devices,
            work: Work::Live { interval: INTERVAL, count: None },
            duration: DEVICES_READY + Duration::from_secs(options.seconds),
            reconnect: false,
            ledger: None,
        };
        beside_readings(options, &load, process.pid(), &people, &mut rows)?;
    }
    rows.save(options.json.as_deref())
}

/// Where the nth person signs in from.
type From = fn(usize) -> Ipv4Addr;

/// Each at an address of its own, then all behind one, as in an office.
fn sign_ins(options: &Options, people: &People, rows: &mut Rows) -> Result<()> {
    let ways: [(&str, From); 2] =
        [("20 at once", people::own_address), ("20 at once behind one address", |_| Ipv4Addr::LOCALHOST)];
    for (what, from) in ways {
        let (mut p50, mut p99, mut rate) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.repeats {
            let duration = Duration::from_secs(options.seconds);
            let times = people.storm(PEOPLE, from, duration)?;
            p50.push(percentile(&times, 0.5));
            p99.push(percentile(&times, 0.99));
            rate.push(as_f64(times.len() as u64) / duration.as_secs_f64());
        }
        rows.note("S1", &format!("sign-in p50, {what}"), &p50, "ms");
        rows.note("S1", &format!("sign-in p99, {what}"), &p99, "ms");
        rows.note("S1", &format!("sign-ins, {what}"), &rate, "/s");
    }
    Ok(())
}

/// The same devices without and with a storm of sign-ins. Which comes first changes each time: what else the machine does
/// by and by falls on both.
fn beside_readings(
    options: &Options,
    load: &Load<'_>,
    server: u32,
    people: &People,
    rows: &mut Rows,
) -> Result<()> {
    let (mut idle, mut stormy, mut rate) = (Vec::new(), Vec::new(), Vec::new());
    let duration = Duration::from_secs(options.seconds);
    let in_storm = || {
        std::thread::scope(|scope| -> Result<(Stretch, Vec<f64>)> {
            let publishing = scope.spawn(|| load.run(server));
            std::thread::sleep(DEVICES_READY);
            let times = people.storm(PEOPLE, people::own_address, duration)?;
            Ok((publishing.join().map_err(|_| anyhow!("the load panicked"))??, times))
        })
    };
    for repeat in 0..options.repeats {
        let before = (repeat % 2 == 0).then(|| load.run(server)).transpose()?;
        let (stretch, times) = in_storm()?;
        let calm = before.map_or_else(|| load.run(server), Ok)?;
        idle.push(calm.latency_ms(0.99));
        stormy.push(stretch.latency_ms(0.99));
        rate.push(as_f64(times.len() as u64) / duration.as_secs_f64());
    }
    rows.note("S2", "acknowledgement p99, nobody signs in", &idle, "ms");
    rows.note("S2", "acknowledgement p99, 20 sign in at once", &stormy, "ms");
    rows.note("S2", "sign-ins meanwhile", &rate, "/s");
    let (floor, target) = (Bound::AtMost(2.0), Bound::AtMost(1.5));
    rows.judge(
        "S2",
        "acknowledgement p99 in a sign-in storm ÷ idle",
        &ratios(&stormy, &idle),
        "×",
        floor,
        target,
    );
    Ok(())
}
