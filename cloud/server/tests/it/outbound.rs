//! The way out: only public addresses, each checked and then connected to, and no receiver can make us wait, read or trust.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use server::outbound::{Answer, MOST_ANSWER_BYTES, Names, NoAnswer, Outbound, Reach, Request};
use url::Url;

use crate::door_setup::Authority;
use crate::receiver::{Receiver, Reply, yes};

const PATIENCE: Duration = Duration::from_secs(2);

fn outbound(authority: &Authority, allowed: &[&str]) -> Outbound {
    let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    Outbound::new(vec![root], allowed.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

/// A resolver that gives one list after the other, and counts how often it was asked.
fn names(lists: Vec<Vec<SocketAddr>>, asked: &Arc<AtomicUsize>) -> Names {
    let (lists, asked) = (Arc::new(lists), Arc::clone(asked));
    Arc::new(move |_, _| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let list = lists[number.min(lists.len() - 1)].clone();
        Box::pin(async move { Ok(list) })
    })
}

async fn ask(outbound: &Outbound, url: &str, reach: Reach) -> Result<Answer, NoAnswer> {
    let url = Url::parse(url).unwrap();
    let request = Request { method: Method::POST, url: &url, headers: Vec::new(), body: b"hello".to_vec() };
    outbound.ask(request, reach).await
}

/// ASVS 5.0: 1.3.6.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_not_public_is_spoken_to_however_it_is_written() {
    let authority = Authority::new("Receivers");
    let receiver = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let closed = outbound(&authority, &[]);
    let port = receiver.address.port();
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "0.0.0.0",
        "10.0.0.1",
    ] {
        let answer = ask(&closed, &format!("https://{host}:{port}/"), Reach::Public).await;
        assert!(matches!(answer, Err(NoAnswer::NotPublic { .. })), "{host}: {answer:?}");
    }
    for (url, what) in [("http://example.com/", "https"), ("https://me:secret@example.com/", "password")] {
        let answer = ask(&closed, url, Reach::Anywhere).await.unwrap_err();
        assert!(answer.to_string().contains(what), "{answer}");
    }
    assert_eq!(receiver.connections(), 0);
    // What the operator opened, and what the operator named, is spoken to.
    let opened = outbound(&authority, &["127.0.0.0/8"]);
    assert_eq!(ask(&opened, &receiver.url("localhost", "/a?b=c"), Reach::Public).await.unwrap().status, 200);
    assert_eq!(ask(&closed, &receiver.url("localhost", "/"), Reach::Anywhere).await.unwrap().status, 200);
    let request = &receiver.requests()[0];
    assert!(request.head.starts_with("POST /a?b=c HTTP/1.1"), "{request:?}");
    assert_eq!(request.header("host").unwrap(), format!("localhost:{port}"));
    assert_eq!((request.header("content-length"), request.text().as_str()), (Some("5"), "hello"));
}

