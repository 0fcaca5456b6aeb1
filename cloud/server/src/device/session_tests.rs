//! The session without a socket: any split, any bytes, any host.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::time::Instant;
use wire::mqtt::{self, Connect, Delivery, Framing, FromServer, PacketId, Publish, Refusal, Sender, Version};
use wire::{Serial, UtcMs};

use super::rate::Rate;
use super::session::{Admission, End, Host, Session, Step, Taken};
use super::{House, limits};

/// Remembers what it was given.
struct Books {
    reports: Vec<Vec<u8>>,
    admission: Admission,
    taken: Taken,
}

impl Books {
    fn open() -> Self {
        let serial = Serial::parse("A1B2-0001").unwrap();
        Self { reports: Vec::new(), admission: Admission::Granted(serial), taken: Taken::Submitted }
    }
}

impl Host for Books {
    fn admit(&mut self, _: Instant, _: &Connect<'_>) -> Admission {
        self.admission
    }

    fn wall_clock(&self) -> UtcMs {
        UtcMs(1_790_000_000_000)
    }

    fn report_rate(&self) -> Rate {
        Rate::new(limits::REPORTS_PER_S, limits::REPORT_BURST)
    }

    fn report(&mut self, payload: &[u8], _: Option<PacketId>, _: bool) -> Taken {
        if self.taken == Taken::Submitted {
            self.reports.push(payload.to_vec());
        }
        self.taken
    }

    fn filters_refused(&mut self, _: u64) {}
}

fn connect(version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    Connect::new(version, "a").encode(&mut out).unwrap();
    out
}

fn publish(version: Version, packet_id: u16, payload: &[u8]) -> Vec<u8> {
    let delivery = match PacketId::new(packet_id) {
        Some(packet_id) => Delivery::AtLeastOnce { packet_id, dup: false },
        None => Delivery::AtMostOnce,
    };
    let mut out = Vec::new();
    Publish::new("inverters/A1B2-0001/reports", delivery, payload).encode(version, &mut out).unwrap();
    out
}

/// Feeds pieces as they come; stops at the end. What it answers, and how it ended.
fn play(pieces: &[&[u8]], books: &mut Books) -> (Vec<u8>, Option<End>) {
    let now = Instant::now();
    let (mut session, mut held, mut out) = (Session::new(now), Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            match session.step(&held, now, books, &mut out) {
                Step::Wait => break,
                Step::Took(count) => drop(held.drain(..count)),
                Step::End(end) => return (out, Some(end)),
                other => panic!("{other:?}"),
            }
            if held.is_empty() {
                break;
            }
        }
    }
    (out, None)
}

fn opened(version: Version, books: &mut Books, now: Instant) -> Session {
    let (mut session, mut out, packet) = (Session::new(now), Vec::new(), connect(version));
    assert_eq!(session.step(&packet, now, books, &mut out), Step::Took(packet.len()));
    assert!(session.is_open());
    session
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V311), Just(Version::V5)]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        version in version(), payloads in vec(vec(any::<u8>(), 0..40), 1..8), cuts in vec(any::<Index>(), 0..6),
    ) {
        let mut stream = connect(version);
        for (index, payload) in payloads.iter().enumerate() {
            stream.extend(publish(version, index as u16, payload));
            stream.extend([0xc0, 0]);
        }
        stream.extend([0xe0, 0]);
        let mut whole = Books::open();
        let expected = play(&[&stream], &mut whole);
        prop_assert_eq!(expected.1, Some(End::Goodbye));
        prop_assert_eq!(&whole.reports, &payloads);

        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let mut split = Books::open();
        prop_assert_eq!(play(&pieces, &mut split), expected);
        prop_assert_eq!(split.reports, whole.reports);
    }

    /// Whatever arrives, what is sent are whole packets that a client understands, and none of them a PUBACK.
    #[test]
    fn any_bytes_are_survived(version in version(), open: bool, bytes in vec(any::<u8>(), 0..200)) {
        let first = if open { connect(version) } else { Vec::new() };
        let mut books = Books::open();
        let (out, end) = play(&[&first, &bytes], &mut books);
        let mut rest = &out[..];
        while !rest.is_empty() {
            let Ok(Framing::Complete { length }) = mqtt::frame(rest, Sender::Server, limits::PACKET_BYTES) else {
                panic!("half a packet: {out:02x?}");
            };
            rest = &rest[length..];
        }
        if let Some(End::Refused(refused)) = end {
            prop_assert!(!refused.reason().is_success());
        }
    }

    /// Bytes that are nearly right reach the corners.
    #[test]
    fn a_changed_byte_never_gets_a_report_through_twice(
        version in version(), at in any::<Index>(), byte: u8,
    ) {
        let mut stream = connect(version);
        stream.extend(publish(version, 1, b"{}"));
        let at = at.index(stream.len());
        stream[at] = byte;
        let mut books = Books::open();
        let (out, _) = play(&[&stream], &mut books);
        prop_assert!(books.reports.len() <= 1);
        // PUBACK is the driver's, after the journal: never the session's.
        prop_assert!(!out.windows(2).any(|pair| pair == [0x40, 2]) || out[0] == 0x20);
    }
}

