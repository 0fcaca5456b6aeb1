//! A cloud that has the right key sends whatever it likes: nothing reaches the inverter, nothing grows, nothing is lost.
//!
//! The kept readings are what a test looks for at the end; live ones keep the session busy, and one in each is
//! acknowledged. `INVERTER_CONNECT_HOSTILE=20` plays twenty times as much noise.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use driven_clock::Driver;
use wire::BootId;

use super::hostile_cloud::{HostileCloud, Play};
use super::{all_of, live_inverter, site_with};
use crate::cloud::{Cloud, now};
use crate::footprint::pss;
use crate::site::{Gateway, Line, Site};

const KEPT: u64 = 400;
/// Plays after which memory is looked at for the first time: everything that is used is there by then.
const WARM: usize = 20;
/// What all processes together may grow by over all plays, and what their peaks may be above where they were.
const GROWTH_KIB: u64 = 1024;
const PEAK_KIB: u64 = 2048;
/// What the plays that look like an order carry.
const ORDER: &[u8] = b"reboot";

/// Writes frames until it is dropped.
struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Feeder {
    fn start(site: &Site, every: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let line = Line { master: site.line.master.try_clone().unwrap(), path: site.line.path.clone() };
        let thread = {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut inverter = live_inverter();
                while !stop.load(Ordering::Relaxed) {
                    line.write(&inverter.frame());
                    std::thread::sleep(every);
                }
            })
        };
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// A binary that nobody else runs: its pages are counted at it alone.
fn own(site: &Site, binary: &Path) -> Command {
    let copy = site.folder.path().join("inverter-gateway");
    std::fs::copy(binary, &copy).unwrap();
    Command::new(copy)
}

/// All plays, then an honest cloud. What it said.
fn endure(site: &Site, mut command: Command, plays: Vec<Play>, every: Duration, seconds: u64) -> Vec<String> {
    let count = plays.len();
    let cloud = HostileCloud::start(&site.pki, plays);
    let port = cloud.address.port();
    command.arg("--config").arg(site.config(port));
    let mut gateway = Gateway::start_command(command.stderr(Stdio::piped()).stdin(Stdio::null()));
    gateway.wait_for("is raw", 1, 10);
    let files_before = files(site.folder.path());
    let (feeder, begin) = (Feeder::start(site, every), Instant::now());
    let memory = |gateway: &Gateway| -> (usize, u64) {
        let all = pss(gateway);
        (all.len(), all.iter().map(|(_, kib)| kib).sum())
    };
    cloud.wait_for(WARM.min(count / 2), seconds);
    let (before, processes, peak_before) = (memory(&gateway), gateway.pids(), forget_peaks(&gateway));
    let taken = cloud.end(seconds);
    let (after, peak) = (memory(&gateway), peaks(&gateway));
    println!(
        "{count} plays in {:?}; memory (PSS) of all {} processes: {} KiB after the first of them, {} KiB at the end; \
         their peaks (RSS) {peak} KiB, from {peak_before} KiB",
        begin.elapsed(),
        after.0,
        before.1,
        after.1
    );
    assert_eq!(gateway.pids(), processes, "a process died: {:#?}", gateway.lines());
    nothing_written(site, files_before, files(site.folder.path()));
    assert!(after.1 < before.1 + GROWTH_KIB, "grown from {before:?} to {after:?}");
    assert!(peak < peak_before + PEAK_KIB, "a peak of {peak} KiB, from {peak_before} KiB");
    let honest = Cloud::on(std::net::TcpListener::bind(("127.0.0.1", port)).unwrap(), &site.pki, "server");
    all_of(&honest, KEPT, 60);
    drop(feeder);
    gateway.wait_for("Everything that was kept has been sent", 1, 20);
    let lines = gateway.lines();
    assert_eq!(gateway.stop(), Some(0));
    nothing_missing(&taken, &honest);
    assert_eq!(site.line.drain(100), b"", "a byte reached the inverter");
    lines
}

/// By path: whether it may be run, and what is in it.
type Files = BTreeMap<PathBuf, (bool, Vec<u8>)>;

/// Every file below a folder.
fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else if path.is_file() {
            // The gateway's own may be replaced or given up meanwhile.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let runnable = path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
            found.insert(path, (runnable, bytes));
        }
    }
    found
}

/// Program, configuration, key and certificates are byte for byte what they were; beside them are only the files that the gateway
/// writes itself, none can be run, and nothing in them came from the cloud.
fn nothing_written(site: &Site, before: Files, after: Files) {
    let own = site.data_dir();
    let apart =
        |all: Files| -> (Files, Files) { all.into_iter().partition(|(path, _)| path.starts_with(&own)) };
    let ((_, before), (written, after)) = (apart(before), apart(after));
    assert!(before.values().any(|(runnable, _)| *runnable), "the program is not among {:?}", before.keys());
    let changed: Vec<_> = after.iter().filter(|(path, file)| before.get(*path) != Some(file)).collect();
    let paths: Vec<_> = changed.iter().map(|(path, _)| path).collect();
    assert!(paths.is_empty() && after.len() == before.len(), "changed or new: {paths:?}");
    assert!(!written.is_empty());
    for (path, (runnable, bytes)) in &written {
        let name = path.strip_prefix(&own).unwrap().to_str().unwrap();
        let known = ["lock", "state"].contains(&name) || name.starts_with("spool/readings-");
        assert!(known && !runnable, "{name} has no place there, or can be run");
        let told = bytes.windows(ORDER.len()).any(|part| part == ORDER);
        assert!(!told, "{name} holds what the cloud sent");
    }
}