/// ASVS 5.0: 1.3.6.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_mind_is_asked_once_and_only_the_checked_address_is_spoken_to() {
    let authority = Authority::new("Receivers");
    let first = Receiver::start(&authority, "hooks.example", |_, _| yes(200));
    let at = format!("127.0.0.2:{}", first.address.port());
    let second = Receiver::start_at(&at, &authority, "hooks.example", |_, _| yes(200));
    let asked = Arc::new(AtomicUsize::new(0));
    let rebinding = names(vec![vec![first.address], vec![second.address]], &asked);
    let outbound = outbound(&authority, &["127.0.0.1"]).with(rebinding, PATIENCE);
    let url = first.url("hooks.example", "/");
    assert_eq!(ask(&outbound, &url, Reach::Public).await.unwrap().status, 200);
    assert_eq!((asked.load(Ordering::Relaxed), first.connections(), second.connections()), (1, 1, 0));
    // Asked anew for the next request, it is looked at anew.
    let answer = ask(&outbound, &url, Reach::Public).await;
    assert!(matches!(answer, Err(NoAnswer::NotPublic { .. })), "{answer:?}");
    assert_eq!((asked.load(Ordering::Relaxed), second.connections()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_is_not_public_spoils_a_name_with_many() {
    let authority = Authority::new("Receivers");
    let asked = Arc::new(AtomicUsize::new(0));
    let both = vec!["203.0.114.7:443".parse().unwrap(), "10.0.0.1:443".parse().unwrap()];
    let mixed = outbound(&authority, &[]).with(names(vec![both], &asked), PATIENCE);
    let answer = ask(&mixed, "https://hooks.example/", Reach::Public).await.unwrap_err();
    assert!(answer.to_string().contains("10.0.0.1"), "{answer}");
    let none = outbound(&authority, &[]).with(names(vec![Vec::new()], &asked), PATIENCE);
    let answer = ask(&none, "https://hooks.example/", Reach::Public).await;
    assert!(matches!(answer, Err(NoAnswer::Name(_))), "{answer:?}");
}

/// ASVS 5.0: 1.3.6, 15.3.2.
#[tokio::test(flavor = "multi_thread")]
async fn no_receiver_makes_us_follow_wait_or_read_without_end() {
    let authority = Authority::new("Receivers");
    let elsewhere = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let target = elsewhere.url("localhost", "/stolen");
    let hostile =
        Receiver::start(&authority, "localhost", move |_, request| match request.head.split(' ').nth(1) {
            Some("/redirect") => Reply::Answer(307, format!("location: {target}\r\n"), Vec::new()),
            Some("/slow") => Reply::Silence(Duration::from_secs(15)),
            Some("/endless") => Reply::EndlessBody,
            Some("/head") => Reply::EndlessHead,
            Some("/huge") => Reply::Answer(200, String::new(), vec![b'x'; 50_000_000]),
            Some("/bomb") => Reply::Answer(200, "content-encoding: gzip\r\n".to_owned(), vec![0x1f, 0x8b]),
            _ => Reply::HangUp,
        });
    let system = names(vec![vec![hostile.address]], &Arc::default());
    let outbound = outbound(&authority, &["127.0.0.1"]).with(system, PATIENCE);
    let began = Instant::now();
    let ask = async |path: &str| ask(&outbound, &hostile.url("localhost", path), Reach::Public).await;
    assert_eq!(ask("/redirect").await.unwrap().status, 307);
    assert_eq!(elsewhere.connections(), 0, "no redirect is followed");
    for path in ["/endless", "/huge"] {
        let answer = ask(path).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, MOST_ANSWER_BYTES), "{path}");
    }
    assert_eq!(ask("/bomb").await.unwrap().body, [0x1f, 0x8b], "nothing is unpacked");
    let head = ask("/head").await.unwrap_err();
    assert!(matches!(head, NoAnswer::Http(_)), "{head:?}");
    let hung_up = ask("/").await.unwrap_err();
    assert!(hung_up.may_have_arrived(), "{hung_up:?}");
    assert!(began.elapsed() < PATIENCE, "none of it waits: {:?}", began.elapsed());
    let late = ask("/slow").await.unwrap_err();
    assert!(matches!(late, NoAnswer::Late { sent: true }) && late.may_have_arrived(), "{late:?}");
    assert!(began.elapsed() < 3 * PATIENCE, "{:?}", began.elapsed());
}

/// ASVS 5.0: 12.3.2.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_show_a_certificate_for_the_name_gets_nothing() {
    let (authority, foreign) = (Authority::new("Receivers"), Authority::new("Foreign"));
    let trusted = outbound(&authority, &["127.0.0.1"]);
    let receivers = [
        Receiver::start(&foreign, "localhost", |_, _| yes(200)),
        Receiver::start(&authority, "other.example", |_, _| yes(200)),
    ];
    for receiver in &receivers {
        let answer = ask(&trusted, &receiver.url("localhost", "/"), Reach::Public).await.unwrap_err();
        assert!(matches!(answer, NoAnswer::Tls(_)) && !answer.may_have_arrived(), "{answer:?}");
        assert!(receiver.requests().is_empty());
    }
    // Nor who speaks in the clear, or not at all.
    let clear = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = clear.local_addr().unwrap().port();
    let impatient =
        trusted.clone().with(names(vec![vec![clear.local_addr().unwrap()]], &Arc::default()), PATIENCE);
    let answer = ask(&impatient, &format!("https://localhost:{port}/"), Reach::Public).await.unwrap_err();
    assert!(matches!(answer, NoAnswer::Late { sent: false }), "{answer:?}");
    drop(clear);
    let answer = ask(&trusted, &format!("https://localhost:{port}/"), Reach::Public).await.unwrap_err();
    assert!(matches!(answer, NoAnswer::Connect(_)), "{answer:?}");
}