#[test]
fn a_connect_waits_for_its_turn_without_being_taken() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let mut books = Books { admission: Admission::Later(later), ..Books::open() };
    let (mut session, mut out, packet) = (Session::new(now), Vec::new(), connect(Version::V5));
    assert_eq!(session.step(&packet, now, &mut books, &mut out), Step::NotBefore(later));
    assert!(out.is_empty() && !session.is_open());
    books.admission = Books::open().admission;
    assert_eq!(session.step(&packet, later, &mut books, &mut out), Step::Took(packet.len()));
    assert!(session.is_open());
}

#[test]
fn a_report_for_which_there_is_no_room_is_not_taken() {
    let now = Instant::now();
    for (version, taken, expect) in [
        (Version::V5, Taken::NoRoom, Step::NoRoom),
        (Version::V311, Taken::NoRoom, Step::NoRoom),
        (Version::V311, Taken::Full, Step::Full),
        (Version::V5, Taken::Full, Step::End(End::Refused(Refusal::RECEIVE_MAXIMUM_EXCEEDED.into()))),
        (Version::V311, Taken::IdentifierInUse, Step::End(End::Refused(Refusal::PACKET_ID_IN_USE.into()))),
    ] {
        let mut books = Books::open();
        let mut session = opened(version, &mut books, now);
        books.taken = taken;
        assert_eq!(session.step(&publish(version, 1, b"{}"), now, &mut books, &mut Vec::new()), expect);
    }
}

#[test]
fn pings_count_against_the_rate_as_reports_do() {
    let now = Instant::now();
    let mut books = Books::open();
    let mut session = opened(Version::V5, &mut books, now);
    let mut out = Vec::new();
    for _ in 0..limits::REPORT_BURST {
        assert_eq!(session.step(&[0xc0, 0], now, &mut books, &mut out), Step::Took(2));
    }
    let ready = now + Duration::from_millis(50);
    assert_eq!(session.step(&[0xc0, 0], now, &mut books, &mut out), Step::NotBefore(ready));
    assert_eq!(session.step(&[0xc0, 0], ready, &mut books, &mut out), Step::Took(2));
}

#[test]
fn deadlines_of_connect_and_of_silence() {
    let now = Instant::now();
    let session = Session::new(now);
    assert_eq!(session.deadline(), (now + limits::CONNECT_TIME, House::CONNECT_TIME.into()));
    // 5.0: ours, whatever the client asked; 3.1.1: the client's own if it is shorter.
    for (version, keep_alive_s, idle_s) in [
        (Version::V5, 0, 90),
        (Version::V5, 10, 90),
        (Version::V5, 600, 90),
        (Version::V311, 0, 90),
        (Version::V311, 10, 15),
        (Version::V311, 60, 90),
        (Version::V311, 61, 90),
        (Version::V311, u16::MAX, 90),
    ] {
        let mut packet = Vec::new();
        Connect { keep_alive_s, ..Connect::new(version, "a") }.encode(&mut packet).unwrap();
        let mut session = Session::new(now);
        session.step(&packet, now, &mut Books::open(), &mut Vec::new());
        let deadline = (now + Duration::from_secs(idle_s), Refusal::KEEP_ALIVE.into());
        assert_eq!(session.deadline(), deadline, "{version:?} {keep_alive_s}");
        // A packet moves it, half a packet does not.
        let later = now + Duration::from_secs(5);
        session.step(&[0xc0], later, &mut Books::open(), &mut Vec::new());
        assert_eq!(session.deadline(), deadline);
        session.step(&[0xc0, 0], later, &mut Books::open(), &mut Vec::new());
        assert_eq!(session.deadline().0, deadline.0 + Duration::from_secs(5));
    }
}

#[test]
fn a_first_packet_that_is_not_connect_ends_it_before_it_is_complete() {
    for first in [0x30, 0xc0, 0xe0, 0x82, b'G', 0] {
        let mut session = Session::new(Instant::now());
        let step = session.step(&[first], Instant::now(), &mut Books::open(), &mut Vec::new());
        assert_eq!(step, Step::End(End::Refused(Refusal::FIRST_NOT_CONNECT.into())), "{first:02x}");
    }
}

#[test]
fn an_accepted_connack_is_read_by_our_own_client() {
    for version in [Version::V311, Version::V5] {
        let (out, end) = play(&[&connect(version)], &mut Books::open());
        assert_eq!(end, None);
        let Ok(FromServer::ConnAck(ack)) = mqtt::from_server(version, &out) else { panic!("{out:02x?}") };
        let v5 = version == Version::V5;
        assert_eq!(ack.server_time(), v5.then_some("2026-09-21T14:13:20.000Z"));
        assert_eq!(ack.receive_maximum(), if v5 { 32 } else { u16::MAX });
        assert_eq!(ack.server_keep_alive_s(), v5.then_some(60));
    }
}
