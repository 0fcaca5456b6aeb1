//! One device: connects, publishes, counts what is acknowledged, and connects again where the plan says so.
//!
//! In: the shared plan and one device. Out: numbers in the tally. Acknowledgements are matched by packet identifier;
//! what a connection leaves unanswered is lost, and sent again under its old sequence by the next.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use wire::mqtt::{
    self, Connect, Delivery, Disconnect, Framing, FromServer, MAX_PACKET_BYTES, Publish, Sender, Version,
};
use wire::{BootId, UtcMs};

use super::backlog::Backlog;
use super::payload::{FIRST, Stamp};
use super::shared::{Shared, Stream};
use super::tally::microseconds;
use super::{Device, Work};

/// Longest wait for TLS and CONNACK: a server with thousands of handshakes before it needs a while.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Sign of life while nothing else is sent; half of the keep-alive.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long acknowledgements are waited for once the run has been told to stop.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Session {
    shared: Arc<Shared>,
    device: Device,
    topic: String,
    boot: BootId,
    random: SmallRng,
    work: State,
    pending: VecDeque<Flight>,
    again: VecDeque<Flight>,
    last_id: u16,
    window: usize,
    started: Instant,
    /// Which of the devices it is.
    index: usize,
    /// The payload being made.
    scratch: Vec<u8>,
}

/// What is left to do.
enum State {
    Idle,
    Live {
        next_sequence: u64,
        left: u64,
        next_due: Instant,
        /// When it begins to report a fault, until it has.
        fault_due: Option<Instant>,
    },
    History(Box<Option<Backlog>>),
}

/// A PUBLISH without an answer.
struct Flight {
    packet_id: NonZeroU16,
    sent_at: Instant,
    content: Content,
}

enum Content {
    Live(Stamp),
    Packed { payload: Vec<u8>, sequences: std::ops::Range<u64>, readings: u64 },
}

