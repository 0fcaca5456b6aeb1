//! HTTP/2 as attackers speak it, byte by byte, against the real program: each flood ends its connection or is bounded,
//! memory stays where it was, and others are served meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use crate::cloud::Cloud;
use crate::{people, resident};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status 200` in HPACK's static table (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;
/// REFUSED_STREAM (RFC 9113, section 7).
const REFUSED: u8 = 7;

/// Bytes of one attacker, at most.
const FLOOD: usize = 24 << 20;
/// Attackers one after the other with each flood.
const ATTACKERS: usize = 3;
const MAY_GROW: u64 = 16 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A header without indexing: name by number of the static table.
fn literal(name: u8, value: &str) -> Vec<u8> {
    [&[name, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
}

/// The header block of a request: `0x82` is GET, `0x83` POST.
fn request(cloud: &Cloud, method: u8, path: &str) -> Vec<u8> {
    let authority = format!("localhost:{}", cloud.address.port());
    [&[method, 0x87][..], &literal(0x04, path), &literal(0x01, &authority)].concat()
}

struct Peer {
    stream: StreamOwned<ClientConnection, TcpStream>,
    heard: Vec<u8>,
}

/// A frame of the server's: kind, stream, payload.
type Heard = (u8, u32, Vec<u8>);

impl Peer {
    fn connect(cloud: &Cloud) -> Self {
        let mut config = (*people::client(cloud)).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let tcp = TcpStream::connect(cloud.address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        tcp.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut peer = Self { stream: people::tls(&Arc::new(config), tcp), heard: Vec::new() };
        peer.stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
        peer
    }

    /// The next frame; none once the server closed.
    fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((head, rest)) = self.heard.split_at_checked(9) {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                if let Some(payload) = rest.get(..length) {
                    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                    let heard = (head[3], stream, payload.to_vec());
                    self.heard.drain(..9 + length);
                    return Some(heard);
                }
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(count @ 1..) => self.heard.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("the server neither answered nor closed")
                }
                _ => return None,
            }
        }
    }

    /// What comes until something does what is looked for; none if the connection ended before.
    fn find(&mut self, wanted: impl Fn(&Heard) -> bool) -> Option<Heard> {
        while let Some(heard) = self.next() {
            if wanted(&heard) {
                return Some(heard);
            }
        }
        None
    }
}

/// A piece of a flood, told its number.
type Piece = fn(&Cloud, u32) -> Vec<u8>;

/// Name, whether it is against the protocol's sense so that the connection must end, its pieces.
const FLOODS: [(&str, bool, Piece); 7] = [
    // CVE-2023-44487.
    ("requests taken back at once", true, |cloud, n| {
        let stream = 2 * n + 1;
        let block = request(cloud, 0x82, "/sign-in");
        let reset = frame(RESET, 0, stream, &8_u32.to_be_bytes());
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, &block), reset].concat()
    }),
    // VU#421644.
    ("a header that never ends", true, |cloud, n| match n {
        0 => frame(HEADERS, END_STREAM, 1, &request(cloud, 0x82, "/sign-in")),
        _ => frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'v'].repeat(64)),
    }),
    ("a header of empty pieces", true, |cloud, n| match n {
        0 => frame(HEADERS, END_STREAM, 1, &request(cloud, 0x82, "/sign-in")),
        _ => frame(CONTINUATION, 0, 1, &[]),
    }),
    // CVE-2019-9515, CVE-2019-9512.
    ("settings", true, |_, _| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1]).repeat(16)),
    ("pings", true, |_, _| frame(PING, 0, 0, b"01234567").repeat(16)),
    // CVE-2019-9518: data without a byte of it.
    ("empty data", false, |cloud, n| match n {
        0 => frame(HEADERS, END_HEADERS, 1, &request(cloud, 0x83, "/sign-in")),
        _ => frame(0, 0, 1, &[]).repeat(16),
    }),
    ("windows of nothing", true, |_, _| frame(WINDOW, 0, 0, &[0, 0, 0, 0])),
];

/// Sends pieces without reading until the server closes or takes no more, or all are sent; how many bytes it took.
fn flood(cloud: &Cloud, piece: Piece) -> usize {
    let mut peer = Peer::connect(cloud);
    let (mut sent, mut n) = (0, 0);
    while sent < FLOOD {
        let batch: Vec<u8> = (n..n + 64).flat_map(|n| piece(cloud, n)).collect();
        n += 64;
        if peer.stream.write_all(&batch).is_err() {
            break;
        }
        sent += batch.len();
    }
    sent
}

#[test]
fn floods_end_their_connection_cost_no_memory_and_nobody_else_waits() {
    let mut cloud = Cloud::new();
    cloud.start();
    let somebody = people::Person::new(&cloud, "ann@x.test");
    assert_eq!(somebody.get(&cloud, "/me").status, 200);
    let server = cloud.process_id();
    for (name, must_end, piece) in FLOODS {
        let before = resident::now(server);
        resident::forget_peak(server);
        let began = Instant::now();
        for attacker in 0..ATTACKERS {
            let sent = std::thread::scope(|scope| {
                let attack = scope.spawn(|| flood(&cloud, piece));
                let asked = Instant::now();
                assert_eq!(somebody.get(&cloud, "/me").status, 200, "while {name}");
                assert!(asked.elapsed() < Duration::from_secs(5), "{:?} while {name}", asked.elapsed());
                attack.join().unwrap()
            });
            assert!(sent < FLOOD || !must_end, "{name}: the server took all of attacker {attacker}");
        }
        let grown = resident::peak(server).saturating_sub(before);
        eprintln!("{name}: grew by {} in {:?}", resident::mebibytes(grown), began.elapsed());
        assert!(grown < MAY_GROW, "{name}: {}", resident::mebibytes(grown));
    }
    assert!(!cloud.log().contains("panicked"), "{}", cloud.log());
}

#[test]
fn streams_and_headers_at_n_and_n_plus_1() {
    let mut cloud = Cloud::new();
    cloud.start();
    // 64 requests whose bodies do not come are open; the next one is refused.
    let mut peer = Peer::connect(&cloud);
    let form = b"application/x-www-form-urlencoded";
    let block = [&request(&cloud, 0x83, "/sign-in")[..], &[0x0f, 0x10, form.len() as u8], form].concat();
    let open = |n: u32| frame(HEADERS, END_HEADERS, 2 * n + 1, &block);
    peer.stream.write_all(&(0..64).flat_map(open).collect::<Vec<u8>>()).unwrap();
    peer.stream.write_all(&frame(PING, 0, 0, b"sixtyfur")).unwrap();
    let pong = |heard: &Heard| heard.0 == PING && heard.2 == b"sixtyfur";
    let first = peer.find(|heard| heard.0 == RESET || heard.0 == GO_AWAY || pong(heard)).unwrap();
    assert!(pong(&first), "{first:?}");
    peer.stream.write_all(&open(64)).unwrap();
    let refused = peer.find(|heard| heard.0 == RESET || heard.0 == GO_AWAY).unwrap();
    assert_eq!((refused.0, refused.1, refused.2[3]), (RESET, 129, REFUSED));
    // 32 KiB of header as HTTP counts it: names, values, and 32 bytes for each.
    let size = 32 * 1024;
    let authority = format!("localhost:{}", cloud.address.port()).len();
    let known = (7 + 3 + 32) + (7 + 5 + 32) + (5 + 8 + 32) + (10 + authority + 32);
    let check = |list: usize, accepted: bool| {
        let mut block = request(&cloud, 0x82, "/sign-in");
        let mut left = list - known;
        while left > 0 {
            let take = if left > 150 { 100 } else { left };
            block.extend([&[0x00, 1, b'x'][..], &[u8::try_from(take - 33).unwrap()]].concat());
            block.extend(vec![b'v'; take - 33]);
            left -= take;
        }
        let mut peer = Peer::connect(&cloud);
        let (head, tail) = block.split_at(block.len().min(16_000));
        let mut bytes = frame(HEADERS, END_STREAM, 1, head);
        let (second, third) = tail.split_at(tail.len().min(16_000));
        bytes.extend(frame(CONTINUATION, 0, 1, second));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 1, third));
        peer.stream.write_all(&bytes).unwrap();
        let answer = peer.find(|heard| matches!(heard.0, HEADERS | RESET | GO_AWAY));
        let served = answer.as_ref().is_some_and(|heard| heard.0 == HEADERS && heard.2[0] == STATUS_200);
        assert_eq!(served, accepted, "{list}: {answer:?}");
    };
    check(size - 1, true);
    check(size, false);
}
