//! A cloud with the right key and bad intentions: one play per connection, in order, then it is gone.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use wire::mqtt::{
    self, ConnAck, Framing, FromClient, MAX_PACKET_BYTES, Properties, PubAck, Reason, Sender, Version,
};
use wire::{BootId, Quantity};

use super::LIVE;
use crate::cloud::{Pki, Wire, shake_hands};

/// What it does on one connection.
#[derive(Clone)]
pub struct Play {
    /// In place of CONNACK; empty: an honest CONNACK, and one live reading is acknowledged, so that the next try is soon.
    pub instead: Vec<u8>,
    /// Then, beneath the WebSocket where there is one: this once, and what follows many times.
    pub begin: Vec<u8>,
    pub after: Vec<u8>,
    pub times: usize,
    /// After each time.
    pub pause: Duration,
    /// In pieces of so many bytes, each in a record of its own.
    pub piece: usize,
    /// How long it then waits for the other side to go.
    pub hold: Duration,
    /// What follows comes in one record with the acknowledgement.
    pub at_once: bool,
}

impl Play {
    pub fn after(bytes: impl Into<Vec<u8>>) -> Self {
        let hold = Duration::from_millis(150);
        Self {
            instead: Vec::new(),
            begin: Vec::new(),
            after: bytes.into(),
            times: 1,
            pause: Duration::ZERO,
            piece: usize::MAX,
            hold,
            at_once: false,
        }
    }

    pub fn instead(bytes: impl Into<Vec<u8>>) -> Self {
        Self { instead: bytes.into(), ..Self::after([]) }
    }

    /// And then, so many times, something else.
    pub fn then(self, bytes: impl Into<Vec<u8>>, times: usize) -> Self {
        Self { begin: self.after, after: bytes.into(), times, ..self }
    }

    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    pub fn piece(self, piece: usize) -> Self {
        Self { piece, ..self }
    }

    /// All of it in one record with the acknowledgement, and then it waits until the other side is gone.
    pub fn at_once(self) -> Self {
        Self { at_once: true, hold: Duration::from_secs(10), ..self }
    }

    pub fn every(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
}

/// See the module.
pub struct HostileCloud {
    pub address: SocketAddr,
    played: Arc<AtomicUsize>,
    acknowledged: Arc<Mutex<Vec<(BootId, u64)>>>,
    thread: Option<std::thread::JoinHandle<()>>,
    plays: usize,
}

impl HostileCloud {
    pub fn start(pki: &Pki, plays: Vec<Play>) -> Self {
        let (listener, config) = (TcpListener::bind("127.0.0.1:0").unwrap(), pki.server_config("server"));
        let (address, count) = (listener.local_addr().unwrap(), plays.len());
        let (played, acknowledged) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let ours = (played.clone(), acknowledged.clone());
        let thread = std::thread::spawn(move || {
            for play in plays {
                let (client, _) = listener.accept().unwrap();
                let _ = perform(client, &config, &play, &ours.1);
                ours.0.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { address, played, acknowledged, thread: Some(thread), plays: count }
    }

    /// Until so many are over.
    pub fn wait_for(&self, plays: usize, seconds: u64) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while self.played.load(Ordering::Relaxed) < plays {
            let played = self.played.load(Ordering::Relaxed);
            assert!(Instant::now() < end, "{played} of {plays} plays within {seconds} s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All are over; it no longer listens. What it acknowledged.
    pub fn end(mut self, seconds: u64) -> Vec<(BootId, u64)> {
        self.wait_for(self.plays, seconds);
        self.thread.take().unwrap().join().unwrap();
        self.acknowledged.lock().unwrap().clone()
    }
}

fn perform(
    tcp: TcpStream,
    config: &Arc<ServerConfig>,
    play: &Play,
    acknowledged: &Mutex<Vec<(BootId, u64)>>,
) -> std::io::Result<()> {
    tcp.set_write_timeout(Some(Duration::from_secs(2)))?;
    // Who never finishes shaking hands does not hold up the others.
    tcp.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut wire = shake_hands(tcp, config.clone())?;
    let mut inbox = Vec::new();
    if play.instead.is_empty() {
        let mut out = Vec::new();
        ConnAck::refuse(0).encode(Version::V5, &mut out).unwrap();
        wire.send(out)?;
        let mut ack = acknowledge_one_live(&mut wire, &mut inbox, acknowledged)?;
        if play.at_once {
            // A server's frame of up to 125 bytes: binary, whole, not masked (RFC 6455, 5.2).
            if let Wire::Web(_) = wire {
                ack.splice(0..0, [0x82, u8::try_from(ack.len()).unwrap()]);
            }
            ack.extend_from_slice(&play.after);
            wire.beneath().write_all(&ack)?;
            wire.beneath().flush()?;
        } else if !ack.is_empty() {
            wire.send(ack)?;
        }
    } else {
        wire.send(play.instead.clone())?;
    }
    wire.beneath().write_all(&play.begin)?;
    for _ in 0..if play.at_once { 0 } else { play.times } {
        for piece in play.after.chunks(play.piece) {
            wire.beneath().write_all(piece)?;
            wire.beneath().flush()?;
        }
        std::thread::sleep(play.pause);
    }
    let end = Instant::now() + play.hold;
    while Instant::now() < end && wire.receive(&mut inbox)? {}
    Ok(())
}

/// The acknowledgement of the first report of live readings; empty where none comes. Kept readings are never acknowledged
/// here: an honest cloud must get them all.
fn acknowledge_one_live(
    wire: &mut Wire,
    inbox: &mut Vec<u8>,
    acknowledged: &Mutex<Vec<(BootId, u64)>>,
) -> std::io::Result<Vec<u8>> {
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end && wire.receive(inbox)? {
        while let Framing::Complete { length } = mqtt::frame(inbox, Sender::Client, MAX_PACKET_BYTES).unwrap()
        {
            let packet: Vec<u8> = inbox.drain(..length).collect();
            let FromClient::Publish(publish) = mqtt::from_client(Version::V5, &packet).unwrap() else {
                continue;
            };
            let report = wire::report::decode(publish.payload).unwrap();
            let is_live = |load: Option<i64>| load.is_some_and(|load| load > LIVE);
            let all_live =
                report.readings.iter().all(|one| is_live(one.sample.quantities.value(Quantity::LOAD)));
            if report.readings.is_empty() || !all_live {
                continue;
            }
            let boot = report.boot.unwrap();
            let readings = report.readings.iter().map(|one| one.sequence);
            let numbers = readings.chain(report.events.iter().map(|one| one.sequence));
            acknowledged.lock().unwrap().extend(numbers.map(|number| (boot, number.unwrap())));
            let (packet_id, mut out) = (publish.delivery.packet_id().unwrap(), Vec::new());
            let ack = PubAck { packet_id, reason: Reason::SUCCESS, properties: Properties::EMPTY };
            ack.encode(Version::V5, &mut out).unwrap();
            return Ok(out);
        }
    }
    Ok(Vec::new())
}
