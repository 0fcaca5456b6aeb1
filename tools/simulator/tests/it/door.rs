//! A small device door for tests: mutual TLS, CONNACK, and an answer per report as the test wants it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use simulator::fleet::identity::Mint;
use simulator::fleet::{Device, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use wire::mqtt::{self, ConnAck, Delivery, Framing, FromClient, Properties, PubAck, Reason, Sender, Version};
use wire::{Report, Serial};

/// What the door does with the n-th report it gets, counted from 0 over all connections.
pub type Rule = Arc<dyn Fn(usize) -> Answer + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Ack,
    Refuse,
    /// Says nothing.
    Ignore,
    /// Closes the connection without a word.
    Hang,
}

pub struct Door {
    pub target: Target,
    pub reports: Arc<Mutex<Vec<(String, Report, Answer)>>>,
    mint: Mint,
}

impl Door {
    /// On the current runtime.
    pub async fn open(rule: Rule) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).unwrap();
        let mint = Mint::new(&root.pem(), &root_key.serialize_pem()).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&root.pem(), root_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let acceptor = acceptor(root.der(), certificate.der(), &key);
        let reports = Arc::new(Mutex::new(Vec::new()));
        let seen = reports.clone();
        tokio::spawn(async move {
            loop {
                let Ok((tcp, _)) = listener.accept().await else { return };
                let (acceptor, seen, rule) = (acceptor.clone(), seen.clone(), rule.clone());
                tokio::spawn(async move {
                    // A client that goes away in the middle is part of the tests.
                    let _ = serve(acceptor, tcp, seen, rule).await;
                });
            }
        });
        let target = Target { address, host: "127.0.0.1".into(), roots: vec![root.der().clone()] };
        Self { target, reports, mint }
    }

    pub fn devices(&self, count: usize) -> Vec<Device> {
        (0..count)
            .map(|i| self.mint.device(Serial::parse(&format!("SIM-{i:04}")).unwrap()).unwrap())
            .collect()
    }
}

fn acceptor(
    root: &CertificateDer<'static>,
    certificate: &CertificateDer<'static>,
    key: &KeyPair,
) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    acceptor: TlsAcceptor,
    tcp: tokio::net::TcpStream,
    seen: Arc<Mutex<Vec<(String, Report, Answer)>>>,
    rule: Rule,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    let (mut input, mut version) = (Vec::new(), Version::V5);
    loop {
        let length = loop {
            match mqtt::frame(&input, Sender::Client, mqtt::MAX_PACKET_BYTES).unwrap() {
                Framing::Complete { length } => break length,
                Framing::Incomplete { .. } if stream.read_buf(&mut input).await? == 0 => return Ok(()),
                Framing::Incomplete { .. } => {}
            }
        };
        let packet: Vec<u8> = input.drain(..length).collect();
        let mut out = Vec::new();
        match mqtt::from_client(version, &packet).unwrap() {
            FromClient::Connect(connect) => {
                version = connect.version;
                let accepted = ConnAck { session_present: false, code: 0, properties: Properties::EMPTY };
                accepted.encode(version, &mut out).unwrap();
            }
            FromClient::Publish(publish) => {
                let report = wire::report::decode(publish.payload).unwrap();
                let answer = {
                    let mut seen = seen.lock().unwrap();
                    let answer = rule(seen.len());
                    seen.push((publish.topic.to_owned(), report, answer));
                    answer
                };
                let Delivery::AtLeastOnce { packet_id, .. } = publish.delivery else { panic!("QoS 1 only") };
                let mut ack = PubAck::success(packet_id);
                match answer {
                    Answer::Ack => {}
                    Answer::Refuse => ack.reason = Reason(0x97),
                    Answer::Ignore => continue,
                    Answer::Hang => return Ok(()),
                }
                ack.encode(version, &mut out).unwrap();
            }
            FromClient::PingReq => mqtt::ping_response(&mut out),
            FromClient::Disconnect(_) => return Ok(()),
            FromClient::Subscribe(_) => panic!("the simulator never subscribes"),
        }
        stream.write_all(&out).await?;
        stream.flush().await?;
    }
}
