//! People who sign in, each from an address and on a new connection each time.
//!
//! In: the people's door. Out: times from the first packet to the answer. One that is not let in ends the run.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

/// Everybody's.
pub const PASSWORD: &str = "correct horse battery staple";

/// The address by which a person signs in.
pub fn email(person: usize) -> String {
    format!("person{person}@example.com")
}

/// Where a person is: all of 127.0.0.0/8 is this machine.
pub fn own_address(person: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x7f01_0001 + u32::try_from(person).unwrap_or(0))
}

/// The door and what they trust.
#[derive(Clone)]
pub struct People {
    address: SocketAddr,
    tls: TlsConnector,
}

impl People {
    /// Trusts `root`.
    pub fn new(address: SocketAddr, root: &CertificateDer<'static>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { address, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Everybody signs in again and again for `duration`; milliseconds each.
    pub fn storm(&self, people: usize, from: fn(usize) -> Ipv4Addr, duration: Duration) -> Result<Vec<f64>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let end = Instant::now() + duration;
            let mut all = tokio::task::JoinSet::new();
            for person in 0..people {
                let people = self.clone();
                all.spawn(async move {
                    let mut times = Vec::new();
                    while Instant::now() < end {
                        times.push(people.sign_in(person, from(person)).await?);
                    }
                    anyhow::Ok(times)
                });
            }
            let mut times = Vec::new();
            while let Some(of_one) = all.join_next().await {
                times.extend(of_one??);
            }
            Ok(times)
        })
    }

    async fn sign_in(&self, person: usize, from: Ipv4Addr) -> Result<f64> {
        let port = self.address.port();
        let form =
            format!("email={}&password={}", email(person).replace('@', "%40"), PASSWORD.replace(' ', "+"));
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{form}",
            form.len()
        );
        let begun = Instant::now();
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into()).with_context(|| format!("coming from {from}"))?;
        let stream = socket.connect(self.address).await?;
        let mut stream = self.tls.connect(ServerName::try_from("localhost")?, stream).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(
            answer.ends_with(b" 303"),
            "{} is not let in: {}",
            email(person),
            String::from_utf8_lossy(&answer)
        );
        Ok(took)
    }
}
