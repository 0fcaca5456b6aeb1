//! Somebody with a browser: signs in, sends forms, follows no redirect by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::cloud::Cloud;
use crate::door_setup::PATIENCE;

pub const PASSWORD: &str = "correct horse battery staple";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header of the answer, empty where it has none.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    }
}

/// A person who is signed in.
pub struct Person {
    cookie: String,
}

impl Person {
    /// Makes the account on the command line and signs in at the door.
    pub fn new(cloud: &Cloud, email: &str) -> Self {
        let password = cloud.path("password");
        std::fs::write(&password, PASSWORD).unwrap();
        cloud.admin(&["account", "add", email, "--password-file", password.to_str().unwrap()]);
        let nobody = Self::nobody();
        let form = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = nobody.post(cloud, "/sign-in", &form);
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { cookie }
    }

    /// Somebody who is not signed in.
    pub fn nobody() -> Self {
        Self { cookie: String::new() }
    }

    /// Whose browser keeps this cookie.
    pub fn with(cookie: &str) -> Self {
        Self { cookie: cookie.to_owned() }
    }

    /// A program that asks with a token.
    pub fn get_with(&self, cloud: &Cloud, path: &str, token: &str) -> Answer {
        self.ask(cloud, &format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"), "")
    }

    pub fn get(&self, cloud: &Cloud, path: &str) -> Answer {
        self.ask(cloud, &format!("GET {path} HTTP/1.1\r\n"), "")
    }

    pub fn post(&self, cloud: &Cloud, path: &str, form: &str) -> Answer {
        let origin = format!("https://localhost:{}", cloud.address.port());
        let head = format!(
            "POST {path} HTTP/1.1\r\nOrigin: {origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n",
            form.len()
        );
        self.ask(cloud, &head, form)
    }

    fn ask(&self, cloud: &Cloud, head: &str, body: &str) -> Answer {
        let mut stream = self.send(cloud, &format!("{head}Connection: close\r\n"), body);
        let mut answer = Vec::new();
        // A close without an alert is one as well.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn send(&self, cloud: &Cloud, head: &str, body: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut stream = connect(cloud);
        let host = format!("localhost:{}", cloud.address.port());
        let request = format!("{head}Host: {host}\r\nCookie: {}\r\n\r\n{body}", self.cookie);
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Opens an event stream in the background; what it is waited for by is [`Stream::until`].
    pub fn stream(&self, cloud: &Cloud, path: &str) -> Stream {
        let head = format!("GET {path} HTTP/1.1\r\nAccept: text/event-stream\r\n");
        let mut stream = Stream { stream: self.send(cloud, &head, ""), heard: String::new() };
        stream.until("event: now");
        stream
    }
}

/// An open event stream.
pub struct Stream {
    stream: StreamOwned<ClientConnection, TcpStream>,
    heard: String,
}

impl Stream {
    /// Waits for a piece of text; when it was there.
    pub fn until(&mut self, text: &str) -> Instant {
        let began = Instant::now();
        while !self.heard.contains(text) {
            let mut chunk = [0; 4096];
            let count =
                self.stream.read(&mut chunk).unwrap_or_else(|error| panic!("{error}: {}", self.heard));
            assert!(count > 0 && began.elapsed() < 2 * PATIENCE, "it ended or hangs: {}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
        Instant::now()
    }
}

/// What a browser trusts and speaks.
pub fn client(cloud: &Cloud) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(cloud.path("data/ca/cloud-ca.crt")).unwrap() {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// TLS to the people's door over an open connection.
pub fn tls(client: &Arc<ClientConfig>, tcp: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(client), name).unwrap(), tcp)
}

/// A new connection to the people's door.
pub fn connect(cloud: &Cloud) -> StreamOwned<ClientConnection, TcpStream> {
    let tcp = TcpStream::connect(cloud.address).unwrap();
    tcp.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    tls(&client(cloud), tcp)
}

/// Long enough that what was to happen would have happened.
pub fn a_moment() {
    std::thread::sleep(Duration::from_millis(2_500));
}
