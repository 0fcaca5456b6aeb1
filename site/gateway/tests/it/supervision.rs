//! What happens to the processes: they are started anew, end together, and find the port again.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::site::{Inverter, Line, Site};

fn gone(pids: &[Pid]) -> bool {
    pids.iter().all(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
        test_kill_process(*pid).is_err() || stat.contains(") Z ")
    })
}

#[test]
fn the_children_die_with_the_supervisor() {
    let site = Site::new();
    let mut gateway = site.gateway(1);
    gateway.wait_for("is raw", 1, 10);
    while gateway.child("uplink").is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let children = gateway.pids()[1..].to_vec();
    assert_eq!(children.len(), 3, "reader, starter, uplink");
    kill_process(Pid::from_child(&gateway.process), Signal::KILL).unwrap();
    gateway.process.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while !gone(&children) {
        assert!(Instant::now() < end, "children outlive their supervisor");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn both_children_are_started_anew_and_nothing_in_the_pipe_is_lost_meanwhile() {
    let site = Site::new();
    let cloud = site.cloud();
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    gateway.wait_for("is raw", 1, 10);
    gateway.kill_child("uplink");
    let mut inverter = Inverter::new();
    site.line.write_all(&inverter.frame());
    gateway.wait_for("The uplink ended by signal 9. Starting it anew in 1 s.", 1, 5);
    cloud.wait_until("what was read while the uplink was dead", 10, |r| {
        r.iter().any(|r| !r.report.readings.is_empty())
    });
    gateway.kill_child("reader");
    gateway.wait_for("The reader ended by signal 9. Starting it anew in 1 s.", 1, 5);
    gateway.wait_for("is raw", 2, 5);
    let count = cloud.received().len();
    std::thread::sleep(Duration::from_secs(1));
    site.line.write_all(&inverter.frame());
    cloud.wait_until("what the new reader reads", 10, |r| {
        r[count..].iter().any(|r| !r.report.readings.is_empty())
    });
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn an_adapter_may_be_pulled_and_plugged_in_again() {
    let mut site = Site::new();
    let cloud = site.cloud();
    let path = site.folder.path().join("port");
    symlink(&site.line.path, &path).unwrap();
    let first = std::mem::replace(&mut site.line, Line::new());
    let second = std::mem::replace(&mut site.line.path, path.clone());
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("is raw", 1, 10);
    std::fs::remove_file(&path).unwrap();
    drop(first);
    gateway.wait_for("is gone. Looking for it every second", 1, 5);
    gateway.wait_for("it is not there; plug the adapter in", 1, 5);
    symlink(&second, &path).unwrap();
    gateway.wait_for("is raw", 2, 5);
    site.line.write_all(&Inverter::new().frame());
    cloud.wait_until("a reading from the new port", 10, |r| r.iter().any(|r| !r.report.readings.is_empty()));
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn sigterm_saves_what_is_not_sent_and_says_goodbye() {
    let site = Site::new();
    let mut gateway = site.gateway(1);
    gateway.wait_for("is raw", 1, 10);
    site.line.write_all(&Inverter::new().frame());
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    assert_eq!(gateway.stop(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
    gateway.wait_for("Stopping", 1, 1);
    let gateway = site.gateway(1);
    gateway.wait_for("1 reading is kept from before", 1, 5);
}

#[test]
fn two_gateways_do_not_share_a_folder() {
    let site = Site::new();
    let first = site.gateway(1);
    first.wait_for("is raw", 1, 10);
    let mut other = Site::new();
    symlink(site.data_dir(), other.data_dir()).unwrap();
    other.interval_s = 2;
    let second = other.gateway(1);
    second.wait_for("another gateway uses", 1, 5);
}

#[test]
fn a_configuration_that_never_worked_ends_the_gateway_and_says_what_to_write() {
    let site = Site::new();
    std::fs::write(site.pki.folder.join("device.key"), "not a key").unwrap();
    let mut gateway = site.gateway(1);
    assert_eq!(gateway.wait_for_end(10), Some(78));
    gateway.wait_for("key `cloud.key`", 1, 1);
    let mut site = Site::new();
    site.more = "colour = \"red\"\n".to_owned();
    let mut gateway = site.gateway(1);
    assert_eq!(gateway.wait_for_end(10), Some(78));
    gateway.wait_for("colour", 1, 1);
}
