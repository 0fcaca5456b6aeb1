//! Acknowledgements of one session: in from the journal's commit, out in arrival order.
//!
//! In: a place taken when a PUBLISH is submitted, and later [`AckTicket::durable`] from the committer's thread. Out:
//! the packet identifiers that may be acknowledged now, oldest first, never one before an older one
//! ([MQTT-4.6.0-2]). Never allocates after the session began, never writes to the socket: it wakes the session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Reports of one session that may wait for their acknowledgement at a time (the receive maximum we announce).
pub const RECEIVE_MAXIMUM: u16 = 32;

const PLACES: usize = RECEIVE_MAXIMUM as usize;

/// The right, and the duty, to acknowledge one PUBLISH once its report is durable.
///
/// Dropping it without [`AckTicket::durable`] acknowledges nothing: the publisher sends again after it reconnects.
#[derive(Debug)]
#[must_use = "a ticket that is dropped acknowledges nothing"]
pub struct AckTicket {
    /// None for QoS 0, which has no acknowledgement.
    place: Option<(Arc<Link>, u8)>,
}

impl AckTicket {
    /// A ticket with nothing to acknowledge: QoS 0, and tests.
    pub const fn none() -> Self {
        Self { place: None }
    }

    /// Call once the report is on disk: queues the PUBACK in arrival order and wakes the session.
    ///
    /// Cheap (one lock, no allocation) and callable from any thread; a session that is gone is not an error.
    pub fn durable(self) {
        if let Some((link, place)) = self.place {
            link.mark_durable(place);
        }
    }
}

/// Why a session must look up from its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A newer session of the same serial has begun.
    TakenOver,
    /// Its certificate was revoked, or its device removed.
    Revoked,
    /// The server is stopping.
    Stop,
}

/// What other threads share with one session.
#[derive(Debug, Default)]
pub struct Link {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Ring of packet identifiers in arrival order.
    identifiers: [u16; PLACES],
    /// Bit n: the report at ring place n is durable.
    durable: u32,
    first: u8,
    length: u8,
    order: Option<Order>,
    waker: Option<Waker>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { identifiers: [0; PLACES], durable: 0, first: 0, length: 0, order: None, waker: None }
    }
}

impl Link {
    /// Takes the next place for a QoS 1 packet, or none if [`RECEIVE_MAXIMUM`] are waiting.
    pub fn ticket(self: &Arc<Self>, packet_identifier: u16) -> Option<AckTicket> {
        let mut inner = self.lock();
        if usize::from(inner.length) >= PLACES {
            return None;
        }
        let place = (inner.first + inner.length) % PLACES as u8;
        if let Some(slot) = inner.identifiers.get_mut(usize::from(place)) {
            *slot = packet_identifier;
        }
        inner.length += 1;
        drop(inner);
        Some(AckTicket { place: Some((Arc::clone(self), place)) })
    }

    /// Moves every packet identifier that may be acknowledged now into `out`, in arrival order.
    pub fn take_durable(&self, mut out: impl FnMut(u16)) {
        let mut inner = self.lock();
        while inner.length > 0 && inner.durable & (1 << inner.first) != 0 {
            let first = inner.first;
            inner.durable &= !(1 << first);
            inner.first = (first + 1) % PLACES as u8;
            inner.length -= 1;
            if let Some(identifier) = inner.identifiers.get(usize::from(first)) {
                out(*identifier);
            }
        }
    }

    /// Reports submitted and not yet taken by [`Self::take_durable`].
    pub fn waiting(&self) -> u16 {
        u16::from(self.lock().length)
    }

    /// True if a waiting report carries this identifier.
    pub fn holds(&self, packet_identifier: u16) -> bool {
        let inner = self.lock();
        (0..inner.length).any(|n| {
            let place = usize::from((inner.first + n) % PLACES as u8);
            inner.identifiers.get(place) == Some(&packet_identifier)
        })
    }

    /// Tells the session to end; the first order stands.
    pub fn order(&self, order: Order) {
        let waker = {
            let mut inner = self.lock();
            if inner.order.is_none() {
                inner.order = Some(order);
            }
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The order given and not yet taken, if any.
    pub fn take_order(&self) -> Option<Order> {
        self.lock().order.take()
    }

    /// True if there is something to do now; else remembers whom to wake when there is. Without `acks`, only an order
    /// counts: the peer takes no bytes at present.
    pub fn poll_news(&self, waker: &Waker, acks: bool) -> bool {
        let mut inner = self.lock();
        if inner.order.is_some() || (acks && inner.length > 0 && inner.durable & (1 << inner.first) != 0) {
            return true;
        }
        match &inner.waker {
            Some(known) if known.will_wake(waker) => {}
            _ => inner.waker = Some(waker.clone()),
        }
        false
    }

    fn mark_durable(&self, place: u8) {
        let waker = {
            let mut inner = self.lock();
            inner.durable |= 1 << place;
            // Only the oldest one lets anything out; and a waker is taken once, so a batch wakes a session once.
            if inner.durable & (1 << inner.first) != 0 { inner.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(link: &Link) -> Vec<u16> {
        let mut out = Vec::new();
        link.take_durable(|identifier| out.push(identifier));
        out
    }

    #[test]
    fn acknowledgements_leave_in_arrival_order() {
        let link = Arc::new(Link::default());
        let tickets: Vec<_> = [7, 8, 9].into_iter().map(|id| link.ticket(id).unwrap()).collect();
        let mut tickets = tickets.into_iter();
        let (first, second, third) =
            (tickets.next().unwrap(), tickets.next().unwrap(), tickets.next().unwrap());
        third.durable();
        second.durable();
        assert!(taken(&link).is_empty());
        first.durable();
        assert_eq!(taken(&link), [7, 8, 9]);
        assert_eq!(link.waiting(), 0);
    }

    #[test]
    fn places_end_at_the_receive_maximum_and_come_back() {
        let link = Arc::new(Link::default());
        for round in 0..100_u16 {
            let mut tickets: Vec<_> = (1..=RECEIVE_MAXIMUM).map(|id| link.ticket(id).unwrap()).collect();
            assert!(link.ticket(99).is_none());
            assert!(link.holds(RECEIVE_MAXIMUM) && !link.holds(99));
            tickets.rotate_left(usize::from(round) % PLACES);
            tickets.into_iter().for_each(AckTicket::durable);
            assert_eq!(taken(&link), (1..=RECEIVE_MAXIMUM).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_ticket_outlives_its_session_and_the_first_order_stands() {
        let link = Arc::new(Link::default());
        let ticket = link.ticket(1).unwrap();
        link.order(Order::TakenOver);
        link.order(Order::Stop);
        assert_eq!(link.take_order(), Some(Order::TakenOver));
        assert_eq!(link.take_order(), None);
        drop(link);
        ticket.durable();
        AckTicket::none().durable();
    }
}
