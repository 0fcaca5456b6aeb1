//! What the people's door says, and how long it takes, tells nobody whether an address is known here.
//!
//! The real program, over TLS. Each question is asked for addresses that are known, for ones that are not, and for ones
//! that are not with a leak planted in front: 5 ms more. The three are asked in a new order each time, so that whatever
//! else the machine does falls on all alike. Known and unknown must look the same to a Kolmogorov–Smirnov test (p > 0.01),
//! and the leak must not. One honest comparison in a hundred fails by chance: of three rounds one must pass. The leak must
//! be caught in every round, or the round proves nothing.
//!
//! What a thread of server or client waited for a core is taken out of each time: on a machine that does other things it
//! is most of the time and hides what is looked for. So the test is stricter than anybody who asks from afar can be.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::audit::Verb;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use store::state::{Act, By, Email, NewAccount, NewAllowed, StateStore};
use tokio::runtime::Runtime;

use crate::cloud::Cloud;
use crate::door_setup::PATIENCE;
use crate::timing::{Dice, kolmogorov_smirnov};

/// Of each class in a round.
const SAMPLES: usize = 400;
const ROUNDS: usize = 3;
const LEAK: Duration = Duration::from_millis(5);
/// Below it the two look different.
const ALPHA: f64 = 0.01;
/// Triples asked by one source: so few that neither delays nor limits of a source come in.
const TRIPLES_A_SOURCE: usize = 5;

/// A form that takes an address.
struct Question {
    path: &'static str,
    form: fn(&str) -> String,
    status: &'static str,
}

const SIGN_IN: Question = Question {
    path: "/sign-in",
    form: |email| format!("email={email}&password=not+the+right+one"),
    status: "422",
};

const REGISTER: Question =
    Question { path: "/register", form: |email| format!("email={email}"), status: "200" };

const FORGOT: Question = Question { path: "/forgot", form: |email| format!("email={email}"), status: "200" };

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Known,
    Unknown,
    Leak,
}

const CLASSES: [(Class, &str); 3] =
    [(Class::Known, "known"), (Class::Unknown, "never"), (Class::Leak, "leaky")];

/// A cloud with people in its store.
struct House {
    cloud: Cloud,
    store: StateStore,
    runtime: Runtime,
    client: Arc<ClientConfig>,
    sources: u32,
}

