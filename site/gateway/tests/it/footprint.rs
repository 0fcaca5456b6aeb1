//! How little it takes: memory with the spool full, and no listening socket.
//!
//! Each test runs a copy of the binary, so that its pages are not shared with (and counted at) the other tests' gateways.
//! For the figures of a release build: `cargo build --release -p gateway`, then
//! `INVERTER_GATEWAY=target/release/inverter-gateway cargo test -p gateway --test it footprint -- --nocapture`.

use std::time::{Duration, Instant};

use crate::site::{Gateway, Inverter, Site};

/// A binary that nobody else runs.
fn own_copy(site: &Site, port: u16) -> Gateway {
    let copy = site.folder.path().join("inverter-gateway");
    std::fs::copy(crate::site::binary(), &copy).unwrap();
    Gateway::start_binary(&copy, &site.config(port))
}

/// KiB.
pub fn pss(gateway: &Gateway) -> Vec<(String, u64)> {
    let of = |pid: rustix::process::Pid| {
        let pid = pid.as_raw_pid();
        let name = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        let name = String::from_utf8_lossy(name.split(|b| *b == 0).next().unwrap()).into_owned();
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap();
        (
            name.rsplit('/').next().unwrap().to_owned(),
            line.split_whitespace().nth(1).unwrap().parse().unwrap(),
        )
    };
    gateway.pids().into_iter().map(of).collect()
}

fn listening(gateway: &Gateway) -> Vec<String> {
    let mut inodes = Vec::new();
    for pid in gateway.pids() {
        for entry in std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid())).unwrap() {
            let target = std::fs::read_link(entry.unwrap().path()).unwrap_or_default();
            inodes.extend(
                target
                    .to_str()
                    .and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)),
            );
        }
    }
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let text = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ours = inodes.iter().any(|inode| words[9] == inode);
            // 0A is LISTEN; 01 ESTABLISHED; 02 SYN_SENT. Connected UDP does not occur either.
            if ours && (!table.starts_with("tcp") || words[3] == "0A") {
                found.push(line.to_owned());
            }
        }
    }
    found
}

#[test]
fn all_processes_together_need_less_than_fifteen_mebibytes_with_the_spool_full() {
    let site = Site::new();
    crate::spool::fill(&site.data_dir().join("spool"), site.spool_bytes, 500_000);
    let cloud = site.cloud();
    cloud.behaviour.acknowledge.store(false, std::sync::atomic::Ordering::Relaxed);
    let gateway = own_copy(&site, cloud.address.port());
    let started = Instant::now();
    let kept = gateway.wait_for("from before", 1, 60);
    println!("A full spool is scanned in {:?}: {kept}", started.elapsed());
    gateway.wait_for("Connected", 1, 60);
    gateway.wait_for("is raw", 1, 10);
    let mut inverter = Inverter::new();
    for step in 0..40 {
        inverter.mains(step % 4 != 0);
        site.line.write_all(&inverter.frame());
        std::thread::sleep(Duration::from_millis(50));
    }
    let withheld = pss(&gateway);
    assert_eq!(listening(&gateway), [""; 0], "a listening or unconnected socket");
    cloud.behaviour.acknowledge.store(true, std::sync::atomic::Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(1500));
    let draining = pss(&gateway);
    assert_eq!(listening(&gateway), [""; 0], "a listening or unconnected socket");
    for (when, figures) in [("acknowledgements withheld", &withheld), ("draining", &draining)] {
        let total: u64 = figures.iter().map(|(_, kib)| kib).sum();
        println!("PSS with a full spool, {when}: {total} KiB in all, {figures:?}");
        assert_eq!(figures.len(), 4);
        assert!(total < 15 * 1024, "{total} KiB: {figures:?}");
    }
}

#[test]
fn idle_footprint() {
    let site = Site::new();
    let cloud = site.cloud();
    let gateway = own_copy(&site, cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    gateway.wait_for("is raw", 1, 10);
    site.line.write_all(&Inverter::new().frame());
    cloud.wait_until("a reading", 10, |received| !received.is_empty());
    let figures = pss(&gateway);
    let total: u64 = figures.iter().map(|(_, kib)| kib).sum();
    println!("PSS idle: {total} KiB in all, {figures:?}");
    assert!(total < 15 * 1024, "{total} KiB: {figures:?}");
}