/// The highest that each process had resident, KiB in all.
fn peaks(gateway: &Gateway) -> u64 {
    let of = |pid: rustix::process::Pid| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    gateway.pids().into_iter().map(of).sum()
}

/// From now on they count anew (proc(5), clear_refs).
fn forget_peaks(gateway: &Gateway) -> u64 {
    for pid in gateway.pids() {
        // Without the right to, the peaks of the start count too: they are lower.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", pid.as_raw_pid()), "5");
    }
    peaks(gateway)
}

/// Every number of this start was either acknowledged by the one or is with the other; none is missing between.
fn nothing_missing(taken: &[(BootId, u64)], honest: &Cloud) {
    let boot = taken.first().unwrap().0;
    let all: HashSet<_> = taken.iter().copied().chain(honest.distinct()).collect();
    let mut numbers: Vec<u64> =
        all.into_iter().filter(|(b, _)| *b == boot).map(|(_, number)| number).collect();
    numbers.sort_unstable();
    let hole = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1);
    println!(
        "{} live readings: {} taken by the hostile cloud, the rest with the honest one",
        numbers.len(),
        taken.len()
    );
    assert!(hole.is_none(), "a hole: {hole:?}");
}

fn noise() -> u64 {
    std::env::var("INVERTER_CONNECT_HOSTILE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same noise in each run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn fuzz(count: u64) -> impl Iterator<Item = Play> {
    let mut state = 7;
    (0..count).map(move |_| {
        let length = random(&mut state) % 700 + 1;
        let mut bytes: Vec<u8> = (0..length).map(|_| random(&mut state).to_le_bytes()[0]).collect();
        // Half of it begins like a packet that may come, so that it gets further in.
        if random(&mut state).is_multiple_of(2) {
            let likely = [0x20, 0x40, 0xd0, 0xe0, 0x30];
            bytes[0] = likely[usize::try_from(random(&mut state) % 5).unwrap()];
            bytes.insert(1, u8::try_from(random(&mut state) % 128).unwrap());
        }
        Play::after(bytes)
    })
}

/// Lengths that lie, floods, acknowledgements of nothing, every reason to go: MQTT alone.
fn abuses() -> Vec<Play> {
    let publish = [&[0x32, 14, 0, 3, b'a', b'/', b'b', 0, 1, 0][..], ORDER].concat();
    let connack = [0x20, 3, 0, 0, 0];
    let mut plays = vec![
        // 256 MiB announced, and a length of five bytes, and one that is longer than it needs to be.
        Play::after([0x40, 0xff, 0xff, 0xff, 0x7f]),
        Play::after([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]),
        Play::after([0x40, 0x82, 0x80, 0x00, 0, 1]),
        Play::after([0xe0, 0xff, 0xff, 0xff, 0x7f]).then([0; 16_000], 400),
        Play::after(publish).times(20_000),
        Play::after([0x40, 2, 0xff, 0xff]).times(20_000),
        Play::after(connack).times(1000),
        // What may come, without end: half a million answers to no question.
        Play::after([0xd0, 0].repeat(8000)).times(64),
        Play::after([0xd0, 0].repeat(100)).piece(1),
        // Acknowledges what was not sent yet, in one piece with the welcome.
        Play::instead([&connack[..], &[0x40, 2, 0, 1]].concat()),
        Play::after([0x40, 2, 0x7f, 0xff].repeat(2)),
        Play::instead([0x20, 3, 1, 0, 0]),
        // A welcome that ends in the middle, and one that announces more than anybody reads.
        Play::instead([0x20, 9, 0, 0]),
        Play::instead([&[0x20, 0xff, 0xff, 0x7f, 0, 0][..], &[0; 9000]].concat()),
        // Welcomes whose limits are absurd: a window of one, packets of one byte, a keep-alive of one second.
        Play::instead([0x20, 14, 0, 0, 11, 0x21, 0, 1, 0x27, 0, 0, 0, 1, 0x13, 0, 1]),
    ];
    plays.extend((1..=255).step_by(3).map(|reason| Play::after([0xe0, 1, reason])));
    // Answers every ping and never acknowledges anything, for three minutes, twenty times as fast.
    let answers = Play { after: vec![0xd0, 0], ..Play::instead(connack) };
    plays.push(answers.times(90).every(Duration::from_millis(100)));
    plays
}

#[test]
fn whatever_a_hostile_cloud_sends_the_line_stays_silent_memory_flat_and_every_reading_is_kept() {
    let mut site = site_with(KEPT);
    site.scheme = "mqtts";
    let clock = site.folder.path().join("clock");
    Driver::create(&clock, now()).unwrap().set_rate(20.0).unwrap();
    let mut command = own(&site, Path::new(env!("CARGO_BIN_EXE_inverter-gateway-simulated")));
    command.arg("--clock").arg(&clock);
    // Each first byte that there is, all packet types with all flags, in a session.
    let mut plays: Vec<Play> = (0..=255).map(|first| Play::after([first, 2, 0xff, 0xff])).collect();
    plays.extend(abuses());
    plays.extend(fuzz(60 * noise()));
    // Each packet type in place of the welcome, one between others: such a session acknowledges nothing, and waits grow.
    for kind in (0..16).filter(|kind| *kind != 2) {
        plays.insert(usize::from(kind) * 15 + 3, Play::instead([kind << 4, 3, 0, 0, 0]));
    }
    let lines = endure(&site, command, plays, Duration::from_millis(50), 300);
    for expect in [
        "the cloud broke the protocol",
        "the cloud sent a packet that has no place here",
        "the cloud acknowledged what was not sent",
        "the cloud ended the session",
        "the cloud does not acknowledge",
        "it does not speak MQTT 5",
        "Another gateway uses this certificate",
    ] {
        assert!(lines.iter().any(|line| line.contains(expect)), "{expect} was never said");
    }
}

#[test]
fn what_comes_in_one_piece_with_the_welcome_is_read_too() {
    let mut site = site_with(KEPT);
    site.scheme = "mqtts";
    // A packet of a reserved kind, and a welcome before it: one record of TLS.
    let cloud = HostileCloud::start(&site.pki, vec![Play::instead([0x20, 3, 0, 0, 0, 0xf0, 0])]);
    let mut gateway = site.gateway(cloud.address.port());
    let said = gateway.wait_for("Lost", 1, 10);
    assert!(
        said.contains("the cloud broke the protocol") && said.contains("400 readings are kept"),
        "{said}"
    );
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn what_was_acknowledged_in_one_piece_with_the_end_is_not_sent_again() {
    // A goodbye, and what no WebSocket has; half a packet, and nothing more, as of a cloud that is killed.
    let ends: [(&str, Vec<u8>); 4] = [
        ("mqtts", vec![0xe0, 1, 0x8b]),
        ("mqtts", vec![0x30, 0xff]),
        ("wss", vec![0x88, 0]),
        ("wss", vec![0x83, 0]),
    ];
    for (scheme, bytes) in ends {
        let mut site = site_with(0);
        site.scheme = scheme;
        let cloud = HostileCloud::start(&site.pki, vec![Play::after(bytes.clone()).at_once()]);
        let port = cloud.address.port();
        let mut gateway = site.gateway(port);
        let feeder = Feeder::start(&site, Duration::from_millis(400));
        let taken = cloud.end(30);
        assert!(!taken.is_empty(), "{scheme} {bytes:?}: nothing was acknowledged");
        let honest =
            Cloud::on(std::net::TcpListener::bind(("127.0.0.1", port)).unwrap(), &site.pki, "server");
        gateway.wait_for("Connected", 2, 30);
        honest.wait_until("a live reading", 30, |received| !received.is_empty());
        drop(feeder);
        assert_eq!(gateway.stop(), Some(0));
        let again: Vec<_> = honest.distinct().into_iter().filter(|one| taken.contains(one)).collect();
        assert!(again.is_empty(), "{scheme} {bytes:?}: sent again: {again:?}");
        nothing_missing(&taken, &honest);
    }
}

#[test]
fn the_same_of_a_web_socket_against_the_shipped_program() {
    let site = site_with(KEPT);
    let plays = [
        // A PUBLISH, each packet that may not come, an acknowledgement of nothing: whole messages.
        Play::after([&[0x82, 14, 0x30, 12, 0, 3, b'a', b'/', b'b', 0][..], ORDER].concat()),
        Play::after([0x82, 5, 0x90, 3, 0, 1, 0]),
        Play::after([0x82, 4, 0x40, 2, 0xff, 0xff]),
        // Text; reserved kinds and bits; a masked frame; a message of 2^62 bytes, or of 1 MiB; an end of nothing.
        Play::after(*b"\x81\x06reboot"),
        Play::after([0x83, 0]),
        Play::after([0xf2, 1, 0]),
        Play::after([0x82, 0x81, 1, 2, 3, 4, 5]),
        Play::after([0x82, 0x7f, 0x40, 0, 0, 0, 0, 0, 0, 0]),
        Play::after([&[0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0][..], &[0; 30_000]].concat()).times(30),
        Play::after([0x80, 0]),
        // A message in pieces that never ends, pings without end, the shortest goodbye, half a frame.
        Play::after([&[0x02, 126, 0x10, 0][..], &[0; 4096]].concat()),
        Play::after([0x02, 0]).times(1),
        Play::after([0x89, 0].repeat(8000)).times(20),
        Play::after([0x88, 0]),
        Play::after([0x82, 126, 0x10]),
        // What belongs to MQTT, bare.
        Play::after([0x40, 2, 0, 1]),
        Play::after([0xd0, 0]).piece(1),
    ];
    let command = own(&site, &crate::site::binary());
    endure(&site, command, plays.to_vec(), Duration::from_millis(400), 120);
}
