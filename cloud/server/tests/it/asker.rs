//! Somebody who asks over a kept connection from an address of their own, and notes how long each answer took.
//!
//! What a thread of server or client waited for a core is taken out each time: on a machine that does other things it is
//! most of the time and hides what is looked for. So whoever measures here is stricter than anybody from afar can be.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::audit::Verb;
use fleet::session::Life;
use fleet::{AccountKey, Grant, InverterKey, Role};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use store::state::{Act, By, Email, NewAccount, NewAllowed, NewInverter, NewSession, StateStore};
use tokio::runtime::Runtime;
use web::sign_in::password;
use web::sign_in::secret::Secret;
use wire::Serial;

use crate::cloud::Cloud;
use crate::door_setup::PATIENCE;
use crate::people;

/// The real program with people, inverters and an allow-list in its store.
pub struct House {
    cloud: Cloud,
    store: StateStore,
    runtime: Runtime,
    client: Arc<ClientConfig>,
    made: u32,
}

impl House {
    pub fn open() -> Self {
        let mut cloud = Cloud::new();
        cloud.start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(StateStore::open(&cloud.path("data/state.sqlite"))).unwrap();
        let client = people::client(&cloud);
        Self { cloud, store, runtime, client, made: 0 }
    }

    pub fn allow(&self, email: &str) {
        let now = server::clock::now();
        let new = NewAllowed {
            email: &Email::parse(email).unwrap(),
            company: "Harborview Properties",
            verified_by: "R. Valdez",
            verified_at: now,
            note: "Called back.",
            added_at: now,
        };
        self.runtime.block_on(self.store.allow(new, &act(Verb::AllowAdd))).unwrap();
    }

    pub fn account(&self, email: &str) -> AccountKey {
        let email = Email::parse(email).unwrap();
        // A salt of its own, as each has in life: Argon2id goes through its memory by it. The password fits none of them.
        let password_hash = password::nobodys(&Secret::new().unwrap().hash()).unwrap();
        let (password_hash, created_at) = (password_hash.as_str(), server::clock::now());
        let new = NewAccount { email: &email, name: "Ann", password_hash, operator: false, created_at };
        self.runtime.block_on(self.store.create_account(new)).unwrap()
    }

    pub fn inverter(&self, serial: &str) -> InverterKey {
        let new = NewInverter {
            public_id: &serial.to_lowercase(),
            serial: Serial::parse(serial).unwrap(),
            name: "",
            model: "",
            site: None,
            required_minutes: None,
            registered_at: server::clock::now(),
        };
        self.runtime.block_on(self.store.register_inverter(new, &act(Verb::DeviceRegister))).unwrap()
    }

    pub fn manages(&self, account: AccountKey, inverter: InverterKey) {
        let grant = Grant { holder: account.into(), inverter, role: Role::ReadWrite, ends: None };
        self.runtime.block_on(self.store.set_grant(grant, &act(Verb::ShareGrant))).unwrap();
    }

    /// Somebody new who asks from an address of their own, signed in with as many new accounts; the first of them manages
    /// an inverter.
    pub fn asker(&mut self, accounts: usize) -> Asker {
        self.made += 1;
        let made = self.made;
        let from = Ipv4Addr::from(0x7f01_0000 + made);
        let keys: Vec<_> =
            (0..accounts).map(|at| self.account(&format!("asker{made}-{at}@x.test"))).collect();
        let inverter = format!("ASKER-{made}");
        if let Some(first) = keys.first() {
            self.manages(*first, self.inverter(&inverter));
        }
        Asker {
            cookies: keys.into_iter().map(|key| self.session(key)).collect(),
            inverter: inverter.to_lowercase(),
            asked: 0,
            stream: self.connect(from),
            port: self.cloud.address.port(),
            server: self.cloud.process_id(),
        }
    }

    fn session(&self, account: AccountKey) -> String {
        let secret = Secret::new().unwrap();
        let life = Life::begin(server::clock::now(), false);
        let new = NewSession { token_hash: secret.hash(), account, life, user_agent: "", address: None };
        self.runtime.block_on(self.store.create_session(new, &act(Verb::SignIn))).unwrap();
        format!("__Host-session={}", secret.reveal())
    }

    fn connect(&self, from: Ipv4Addr) -> StreamOwned<ClientConnection, TcpStream> {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        let address = self.cloud.address;
        let connecting = async {
            socket.bind((from, 0).into()).unwrap();
            socket.connect(address).await
        };
        let stream = self.runtime.block_on(connecting).unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        people::tls(&self.client, stream)
    }
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, server::clock::now(), [1; 32])
}

/// A kept connection, and who asks over it.
pub struct Asker {
    stream: StreamOwned<ClientConnection, TcpStream>,
    port: u16,
    server: u32,
    /// One account after the other asks; none: nobody is signed in.
    cookies: Vec<String>,
    /// What the first account manages.
    inverter: String,
    asked: usize,
}

impl Asker {
    /// Asks for a page that looks nothing up: the handshake, and what a connection makes on first use.
    pub fn warm_up(&mut self) {
        let port = self.port;
        let request = format!("GET /assets/none HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut first = [0];
        self.stream.read_exact(&mut first).unwrap();
        self.rest();
    }

    /// Sends a form, with a pause before it where one is planted. Milliseconds without those waited for a core, and the
    /// answer with its status, without the date and the random name of what was made.
    pub fn ask(&mut self, path: &str, form: &str, leak: Option<Duration>) -> (f64, String) {
        let path = path.replace("{inverter}", &self.inverter);
        let port = self.port;
        let cookie = self.cookies.get(self.asked % self.cookies.len().max(1));
        let cookie = cookie.map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        self.asked += 1;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n\
             Sec-Fetch-Site: same-origin\r\n{cookie}Content-Type: application/x-www-form-urlencoded\r\n\
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
        (took, without_what_differs_each_time(&answer).replace(&self.inverter, "INVERTER"))
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

fn without_what_differs_each_time(answer: &str) -> String {
    let line = |line: &str| match line.split_once("/pair/") {
        _ if line.starts_with("date: ") => String::new(),
        Some((before, _)) if line.starts_with("location: ") => format!("{before}/pair/ATTEMPT"),
        _ => line.to_owned(),
    };
    answer.lines().map(line).collect::<Vec<_>>().join("\n")
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
