//! The people's door under slow, silent and stalling peers: each stage has its deadline.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::door_setup::{Client, House, Knock, eventually};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: people.example\r\n\r\n";

fn enter(house: &House, alpn: &'static [&'static [u8]]) -> Client {
    let knock = Knock {
        name: "people.example".try_into().unwrap(),
        alpn,
        versions: rustls::ALL_VERSIONS,
        device: None,
    };
    let mut client = Client::knock(house, &knock).unwrap();
    client.stream().sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client
}

/// Reads to the end; what came and how long it took.
fn until_closed(client: &mut Client) -> (String, Duration) {
    let start = Instant::now();
    let mut answer = Vec::new();
    let _ = client.stream().read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), start.elapsed())
}

fn about(passed: Duration, from_s: u64, to_s: u64) {
    assert!(passed > Duration::from_secs(from_s) && passed < Duration::from_secs(to_s), "{passed:?}");
}

#[test]
fn each_stage_has_a_deadline() {
    let house = House::open();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (answer, passed) = until_closed(&mut enter(&house, &[b"http/1.1"]));
            assert_eq!(answer, "");
            about(passed, 8, 12);
        });
        scope.spawn(|| {
            let (_, passed) = until_closed(&mut enter(&house, &[b"h2"]));
            about(passed, 8, 12);
        });
        scope.spawn(|| {
            let mut client = enter(&house, &[b"http/1.1"]);
            let start = Instant::now();
            for byte in REQUEST.iter().take(14) {
                let _ = client.stream().write_all(&[*byte]);
                std::thread::sleep(Duration::from_secs(1));
            }
            let (answer, _) = until_closed(&mut client);
            assert!(!answer.contains("200 OK"), "{answer}");
            about(start.elapsed(), 8, 17);
        });
        scope.spawn(|| {
            let mut client = enter(&house, &[b"http/1.1"]);
            client.send(REQUEST);
            client.send(b"GET / HT");
            let (answer, passed) = until_closed(&mut client);
            assert_eq!(answer.matches("200 OK").count(), 1, "{answer}");
            about(passed, 8, 17);
        });
        scope.spawn(|| {
            let mut client = enter(&house, &[b"http/1.1"]);
            client.send(b"POST /echo HTTP/1.1\r\nHost: people.example\r\nContent-Length: 10\r\n\r\nhalf");
            let (answer, passed) = until_closed(&mut client);
            assert!(!answer.contains("200 OK"), "{answer}");
            about(passed, 8, 25);
        });
        // A byte each second, so that pieces follow each other: the whole has a deadline too.
        scope.spawn(|| {
            let mut client = enter(&house, &[b"http/1.1"]);
            client.send(b"POST /echo HTTP/1.1\r\nHost: people.example\r\nContent-Length: 90\r\n\r\n");
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(45) && client.stream().write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_secs(1));
            }
            let (answer, _) = until_closed(&mut client);
            assert!(!answer.contains("200 OK"), "{answer}");
            about(start.elapsed(), 28, 44);
        });
    });
    assert!(house.counters.totals().contains(&("people", 6)));
}

#[test]
fn a_panic_ends_its_own_connection_and_no_other() {
    let house = House::open();
    let mut other = enter(&house, &[b"http/1.1"]);
    for _ in 0..3 {
        let mut client = enter(&house, &[b"http/1.1"]);
        client.send(b"GET /panic HTTP/1.1\r\nHost: people.example\r\n\r\n");
        let (answer, passed) = until_closed(&mut client);
        assert_eq!(answer, "");
        assert!(passed < Duration::from_secs(5), "{passed:?}");
    }
    eventually("their places come back", || house.counters.totals().contains(&("connections", 1)));
    other.send(b"GET / HTTP/1.1\r\nHost: people.example\r\nConnection: close\r\n\r\n");
    assert!(until_closed(&mut other).0.contains("200 OK"));
    let (answer, _) = {
        let mut later = enter(&house, &[b"http/1.1"]);
        later.send(b"GET / HTTP/1.1\r\nHost: people.example\r\nConnection: close\r\n\r\n");
        until_closed(&mut later)
    };
    assert!(answer.contains("200 OK"), "{answer}");
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    let house = House::open();
    let mut client = enter(&house, &[b"http/1.1"]);
    for _ in 0..3 {
        client.send(b"POST /echo HTTP/1.1\r\nHost: people.example\r\nContent-Length: 4\r\n\r\necho");
    }
    client.send(b"GET / HTTP/1.1\r\nHost: people.example\r\nConnection: close\r\n\r\n");
    let (answer, passed) = until_closed(&mut client);
    assert_eq!(answer.matches("200 OK").count(), 4, "{answer}");
    assert_eq!(answer.matches("echo").count(), 3, "{answer}");
    assert!(passed < Duration::from_secs(2));
}

/// Where a request ends is said once or not at all: no second one hides in the first (RFC 9112, 6.3).
/// ASVS 5.0: 4.2.1.
#[test]
fn a_request_whose_end_is_said_twice_brings_no_second_one_along() {
    let house = House::open();
    for lengths in [
        "Content-Length: 4\r\nContent-Length: 64\r\n",
        "Content-Length: 4, 64\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n",
        "Transfer-Encoding: gzip, identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        let mut client = enter(&house, &[b"http/1.1"]);
        let request = format!("POST /echo HTTP/1.1\r\nHost: people.example\r\n{lengths}\r\necho");
        client.send(&[request.as_bytes(), REQUEST].concat());
        let (answer, _) = until_closed(&mut client);
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lengths}: {answer}");
    }
    // Both: the pieces decide, and nothing that follows is read (RFC 9112, 6.1).
    let mut client = enter(&house, &[b"http/1.1"]);
    let both = "POST /echo HTTP/1.1\r\nHost: people.example\r\nContent-Length: 400\r\nTransfer-Encoding: chunked\r\n\r\n\
                4\r\necho\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: people.example\r\nConnection: close\r\n\r\n";
    client.send(both.as_bytes());
    let (answer, _) = until_closed(&mut client);
    assert!(answer.ends_with("\r\n\r\necho") && answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[test]
fn a_header_that_is_too_large_is_refused() {
    let house = House::open();
    let mut client = enter(&house, &[b"http/1.1"]);
    let request = format!("GET / HTTP/1.1\r\nHost: people.example\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    client.send(request.as_bytes());
    let (answer, _) = until_closed(&mut client);
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[test]
fn a_stop_ends_idle_connections_at_once() {
    let house = House::open();
    let mut client = enter(&house, &[b"http/1.1"]);
    client.send(REQUEST);
    std::thread::sleep(Duration::from_millis(300));
    let took = house.stop();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let (answer, _) = until_closed(&mut client);
    assert!(answer.contains("200 OK"), "{answer}");
}
