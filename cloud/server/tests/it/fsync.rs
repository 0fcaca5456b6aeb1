//! An acknowledgement waits for the disk and never follows a failed one. The disk is made slow and broken by strace.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use server::clock;
use wire::BootId;

use crate::cloud::{Cloud, Publisher, needs, report};
use crate::door_setup::eventually;

const DELAY: Duration = Duration::from_millis(150);
const BOOT: BootId = BootId([3; 16]);

/// strace on a running server's disk calls; detached when dropped.
struct Strace {
    child: Child,
    log: PathBuf,
}

impl Strace {
    fn attach(cloud: &Cloud, inject: &str) -> Self {
        let log = cloud.path("strace.log");
        let child = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fdatasync,fsync", "-e"])
            .arg(format!("inject=fdatasync,fsync:{inject}"))
            .arg("-o")
            .arg(&log)
            .args(["-p", &cloud.process_id().to_string()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("strace is attached to every thread", || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", cloud.process_id())).unwrap();
            tasks.filter_map(Result::ok).all(|task| {
                let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            })
        });
        Self { child, log }
    }

    /// Detaches; how many calls of `name` it meddled with, which it marks with `mark`.
    fn detach(self, name: &str, mark: &str) -> usize {
        let log = self.log.clone();
        drop(self);
        let log = std::fs::read_to_string(log).unwrap();
        // A call that others interrupt is told in two lines, the mark in the second.
        log.lines().filter(|line| line.contains(name) && line.contains(mark)).count()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        crate::cloud::terminate(self.child.id());
        let _ = self.child.wait();
    }
}

#[test]
fn every_acknowledgement_waits_for_a_slow_disk() {
    if !needs("strace") {
        return;
    }
    let mut cloud = Cloud::new();
    let bundle = cloud.device("FSYNC-0001");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    let fast = Instant::now();
    link.publish(&report(BOOT, 1, clock::now())).unwrap();
    assert!(fast.elapsed() < DELAY, "the disk is too slow for this test: {:?}", fast.elapsed());

    let strace = Strace::attach(&cloud, &format!("delay_exit={}", DELAY.as_micros()));
    // One at a time, then eight at once: each must wait for a whole commit that began after it was sent.
    for number in 2..8 {
        let sent = Instant::now();
        link.publish(&report(BOOT, number, clock::now())).unwrap();
        assert!(sent.elapsed() >= DELAY, "acknowledged after {:?}", sent.elapsed());
    }
    let sent: Vec<_> = (0..8_u16)
        .map(|n| {
            link.send(n + 1, &report(BOOT, 8 + u64::from(n), clock::now())).unwrap();
            let sent = Instant::now();
            std::thread::sleep(DELAY / 10);
            sent
        })
        .collect();
    for (number, sent) in (1..).zip(sent) {
        assert_eq!(link.ack().unwrap(), number);
        assert!(sent.elapsed() >= DELAY, "number {number} was acknowledged after {:?}", sent.elapsed());
    }
    let delayed = strace.detach("fdatasync", "DELAYED");
    assert!(delayed >= 7, "{delayed} commits by fdatasync were delayed");
    cloud.stop();
    assert_eq!(cloud.ledger().len(), 15);
}

/// ASVS 5.0: 16.3.4, 16.5.3.
#[test]
fn no_acknowledgement_follows_a_failed_disk_and_the_server_says_why_it_ends() {
    if !needs("strace") {
        return;
    }
    let mut cloud = Cloud::new();
    let bundle = cloud.device("FSYNC-0002");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    for number in 1..=5 {
        link.publish(&report(BOOT, number, clock::now())).unwrap();
    }
    let strace = Strace::attach(&cloud, "error=EIO");
    let refused = link.publish(&report(BOOT, 6, clock::now()));
    assert!(refused.is_err(), "acknowledged after a failed fsync");
    let status = cloud.wait();
    let failed = strace.detach("fdatasync", "INJECTED");
    assert!(failed >= 1, "no commit by fdatasync was made to fail");
    assert!(!status.success());
    let log = cloud.log();
    assert!(log.contains("inverter-connect: the journal failed, so nothing can be acknowledged"), "{log}");
    assert!(log.contains("I/O"), "{log}");

    // The disk is well again: what was acknowledged is there, and the device's second attempt is stored once.
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 6, clock::now())).unwrap();
    cloud.stop();
    let mut numbers: Vec<_> = cloud.ledger().into_iter().map(|(.., number)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}
