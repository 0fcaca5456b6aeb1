//! Not one byte reaches the inverter from the moment the reader reports raw mode (decision 17).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::site::{Inverter, Site};

/// Everything a terminal could react to, then frames.
fn hostile_bytes(round: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).collect();
    // XON, XOFF, interrupt, end of file, quit, erase, kill, literal-next, reprint, newline, bell, ENQ, DA request.
    bytes.extend_from_slice(b"\x11\x13\x03\x04\x1c\x7f\x15\x16\x12\r\n\x07\x05\x1b[c\x1b[6n+++ATZ\r");
    let mut random = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    bytes.extend((0..2000).map(|_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.to_le_bytes()[3]
    }));
    bytes
}

/// Streams hostile bytes for ever and notes each byte that comes back, with its time.
struct Peer {
    stop: Arc<AtomicBool>,
    came_back: Arc<Mutex<Vec<(Instant, u8)>>>,
    thread: Option<std::thread::JoinHandle<u64>>,
}

impl Peer {
    fn start(site: &Site) -> Self {
        let (stop, came_back) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let line =
            crate::site::Line { master: site.line.master.try_clone().unwrap(), path: site.line.path.clone() };
        let thread = {
            let (stop, came_back) = (stop.clone(), came_back.clone());
            std::thread::spawn(move || {
                let (mut inverter, mut written, mut round) = (Inverter::new(), 0, 0);
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    for bytes in [hostile_bytes(round), inverter.frame()] {
                        written += line.write(&bytes) as u64;
                        let bytes = line.drain(2);
                        let now = Instant::now();
                        came_back.lock().unwrap().extend(bytes.into_iter().map(|byte| (now, byte)));
                    }
                }
                written
            })
        };
        Self { stop, came_back, thread: Some(thread) }
    }

    /// Bytes that came back after `from`.
    fn since(&self, from: Instant) -> usize {
        self.came_back.lock().unwrap().iter().filter(|(at, _)| *at > from).count()
    }

    fn stop(&mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(0, |thread| thread.join().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop();
    }
}

const RAW: &str = "is raw: 19200 baud";

#[test]
fn a_silent_line_gets_no_byte_when_the_gateway_starts_ends_and_is_killed() {
    let site = Site::new();
    let mut gateway = site.gateway(1);
    gateway.wait_for(RAW, 1, 10);
    for _ in 0..3 {
        site.line.write_all(&hostile_bytes(7));
    }
    assert_eq!(site.line.drain(300), b"");
    gateway.kill_child("reader");
    gateway.wait_for(RAW, 2, 10);
    site.line.write_all(&hostile_bytes(8));
    assert_eq!(gateway.stop(), Some(0));
    assert_eq!(site.line.drain(300), b"");
}

#[test]
fn a_hostile_peer_that_never_stops_gets_no_byte_through_crash_kill_and_restart_of_the_reader() {
    let site = Site::new();
    let cloud = site.cloud();
    let mut peer = Peer::start(&site);
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for(RAW, 1, 10);
    // What the kernel echoed before raw mode may still be on its way to the peer.
    std::thread::sleep(Duration::from_millis(100));
    let raw_at = Instant::now();
    let before = peer.came_back.lock().unwrap().len();
    for kills in 1..=3 {
        std::thread::sleep(Duration::from_millis(300));
        gateway.kill_child("reader");
        gateway.wait_for(RAW, kills + 1, 10);
    }
    gateway.kill_child("uplink");
    std::thread::sleep(Duration::from_millis(500));
    assert!(gateway.child("reader").is_some(), "{:#?}", gateway.lines());
    let streamed = peer.stop();
    assert_eq!(peer.since(raw_at), 0, "bytes came back after raw mode was reported");
    println!("{streamed} hostile bytes streamed, {before} echoed before raw mode, 0 after it");
    assert!(streamed > 50_000, "{streamed}");
    // And the line still works.
    let mut inverter = Inverter::new();
    let frames = cloud.received().len();
    for _ in 0..30 {
        site.line.write_all(&inverter.frame());
        std::thread::sleep(Duration::from_millis(100));
    }
    cloud.wait_until("readings after the garbage", 10, |received| {
        received[frames..].iter().any(|r| !r.report.readings.is_empty())
    });
    assert_eq!(gateway.stop(), Some(0));
}