impl House {
    fn open() -> Self {
        let mut cloud = Cloud::new();
        cloud.start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(StateStore::open(&cloud.path("data/state.sqlite"))).unwrap();
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(cloud.path("data/ca/cloud-ca.crt")).unwrap() {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { cloud, store, runtime, client: Arc::new(client), sources: 0 }
    }

    fn allow(&self, email: &str) {
        let now = server::clock::now();
        let new = NewAllowed {
            email: &Email::parse(email).unwrap(),
            company: "Harborview Properties",
            verified_by: "R. Valdez",
            verified_at: now,
            note: "Called back.",
            added_at: now,
        };
        let act = Act::new(Verb::AllowAdd, By::CommandLine, now, [1; 32]);
        self.runtime.block_on(self.store.allow(new, &act)).unwrap();
    }

    fn enter(&self, email: &str, password_hash: &str) {
        let email = Email::parse(email).unwrap();
        let created_at = server::clock::now();
        let new = NewAccount { email: &email, name: "Ann", password_hash, operator: false, created_at };
        self.runtime.block_on(self.store.create_account(new)).unwrap();
    }

    /// Somebody at an address of their own, who has not asked before.
    fn person(&mut self) -> Person {
        self.sources += 1;
        let from = Ipv4Addr::from(0x7f01_0000 + self.sources);
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let address = self.cloud.address;
        let stream = self.runtime.block_on(socket.connect(address)).unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        Person {
            stream: StreamOwned::new(tls, stream),
            port: address.port(),
            server: self.cloud.process_id(),
        }
    }
}

/// A kept connection.
struct Person {
    stream: StreamOwned<ClientConnection, TcpStream>,
    port: u16,
    server: u32,
}

impl Person {
    /// Milliseconds without those waited for a core, and what was said with the address taken out.
    fn ask(&mut self, question: &Question, email: &str, leak: Option<Duration>) -> (f64, String) {
        let (path, port) = (question.path, self.port);
        let form = (question.form)(&email.replace('@', "%40"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let (waited, begun) = (waited_ms(self.server), Instant::now());
        if let Some(leak) = leak {
            std::thread::sleep(leak);
        }
        self.stream.write_all(request.as_bytes()).unwrap();
        self.stream.flush().unwrap();
        let mut first = [0];
        self.stream.read_exact(&mut first).unwrap();
        let took = begun.elapsed().as_secs_f64() * 1e3 - (waited_ms(self.server) - waited);
        let answer = self.rest();
        assert!(answer.starts_with(&format!("TTP/1.1 {}", question.status)), "{path}: {answer}");
        assert!(!answer.contains("set-cookie"), "{answer}");
        (took, answer.split_once("\r\n\r\n").unwrap().1.replace(email, "EMAIL"))
    }

    /// The answer after its first byte.
    fn rest(&mut self) -> String {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.unwrap().parse().unwrap() {
                    return text;
                }
            }
            let mut some = [0; 16 * 1024];
            let count = self.stream.read(&mut some).unwrap();
            assert_ne!(count, 0, "half an answer: {text}");
            answer.extend_from_slice(&some[..count]);
        }
    }
}

/// Milliseconds that the server's threads and this one were ready to run and had no core.
fn waited_ms(server: u32) -> f64 {
    let of = |path: &std::path::Path| -> f64 {
        let line = std::fs::read_to_string(path).unwrap_or_default();
        line.split(' ').nth(1).and_then(|waited| waited.parse().ok()).unwrap_or(0.0)
    };
    let threads = std::fs::read_dir(format!("/proc/{server}/task")).unwrap();
    let server: f64 = threads.map(|thread| of(&thread.unwrap().path().join("schedstat"))).sum();
    (server + of(std::path::Path::new("/proc/thread-self/schedstat"))) / 1e6
}

fn round(house: &mut House, question: &Question, dice: &mut Dice, number: usize) -> [Vec<f64>; 3] {
    let mut times = CLASSES.map(|_| Vec::with_capacity(SAMPLES));
    let mut words = None;
    let mut person = house.person();
    for sample in 0..SAMPLES {
        if sample % TRIPLES_A_SOURCE == 0 {
            person = house.person();
            // The handshake, and what a connection makes on first use.
            person.ask(question, &format!("first{number}{sample:04}@x.test"), None);
        }
        let mut order = CLASSES;
        dice.shuffle(&mut order);
        for (class, name) in order {
            let leak = (class == Class::Leak).then_some(LEAK);
            let (took, said) = person.ask(question, &format!("{name}{number}{sample:04}@x.test"), leak);
            times[class as usize].push(took);
            assert_eq!(words.get_or_insert(said.clone()), &said, "{class:?}: the same words");
        }
    }
    times
}

/// Asks until a round passes; the leak must be caught in each. `know` makes an address known.
fn cannot_be_told_apart(house: &mut House, question: &Question, know: impl Fn(&House, &str)) {
    let mut dice = Dice(u64::from(std::process::id()));
    let mut seen = Vec::new();
    for number in 0..ROUNDS {
        for sample in 0..SAMPLES {
            know(house, &format!("known{number}{sample:04}@x.test"));
        }
        let [known, unknown, leaky] = round(house, question, &mut dice, number);
        let (distance, p) = kolmogorov_smirnov(&known, &unknown);
        let (leak_distance, leak_p) = kolmogorov_smirnov(&unknown, &leaky);
        let [known, unknown, leaky] = [known, unknown, leaky].map(median);
        let line = format!(
            "{}: known {known:.2} ms, unknown {unknown:.2} ms, D {distance:.3}, p {p:.3}; with 5 ms planted \
             {leaky:.2} ms, D {leak_distance:.3}, p {leak_p:.1e}",
            question.path
        );
        println!("{line}");
        assert!(leak_p <= ALPHA, "the planted leak is not seen, so this proves nothing: {line}");
        if p > ALPHA {
            return;
        }
        seen.push(line);
    }
    panic!("in {ROUNDS} rounds known addresses took another time than unknown ones:\n{}", seen.join("\n"));
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[test]
fn signing_in_tells_nobody_which_addresses_are_known() {
    let hash = web::sign_in::password::hash("correct horse battery").unwrap();
    cannot_be_told_apart(&mut House::open(), &SIGN_IN, |house, email| house.enter(email, &hash));
}

#[test]
fn registering_tells_nobody_which_addresses_are_on_the_list() {
    cannot_be_told_apart(&mut House::open(), &REGISTER, House::allow);
}

#[test]
fn asking_for_a_new_password_tells_nobody_who_has_an_account() {
    let hash = web::sign_in::password::hash("correct horse battery").unwrap();
    cannot_be_told_apart(&mut House::open(), &FORGOT, |house, email| {
        house.allow(email);
        house.enter(email, &hash);
    });
}
