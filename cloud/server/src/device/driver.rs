//! Drives one device's connection: socket, TLS, WebSocket, session, journal.
//!
//! In: an authenticated connection. Out: its reports in the journal, its answers on the wire. One task; between
//! packets it holds no buffer. Never reads while the peer takes no answers, while it sends too fast, or while the
//! journal's queue is full: that is the back-pressure.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::counters::count;
use super::farewell::farewell;
use super::gate::{Gate, Shared};
use super::session::{End, Host, Session, Step};
use super::websocket::{Heard, WebSocket};
use super::wire_tls::{Received, Tls};
use super::{House, Order, limits};
use crate::ingest::Reservation;
use crate::registry::Fingerprint;

/// Looks at the socket in one turn, so that a busy peer leaves room for the others.
const READS_PER_TURN: usize = 8;

/// What the client said it would speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// MQTT, by ALPN.
    Mqtt,
    /// HTTP and then WebSocket, by ALPN.
    Http,
    /// Nothing: the first byte tells.
    Unsaid,
}

/// Serves a connection until it ends.
///
/// Not an `async fn`: that would hold its arguments beside the connection made of them, and the size of this future
/// is most of what an idle device costs.
pub fn serve(
    shared: Arc<Shared>,
    tls: Tls,
    certificate: Fingerprint,
    speaks: Speaks,
    accepted: Instant,
) -> impl Future<Output = ()> + Send {
    let mut connection = Connection {
        shared,
        tls,
        pending: Vec::new(),
        framing: match speaks {
            Speaks::Mqtt => Framing::Raw,
            Speaks::Http => Framing::WebSocket(WebSocket::new()),
            Speaks::Unsaid => Framing::Unknown,
        },
        session: Session::new(accepted),
        gate: Gate { link: Arc::default(), certificate, turn: None, device: None, reservation: None },
        hold: Hold::None,
        unsent_since: None,
        stop_at: None,
        raw: Vec::new(),
    };
    async move {
        let mut sleep = pin!(sleep_until(accepted + limits::CONNECT_TIME));
        let end = poll_fn(|context| connection.poll_turns(context, sleep.as_mut())).await;
        // In a box: the farewell's state would make every idle session larger.
        let linger = matches!(end, End::Refused(_));
        Box::pin(farewell(connection.tls, connection.framing, linger)).await;
    }
}

struct Connection {
    shared: Arc<Shared>,
    tls: Tls,
    /// Bytes of MQTT of a packet that is not complete, or that may not be taken yet.
    pending: Vec<u8>,
    framing: Framing,
    session: Session,
    gate: Gate,
    hold: Hold,
    /// Since when the peer takes nothing.
    unsent_since: Option<Instant>,
    /// The server stops: when to stop waiting for acknowledgements.
    stop_at: Option<Instant>,
    /// What the WebSocket has to say for itself: its handshake, pongs.
    raw: Vec<u8>,
}

/// How MQTT lies in the connection.
pub enum Framing {
    /// The first byte will tell.
    Unknown,
    /// As it is.
    Raw,
    /// In binary frames.
    WebSocket(WebSocket),
}

/// Why the peer is not read at present.
enum Hold {
    None,
    /// Until this instant.
    Until(Instant),
    /// Until the journal's queue has room.
    Room(Pin<Box<dyn Future<Output = Reservation> + Send>>),
    /// Until an acknowledgement has left.
    Acks,
}

enum Turn {
    /// Nothing to do before something happens.
    Wait,
    /// There is more, after the others had their turn.
    Again,
    End(End),
}

/// What is left to look at in the input.
enum Input {
    /// All was taken that is there.
    Empty,
    /// Something may not be taken now.
    Held,
    End(End),
}