/// How a connection ended.
enum End {
    Finished,
    Lost(String),
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, device: Device, index: usize) -> Self {
        let mut random =
            SmallRng::seed_from_u64(shared.seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let boot = BootId(random.random());
        let started = Instant::now();
        let work = match shared.work {
            Work::Idle => State::Idle,
            Work::Live { interval, count } => State::Live {
                next_sequence: FIRST,
                left: count.unwrap_or(u64::MAX),
                // Spread over the interval, as thousands of gateways are.
                next_due: started + interval.mul_f64(random.random::<f64>()),
                fault_due: None,
            },
            Work::History { hours } => {
                let play = device.play.clone().unwrap_or_else(|| Box::new(shared.play(device.serial, index)));
                let backlog = Backlog::new(&play, boot, hours, shared.now);
                if let Err(error) = &backlog {
                    shared.tally.error(&error.to_string());
                }
                State::History(Box::new(backlog.ok()))
            }
        };
        Self {
            topic: format!("inverters/{}/reports", device.serial),
            shared,
            device,
            boot,
            random,
            work,
            pending: VecDeque::new(),
            again: VecDeque::new(),
            last_id: 0,
            window: 1,
            started,
            index,
            scratch: Vec::with_capacity(256),
        }
    }

    /// Lives until the work is done, the run is stopped, or the connection is lost and is not to be made again.
    pub(super) async fn run(mut self, first_connect: Duration) {
        tokio::select! {
            () = self.shared.stop.cancelled() => return,
            () = sleep(first_connect) => {}
        }
        self.started = Instant::now();
        let fault_at = self.shared.fault_at(self.index);
        if let State::Live { fault_due, .. } = &mut self.work {
            *fault_due = fault_at.map(|at| self.started + at);
        }
        loop {
            let end = match self.connect().await {
                Ok(stream) => {
                    self.shared.tally.counts.connected.fetch_add(1, Relaxed);
                    let end = self.drive(stream).await;
                    self.shared.tally.counts.connected.fetch_sub(1, Relaxed);
                    if let End::Lost(why) = &end {
                        self.shared.tally.counts.dropped.fetch_add(1, Relaxed);
                        self.shared.tally.error(why);
                    }
                    end
                }
                Err(why) => {
                    self.shared.tally.counts.connects_failed.fetch_add(1, Relaxed);
                    self.shared.tally.error(&why);
                    End::Lost(why)
                }
            };
            self.give_up_pending();
            if matches!(end, End::Finished) || !self.shared.reconnect || self.shared.stop.is_cancelled() {
                return;
            }
            let jitter = Duration::from_millis(self.random.random_range(100..1000));
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                () = sleep(jitter) => {}
            }
        }
    }

    fn give_up_pending(&mut self) {
        self.shared.tally.counts.lost.fetch_add(self.pending.len() as u64, Relaxed);
        self.again.extend(self.pending.drain(..));
    }

    async fn connect(&mut self) -> Result<Stream, String> {
        let begun = Instant::now();
        let attempt = async {
            let mut stream = self.shared.open(&self.device).await?;
            let mut out = Vec::with_capacity(64);
            Connect::new(self.shared.version, self.device.serial.as_str())
                .encode(&mut out)
                .map_err(|refusal| format!("CONNECT cannot be written: {refusal}"))?;
            write(&mut stream, &out).await?;
            let window = read_connack(&mut stream, self.shared.version).await?;
            Ok::<_, String>((stream, window))
        };
        let (stream, window) = timeout(CONNECT_TIMEOUT, attempt)
            .await
            .map_err(|_| format!("no CONNACK within {} s", CONNECT_TIMEOUT.as_secs()))??;
        self.window = usize::from(window.min(self.shared.in_flight).max(1));
        self.shared.tally.counts.connects.fetch_add(1, Relaxed);
        self.shared.time_connect(microseconds(begun.elapsed()));
        Ok(stream)
    }

    async fn drive(&mut self, mut stream: Stream) -> End {
        let shared = self.shared.clone();
        let mut stopped = pin!(shared.stop.cancelled());
        let mut alarm: std::pin::Pin<&mut Sleep> = pin!(sleep(PING_EVERY));
        let (mut input, mut out) = (Vec::with_capacity(512), Vec::with_capacity(512));
        let mut last_sent = Instant::now();
        let mut stopping: Option<Instant> = None;
        loop {
            let now = Instant::now();
            out.clear();
            if stopping.is_none() {
                self.fill(now, &mut out);
            }
            if out.is_empty() && now >= last_sent + PING_EVERY {
                mqtt::ping_request(&mut out);
            }
            if !out.is_empty() {
                last_sent = now;
                if let Err(why) = write(&mut stream, &out).await {
                    return End::Lost(why);
                }
            }
            if self.is_over(stopping, now) {
                return goodbye(stream, shared.version).await;
            }
            let wake = self.wake(last_sent, stopping);
            // A deadline that moves away with every report is only looked at again when the old one is reached.
            if alarm.is_elapsed() || wake < alarm.deadline() {
                alarm.as_mut().reset(wake);
            }
            tokio::select! {
                biased;
                read = stream.read_buf(&mut input) => match read {
                    Ok(0) => return End::Lost("the server closed the connection".into()),
                    Ok(_) => if let Err(why) = self.take(&mut input) { return End::Lost(why) },
                    Err(error) => return End::Lost(format!("the connection broke: {error}")),
                },
                () = &mut stopped, if stopping.is_none() => stopping = Some(Instant::now()),
                () = &mut alarm => {}
            }
        }
    }

    /// Whether nothing is left to do, or the run was told to stop and has waited long enough.
    fn is_over(&self, stopping: Option<Instant>, now: Instant) -> bool {
        match stopping {
            Some(since) => self.pending.is_empty() || now >= since + GRACE,
            None => self.is_done(),
        }
    }

    fn is_done(&self) -> bool {
        self.pending.is_empty()
            && self.again.is_empty()
            && match &self.work {
                State::Idle => false,
                State::Live { left, .. } => *left == 0,
                State::History(backlog) => backlog.is_none(),
            }
    }

    fn wake(&self, last_sent: Instant, stopping: Option<Instant>) -> Instant {
        let ping = last_sent + PING_EVERY;
        let due = match &self.work {
            State::Live { left, next_due, fault_due, .. }
                if *left > 0 && self.pending.len() < self.window =>
            {
                ping.min(*next_due).min(fault_due.unwrap_or(ping))
            }
            _ => ping,
        };
        stopping.map_or(due, |since| since + GRACE)
    }

    /// Writes what the window and the interval allow.
    fn fill(&mut self, now: Instant, out: &mut Vec<u8>) {
        while self.pending.len() < self.window {
            let Some(content) = self.next_content(now) else { return };
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let packet_id = NonZeroU16::new(self.last_id).unwrap_or(NonZeroU16::MIN);
            let delivery = Delivery::AtLeastOnce { packet_id, dup: false };
            let payload: &[u8] = match &content {
                Content::Live(stamp) => {
                    self.scratch.clear();
                    self.shared.templates.write(stamp, &mut self.scratch);
                    &self.scratch
                }
                Content::Packed { payload, .. } => payload,
            };
            if let Err(refusal) =
                Publish::new(&self.topic, delivery, payload).encode(self.shared.version, out)
            {
                self.shared.tally.error(&format!("a report cannot be written: {refusal}"));
                return;
            }
            self.shared.tally.counts.sent.fetch_add(1, Relaxed);
            self.pending.push_back(Flight { packet_id, sent_at: now, content });
        }
    }

    fn next_content(&mut self, now: Instant) -> Option<Content> {
        if let Some(flight) = self.again.pop_front() {
            return Some(flight.content);
        }
        let elapsed = now.saturating_duration_since(self.started);
        let wall = self.shared.wall(now);
        match &mut self.work {
            State::Idle => None,
            State::Live { next_sequence, left, next_due, fault_due } => {
                // A change does not wait for the next report's turn.
                let begins = fault_due.take_if(|due| now >= *due).is_some();
                if *left == 0 || (now < *next_due && !begins) {
                    return None;
                }
                let Work::Live { interval, .. } = self.shared.work else { return None };
                *left -= 1;
                if now >= *next_due {
                    *next_due = if interval.is_zero() { now } else { (*next_due + interval).max(now) };
                }
                let sequence = *next_sequence;
                *next_sequence += 1;
                let uptime_ms = FIRST + u64::try_from(elapsed.as_millis()).unwrap_or(0);
                let faulty = self.shared.fault_at(self.index).is_some_and(|at| elapsed >= at);
                Some(Content::Live(Stamp { boot: self.boot, sequence, uptime_ms, time: wall, faulty }))
            }
            State::History(backlog) => {
                let packed = backlog.as_mut().as_mut().and_then(|backlog| backlog.next(wall));
                if packed.is_none() {
                    **backlog = None;
                }
                packed.map(|p| Content::Packed {
                    payload: p.payload,
                    sequences: p.sequences,
                    readings: p.readings,
                })
            }
        }
    }

    /// Takes whole packets out of `input`.
    fn take(&mut self, input: &mut Vec<u8>) -> Result<(), String> {
        let mut at = 0;
        let now = Instant::now();
        loop {
            let rest = input.get(at..).unwrap_or_default();
            let length = match mqtt::frame(rest, Sender::Server, MAX_PACKET_BYTES) {
                Ok(Framing::Complete { length }) => length,
                Ok(Framing::Incomplete { .. }) => break,
                Err(refusal) => return Err(format!("the server broke a rule: {refusal}")),
            };
            let packet = rest.get(..length).unwrap_or_default();
            match mqtt::from_server(self.shared.version, packet) {
                Ok(FromServer::PubAck(ack)) => self.acknowledged(ack.packet_id, ack.reason, now)?,
                Ok(FromServer::PingResp) => {}
                Ok(FromServer::Disconnect(bye)) => {
                    return Err(format!(
                        "the server said goodbye: {} {}",
                        bye.reason,
                        bye.reason_string().unwrap_or_default()
                    ));
                }
                Ok(other) => return Err(format!("the server sent what it never may: {other:?}")),
                Err(refusal) => return Err(format!("the server broke a rule: {refusal}")),
            }
            at += length;
        }
        input.drain(..at);
        Ok(())
    }

    fn acknowledged(
        &mut self,
        packet_id: NonZeroU16,
        reason: mqtt::Reason,
        now: Instant,
    ) -> Result<(), String> {
        let place = self.pending.iter().position(|flight| flight.packet_id == packet_id);
        let Some(flight) = place.and_then(|place| self.pending.remove(place)) else {
            return Err(format!("the server acknowledged packet {packet_id}, which was not in flight"));
        };
        let tally = &self.shared.tally;
        if !reason.is_success() {
            tally.counts.refused.fetch_add(1, Relaxed);
            tally.error(&format!("a report was refused: {reason}"));
            return Ok(());
        }
        let readings = match &flight.content {
            Content::Live(stamp) => {
                if tally.has_ledger() {
                    tally.write_ledger(self.device.serial, self.boot, std::iter::once(stamp.sequence));
                }
                1
            }
            Content::Packed { sequences, readings, .. } => {
                tally.write_ledger(self.device.serial, self.boot, sequences.clone());
                *readings
            }
        };
        tally.counts.acked.fetch_add(1, Relaxed);
        tally.counts.readings.fetch_add(readings, Relaxed);
        self.shared.time_ack(microseconds(now.saturating_duration_since(flight.sent_at)));
        Ok(())
    }
}

