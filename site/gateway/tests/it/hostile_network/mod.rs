//! The gateway where the network is against it: the shipped program, locked, in networks of a test's own.
//!
//! Each test leaves readings of known contents in the spool and asks at the end that an honest cloud has each of them
//! once, as it was.

mod herd;
mod hostile_cloud;
mod interception;
mod malicious;
mod narrow;
mod poor_line;
mod proxies;
mod strangers;

use wire::Quantity;

use crate::cloud::{Cloud, Received};
use crate::site::{Gateway, Inverter, SERIAL, Site};

/// Loads of live readings begin here; those of kept ones are below.
pub const LIVE: i64 = 1_000_000;

/// A cabinet whose gateway was without a cloud for `kept` readings.
pub fn site_with(kept: u64) -> Site {
    let site = Site::new();
    crate::spool::fill(&site.data_dir().join("spool"), site.spool_bytes, kept);
    site
}

pub fn live_inverter() -> Inverter {
    let mut inverter = Inverter::new();
    inverter.observation.sequence = Some(u64::try_from(LIVE).unwrap());
    inverter
}

pub fn loads(received: &[Received]) -> Vec<i64> {
    let readings = received.iter().flat_map(|r| &r.report.readings);
    readings.filter_map(|reading| reading.sample.quantities.value(Quantity::LOAD)).collect()
}

pub fn kept_loads(received: &[Received]) -> Vec<i64> {
    loads(received).into_iter().filter(|load| *load < LIVE).collect()
}

/// Waits until every kept reading is there, then asks that none came twice, all in order and each as it was.
pub fn all_of(cloud: &Cloud, kept: u64, seconds: u64) -> Vec<Received> {
    let count = usize::try_from(kept).unwrap();
    let received =
        cloud.wait_until("every kept reading", seconds, |received| kept_loads(received).len() >= count);
    let came = kept_loads(&received);
    let wrong = came.iter().copied().zip(0..).find(|(came, wanted)| came != wanted);
    assert!(wrong.is_none() && came.len() == count, "{} of {count}, first wrong: {wrong:?}", came.len());
    as_they_were(&received);
    received
}

/// Whatever kept reading came says what it said when it was recorded, on this inverter's topic.
pub fn as_they_were(received: &[Received]) {
    for (report, reading) in received.iter().flat_map(|r| r.report.readings.iter().map(move |one| (r, one))) {
        assert_eq!(report.topic, format!("inverters/{SERIAL}/reports"));
        let load = reading.sample.quantities.value(Quantity::LOAD).unwrap();
        if let Ok(number @ 0..1_000_000) = u64::try_from(load) {
            assert_eq!(reading.sample, crate::spool::sample(number));
        }
    }
}

/// A sentence about a try that failed; it says what is kept, too.
pub fn told(gateway: &Gateway, kept: u64, seconds: u64) -> String {
    let said = gateway.wait_for("Cannot reach", 1, seconds);
    assert!(said.contains(&format!("{kept} readings are kept. Next try in ")), "{said}");
    assert!(said.len() < 450 && !said.contains(char::is_control), "not for a person: {said}");
    said
}
