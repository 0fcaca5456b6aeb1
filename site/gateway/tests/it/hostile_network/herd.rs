//! Many gateways lose one cloud for twelve hours; it comes back.
//!
//! Real processes here, a few; two thousand by the same rule in `uplink::back_off`. `INVERTER_CONNECT_HERD=60` makes them
//! more.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use driven_clock::Driver;
use wire::UtcMs;

use super::site_with;
use crate::cloud::{Cloud, Pki, now};
use crate::site::{Gateway, Site};

const KEPT: u64 = 20;
const OUTAGE_MS: i64 = 12 * 3_600_000;
/// Without a draw, all would try 127 s and 255 s after they lost it.
const SHORT_OUTAGE_MS: i64 = 200_000;
/// How much faster than real while the cloud is away, and once it is back.
const AWAY_RATE: f64 = 1200.0;
const BACK_RATE: f64 = 20.0;
/// Waits are even between nothing and five minutes.
const ALL_BACK_MS: i64 = 5 * 60_000;

fn gateways() -> usize {
    std::env::var("INVERTER_CONNECT_HERD").ok().and_then(|text| text.parse().ok()).unwrap_or(30)
}

/// All have the certificates of the first.
fn sites(count: usize) -> Vec<Site> {
    let sites: Vec<Site> = (0..count).map(|_| site_with(KEPT)).collect();
    let (first, others) = sites.split_first().unwrap();
    for file in ["cloud-ca.crt", "device.crt", "device.key"] {
        for other in others {
            std::fs::copy(first.pki.folder.join(file), other.pki.folder.join(file)).unwrap();
        }
    }
    sites
}

#[test]
fn gateways_whose_cloud_was_away_for_twelve_hours_come_back_one_by_one_with_all_they_kept() {
    let (sites, port) = (sites(gateways()), nobody());
    let clock = sites[0].folder.path().join("clock");
    let mut driver = Driver::create(&clock, now()).unwrap();
    let mut running: Vec<Gateway> = sites.iter().map(|site| start(site, port, &clock)).collect();
    for gateway in &running {
        gateway.wait_for("Cannot reach", 1, 30);
    }
    let begin = (Instant::now(), driver.now());
    driver.set_rate(AWAY_RATE).unwrap();
    driver.wait_until(UtcMs(begin.1.0 + OUTAGE_MS));
    driver.set_rate(BACK_RATE).unwrap();
    let tries = running.iter().map(|one| said(one, "Cannot reach")).sum::<usize>();
    println!(
        "{} gateways, {} h without a cloud in {:?}: {tries} tries told",
        running.len(),
        OUTAGE_MS / 3_600_000,
        begin.0.elapsed()
    );
    let cloud = comes_back(&driver, port, &sites);
    let kept = usize::try_from(KEPT).unwrap();
    cloud.wait_until("what all kept", 60, |received| super::loads(received).len() >= kept * sites.len());
    for number in 0..i64::try_from(KEPT).unwrap() {
        let came = super::loads(&cloud.received()).iter().filter(|load| **load == number).count();
        assert_eq!(came, sites.len(), "reading {number} of each, once");
    }
    // All lose it at one instant: now nothing but the draw of their waits keeps them apart.
    drop(cloud);
    let lost = driver.now();
    driver.wait_until(UtcMs(lost.0 + SHORT_OUTAGE_MS));
    println!("gone again for {} s, for all at one instant:", SHORT_OUTAGE_MS / 1000);
    let _cloud = comes_back(&driver, port, &sites);
    running.iter_mut().for_each(|gateway| assert_eq!(gateway.stop(), Some(0)));
}

/// The cloud is there again: all find it within five minutes, and never many in one second.
fn comes_back(driver: &Driver, port: u16, sites: &[Site]) -> Cloud {
    let (back, cloud) = (driver.now(), cloud_on(port, &sites[0].pki));
    let arrivals = arrivals(driver, back, &cloud, sites.len());
    let busiest = arrivals.iter().max().copied().unwrap();
    let parts: Vec<u32> = arrivals.chunks(30).map(|part| part.iter().sum()).collect();
    println!("back within five minutes, in each half of a minute {parts:?}, {busiest} in the busiest second");
    // Thirty even over 300 s: seven in one second come less than once in a million runs.
    let bound = u32::try_from(3 + sites.len() / 10).unwrap();
    assert!(busiest <= bound, "{busiest} in one second, more than {bound}");
    cloud
}

/// A port where nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn cloud_on(port: u16, pki: &Pki) -> Cloud {
    Cloud::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), pki, "server")
}

fn start(site: &Site, port: u16, clock: &Path) -> Gateway {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-gateway-simulated"));
    command.arg("--config").arg(site.config(port)).arg("--clock").arg(clock);
    Gateway::start_command(command.stderr(Stdio::piped()).stdin(Stdio::null()))
}

fn said(gateway: &Gateway, text: &str) -> usize {
    gateway.lines().iter().filter(|line| line.contains(text)).count()
}

/// Connections in each second of the driven clock, until all are there.
fn arrivals(driver: &Driver, back: UtcMs, cloud: &Cloud, count: usize) -> Vec<u32> {
    let mut seconds = vec![0; usize::try_from(ALL_BACK_MS / 1000 + 30).unwrap()];
    let mut seen = 0;
    while seen < count {
        let connections = cloud.behaviour.connections.load(Ordering::Relaxed);
        let at = usize::try_from(driver.now().since(back) / 1000).unwrap();
        assert!(at < seconds.len(), "{seen} of {count} are back after {at} s");
        seconds[at] += u32::try_from(connections - seen).unwrap();
        seen = connections;
        std::thread::sleep(Duration::from_millis(5));
    }
    seconds
}