async fn read_connack(stream: &mut Stream, version: Version) -> Result<u16, String> {
    let mut input = Vec::with_capacity(128);
    loop {
        match mqtt::frame(&input, Sender::Server, MAX_PACKET_BYTES) {
            Ok(Framing::Complete { length }) => {
                let packet = input.get(..length).unwrap_or_default();
                return match mqtt::from_server(version, packet) {
                    Ok(FromServer::ConnAck(ack)) if ack.code == 0 => Ok(ack.receive_maximum()),
                    Ok(FromServer::ConnAck(ack)) => {
                        Err(format!("the server refused CONNECT: {}", ack.code_name(version)))
                    }
                    Ok(other) => Err(format!("the server answered CONNECT with {other:?}")),
                    Err(refusal) => Err(format!("the server broke a rule: {refusal}")),
                };
            }
            Ok(Framing::Incomplete { .. }) => {}
            Err(refusal) => return Err(format!("the server broke a rule: {refusal}")),
        }
        match stream.read_buf(&mut input).await {
            Ok(0) => return Err("the server closed the connection before CONNACK".into()),
            Ok(_) => {}
            Err(error) => return Err(format!("the connection broke before CONNACK: {error}")),
        }
    }
}

async fn write(stream: &mut Stream, bytes: &[u8]) -> Result<(), String> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    written.await.map_err(|error| format!("the connection broke: {error}"))
}

async fn goodbye(mut stream: Stream, version: Version) -> End {
    let mut out = Vec::new();
    if Disconnect::NORMAL.encode(version, Sender::Client, &mut out).is_ok() {
        // The other side may be gone already; nothing is owed to it.
        let _ = timeout(Duration::from_secs(2), async {
            let _ = stream.write_all(&out).await;
            let _ = stream.shutdown().await;
        })
        .await;
    }
    End::Finished
}

/// Wall time of an instant of a run that began at `start`, `now`.
pub(super) fn wall(start: Instant, now: UtcMs, at: Instant) -> UtcMs {
    let passed = at.saturating_duration_since(start).as_millis();
    now.plus_ms(i64::try_from(passed).unwrap_or(0))
}

/// Waits until `at`; for ever where there is none.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