impl Connection {
    /// Takes turns until there is nothing to do, and sees to it that it is woken when there is.
    fn poll_turns(&mut self, context: &mut TaskContext<'_>, mut sleep: Pin<&mut Sleep>) -> Poll<End> {
        loop {
            match self.turn(Instant::now(), context) {
                Turn::End(end) => return Poll::Ready(end),
                Turn::Again => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Turn::Wait => {}
            }
            let deadline = self.next_deadline();
            // A deadline that only moved away is looked at when the old one passes: no timer is set anew per packet.
            if deadline < sleep.deadline() || sleep.is_elapsed() {
                sleep.as_mut().reset(deadline);
            }
            if self.poll_something(context, sleep.as_mut()).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self, now: Instant, context: &mut TaskContext<'_>) -> Turn {
        let mut out = Vec::new();
        let (again, end) = match self.work(now, context, &mut out) {
            Ok(again) => (again, None),
            Err(end) => (false, Some(end)),
        };
        if let Some(end) = end {
            // Before the peer hears of it: who sees the connection close finds it counted and its place free.
            self.conclude(end);
        }
        let sent = self.send(&out, now);
        match (end, sent) {
            (Some(end), _) => Turn::End(end),
            (None, false) => {
                self.conclude(End::Goodbye);
                Turn::End(End::Goodbye)
            }
            (None, true) if again && self.unsent_since.is_none() => Turn::Again,
            (None, true) => Turn::Wait,
        }
    }

    /// Orders, acknowledgements, deadlines, input, in this order. True if more input may be there.
    fn work(&mut self, now: Instant, context: &mut TaskContext<'_>, out: &mut Vec<u8>) -> Result<bool, End> {
        self.acknowledge(out);
        self.obey(now, out)?;
        self.check_deadlines(now, out)?;
        if self.unsent_since.is_some() || self.stop_at.is_some() {
            return Ok(false);
        }
        if let Hold::Until(instant) = self.hold
            && instant <= now
        {
            self.release(now);
        }
        for _ in 0..READS_PER_TURN {
            if !matches!(self.hold, Hold::None) {
                return Ok(false);
            }
            match self.take_input(now, out) {
                Input::Empty => {}
                Input::Held => return Ok(false),
                Input::End(end) => return Err(end),
            }
            match self.tls.receive(context) {
                Received::Records => {}
                Received::Nothing => return Ok(false),
                Received::End => return Err(End::Goodbye),
                Received::Broken => return Err(self.session.end(House::TLS_BROKEN, out)),
            }
        }
        Ok(true)
    }

    fn acknowledge(&mut self, out: &mut Vec<u8>) {
        if self.unsent_since.is_some() {
            return;
        }
        let mut acks = 0;
        self.gate.link.take_durable(|identifier| {
            // Every PUBACK says success, in both versions: two bytes of header, two of identifier.
            let [high, low] = identifier.to_be_bytes();
            out.extend_from_slice(&[0x40, 2, high, low]);
            acks += 1;
        });
        if acks > 0 {
            self.shared.counters.acks.fetch_add(acks, Ordering::Relaxed);
            if matches!(self.hold, Hold::Acks) {
                self.release(Instant::now());
            }
        }
    }

    fn obey(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<(), End> {
        match self.gate.link.take_order() {
            None => {}
            Some(Order::TakenOver) => return Err(self.session.end(House::TAKEN_OVER, out)),
            Some(Order::Revoked) => return Err(self.session.end(House::CERTIFICATE_REVOKED, out)),
            Some(Order::Stop) => self.stop_at = Some(now + limits::STOP_GRACE),
        }
        match self.stop_at {
            Some(stop_at) if stop_at <= now || self.gate.link.waiting() == 0 => {
                Err(self.session.end(House::STOPPING, out))
            }
            _ => Ok(()),
        }
    }

    fn check_deadlines(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<(), End> {
        if self.unsent_since.is_some_and(|since| since + limits::WRITE_STALL <= now) {
            return Err(self.session.end(House::WRITE_STALL, out));
        }
        let (deadline, refused) = self.session.deadline();
        if self.is_reading() && deadline <= now {
            return Err(self.session.end(refused, out));
        }
        Ok(())
    }

    fn is_reading(&self) -> bool {
        matches!(self.hold, Hold::None) && self.unsent_since.is_none() && self.stop_at.is_none()
    }

    fn release(&mut self, now: Instant) {
        self.hold = Hold::None;
        self.session.excuse(now);
    }

    /// Takes plaintext until there is no more or something may not be taken.
    fn take_input(&mut self, now: Instant, out: &mut Vec<u8>) -> Input {
        loop {
            if !self.pending.is_empty() {
                let (taken, step) = self.feed_pending(now, out);
                // A buffer that is used up goes: idle sessions hold none.
                if taken == self.pending.len() {
                    self.pending = Vec::new()
                } else {
                    self.pending.drain(..taken).for_each(drop)
                }
                if let Some(input) = self.settle(step, now) {
                    return input;
                }
            }
            match self.next_plaintext(now, out) {
                Ok(Some(Step::Wait)) => {}
                Ok(Some(step)) => {
                    if let Some(input) = self.settle(step, now) {
                        return input;
                    }
                }
                Ok(None) => return Input::Empty,
                Err(end) => return Input::End(end),
            }
        }
    }

    fn feed_pending(&mut self, now: Instant, out: &mut Vec<u8>) -> (usize, Step) {
        let mut host = self.gate.host(&self.shared);
        feed(&mut self.session, &self.pending, now, &mut host, out)
    }

    /// Takes one chunk of plaintext; none left: `Ok(None)`.
    fn next_plaintext(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<Option<Step>, End> {
        let Self { shared, tls, pending, framing, session, gate, raw, .. } = self;
        let mut result = Ok(Step::Wait);
        let some = tls.plaintext(|chunk| {
            if matches!(framing, Framing::Unknown) {
                let http = chunk.first() == Some(&b'G');
                *framing = if http { Framing::WebSocket(WebSocket::new()) } else { Framing::Raw };
            }
            match framing {
                Framing::WebSocket(socket) => {
                    result = match socket.receive(chunk, pending, raw) {
                        Ok(Heard::More) => Ok(Step::Wait),
                        Ok(Heard::Closed) => Err(End::Goodbye),
                        Err(house) => Err(End::Refused(house.into())),
                    };
                }
                // The usual case: whole packets in one record, taken where they lie.
                _ if pending.is_empty() => {
                    let (taken, step) = feed(session, chunk, now, &mut gate.host(shared), out);
                    pending.extend_from_slice(chunk.get(taken..).unwrap_or_default());
                    result = Ok(step);
                }
                _ => pending.extend_from_slice(chunk),
            }
            chunk.len()
        });
        match some {
            Ok(true) => result.map(Some),
            Ok(false) => Ok(None),
            Err(_) => Err(End::Goodbye),
        }
    }

    /// What a step means for reading on; none: read on.
    fn settle(&mut self, step: Step, now: Instant) -> Option<Input> {
        self.hold = match step {
            Step::Wait | Step::Took(_) => return None,
            Step::End(end) => return Some(Input::End(end)),
            Step::NotBefore(instant) => {
                if self.session.is_open() {
                    count(&self.shared.counters.slowed);
                }
                Hold::Until(instant.max(now))
            }
            Step::NoRoom => Hold::Room(Box::pin(self.shared.ingest.reserve(limits::PACKET_BYTES))),
            Step::Full => Hold::Acks,
        };
        Some(Input::Held)
    }

    /// Sends; false if the connection is gone.
    fn send(&mut self, out: &[u8], now: Instant) -> bool {
        match self.frame(out).and_then(|()| self.tls.flush()) {
            Ok(true) => {
                if self.unsent_since.take().is_some() {
                    self.session.excuse(now);
                }
                true
            }
            Ok(false) => {
                self.unsent_since.get_or_insert(now);
                true
            }
            Err(_) => false,
        }
    }

    fn frame(&mut self, out: &[u8]) -> std::io::Result<()> {
        if let Framing::WebSocket(socket) = &mut self.framing {
            if !out.is_empty() {
                socket.send(out, &mut self.raw).map_err(|_| std::io::ErrorKind::NotConnected)?;
            }
            let raw = std::mem::take(&mut self.raw);
            return if raw.is_empty() { Ok(()) } else { self.tls.write(&raw) };
        }
        if out.is_empty() { Ok(()) } else { self.tls.write(out) }
    }

    fn next_deadline(&self) -> Instant {
        let idle = self.session.deadline().0;
        let mut deadline = match self.hold {
            Hold::None if self.is_reading() => idle,
            Hold::Until(instant) => instant,
            _ => idle + limits::IDLE,
        };
        if let Some(since) = self.unsent_since {
            deadline = deadline.min(since + limits::WRITE_STALL);
        }
        if let Some(stop_at) = self.stop_at {
            deadline = deadline.min(stop_at);
        }
        deadline
    }

    fn poll_something(&mut self, context: &mut TaskContext<'_>, sleep: Pin<&mut Sleep>) -> Poll<()> {
        let blocked = self.unsent_since.is_some();
        let mut ready = self.gate.link.poll_news(context.waker(), !blocked);
        if blocked {
            ready |= self.tls.poll_writable(context).is_ready();
        } else if self.is_reading() {
            ready |= self.tls.poll_readable(context).is_ready();
        }
        if let Hold::Room(room) = &mut self.hold
            && let Poll::Ready(reservation) = room.as_mut().poll(context)
        {
            self.gate.reservation = Some(reservation);
            self.release(Instant::now());
            ready = true;
        }
        ready |= sleep.poll(context).is_ready();
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Counts the end and frees the place.
    fn conclude(&self, end: End) {
        self.gate.leave(&self.shared);
        if let End::Refused(refused) = end {
            self.shared.counters.refuse(refused);
            tracing::debug!(device = ?self.gate.device, refusal = refused.name(), "connection ended: {refused}");
        }
    }
}

/// Takes packet after packet; says how many bytes were taken and why no more.
fn feed(
    session: &mut Session,
    input: &[u8],
    now: Instant,
    host: &mut impl Host,
    out: &mut Vec<u8>,
) -> (usize, Step) {
    let mut taken = 0;
    loop {
        match session.step(input.get(taken..).unwrap_or_default(), now, host, out) {
            Step::Took(count) => {
                taken += count;
                if taken == input.len() {
                    return (taken, Step::Wait);
                }
            }
            step => return (taken, step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, D, E, F: Future>(_: fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// Five thousand idle devices hold five thousand of these.
    #[test]
    fn an_idle_session_is_small() {
        let size = size_of_future(serve);
        assert!(size < 2_048, "{size} bytes, {} of them rustls", size_of::<rustls::ServerConnection>());
    }
}
