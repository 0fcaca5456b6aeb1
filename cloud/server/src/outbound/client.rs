//! One request, one connection.
//!
//! In: a request. Out: its answer, cut to [`MOST_ANSWER_BYTES`]. A connection is used once: nothing that one receiver
//! said can be taken for another's.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{self, HeaderName, HeaderValue, Method, header};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::{Network, NoAnswer, is_public};

/// From the look-up of the name to the last byte of the answer.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Read of an answer; the rest is not waited for.
pub const MOST_ANSWER_BYTES: usize = 8 * 1024;
/// Of an answer's head.
const MOST_HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("inverter-connect/", env!("CARGO_PKG_VERSION")));

/// Whom a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A customer named the address: public addresses, and what the operator allowed.
    Public,
    /// The operator named it.
    Anywhere,
}

/// Where names lead. The system's resolver, or a test's.
pub type Names = Arc<dyn Fn(String, u16) -> Looking + Send + Sync>;
type Looking = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// What is asked.
#[derive(Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: Method,
    /// Where; https only.
    pub url: &'a Url,
    /// Beside those that every request has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its number.
    pub status: u16,
    /// The first bytes of it.
    pub body: Vec<u8>,
}

/// The way out.
#[derive(Clone)]
pub struct Outbound {
    tls: Arc<ClientConfig>,
    allowed: Vec<Network>,
    names: Names,
    time_limit: Duration,
}

impl Outbound {
    /// Trusts the system's roots and `more`; `allowed` may be spoken to although not public.
    ///
    /// # Errors
    /// The TLS library refuses.
    pub fn new(more: Vec<CertificateDer<'static>>, allowed: Vec<Network>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        // A root of the system that cannot be read is one that is not trusted.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for root in more {
            roots.add(root)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls), allowed, names: system_names(), time_limit: TIME_LIMIT })
    }

    /// Asks `names` in place of the system, and waits no longer than `time_limit`. For tests.
    #[must_use]
    pub fn with(mut self, names: Names, time_limit: Duration) -> Self {
        (self.names, self.time_limit) = (names, time_limit);
        self
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask(&self, request: Request<'_>, reach: Reach) -> Result<Answer, NoAnswer> {
        let sent = AtomicBool::new(false);
        let answer = self.exchange(request, reach, &sent);
        match tokio::time::timeout(self.time_limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::Late { sent: sent.load(Ordering::Relaxed) }),
        }
    }

    async fn exchange(
        &self,
        request: Request<'_>,
        reach: Reach,
        sent: &AtomicBool,
    ) -> Result<Answer, NoAnswer> {
        let (host, port) = target(request.url)?;
        let written = written(&request, &host)?;
        let addresses = self.addresses(&host, port, reach).await?;
        let stream = self.connect(&host, &addresses).await?;
        let mut builder = http1::Builder::new();
        builder.max_headers(MOST_HEADERS).max_buf_size(MOST_HEAD_BYTES);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(NoAnswer::Http)?;
        sent.store(true, Ordering::Relaxed);
        let answer = async {
            let answer = sender.send_request(written).await.map_err(NoAnswer::Http)?;
            let status = answer.status().as_u16();
            Ok(Answer { status, body: first_bytes(answer.into_body()).await })
        };
        // The connection is driven here and ends with this future: nothing of a receiver stays behind.
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // What it left in its channel, an error or the last bytes, is still to be taken.
            _ = &mut connection => answer.await,
        }
    }

    /// The addresses of a name, looked up once. One that is not public spoils them all: a name with both is a trick.
    async fn addresses(
        &self,
        host: &Host<String>,
        port: u16,
        reach: Reach,
    ) -> Result<Vec<SocketAddr>, NoAnswer> {
        let found = match host {
            Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
            Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
            Host::Domain(name) => {
                let found = (self.names)(name.clone(), port).await;
                found.ok().filter(|found| !found.is_empty()).ok_or_else(|| NoAnswer::Name(name.clone()))?
            }
        };
        let allowed = |address: IpAddr| {
            reach == Reach::Anywhere
                || is_public(address)
                || self.allowed.iter().any(|network| network.holds(address))
        };
        match found.iter().find(|address| !allowed(address.ip())) {
            Some(address) => Err(NoAnswer::NotPublic { name: host.to_string(), address: address.ip() }),
            None => Ok(found),
        }
    }

    async fn connect(
        &self,
        host: &Host<String>,
        to: &[SocketAddr],
    ) -> Result<TlsStream<TcpStream>, NoAnswer> {
        let tcp = TcpStream::connect(to).await.map_err(NoAnswer::Connect)?;
        let name = match host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|_| NoAnswer::Name(name.clone()))?
            }
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await.map_err(NoAnswer::Tls)
    }
}

/// Host and port; what makes a URL unfit for us is said.
fn target(url: &Url) -> Result<(Host<String>, u16), NoAnswer> {
    if url.scheme() != "https" {
        return Err(NoAnswer::Address("does not begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NoAnswer::Address("holds a name or a password"));
    }
    let host = url.host().ok_or(NoAnswer::Address("names no host"))?.to_owned();
    Ok((host, url.port_or_known_default().unwrap_or(443)))
}

fn written(request: &Request<'_>, host: &Host<String>) -> Result<http::Request<Body>, NoAnswer> {
    let url = request.url;
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let authority = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    let mut builder = http::Request::builder()
        .method(request.method.clone())
        .uri(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close");
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    Ok(builder.body(Body::from(request.body.clone()))?)
}

/// What comes up to the bound; an answer that breaks off has said its status all the same.
async fn first_bytes(body: Incoming) -> Vec<u8> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while bytes.len() < MOST_ANSWER_BYTES {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { break };
        bytes.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
    }
    bytes.truncate(MOST_ANSWER_BYTES);
    bytes
}

fn system_names() -> Names {
    Arc::new(|name, port| {
        Box::pin(async move { tokio::net::lookup_host((name, port)).await.map(Iterator::collect) })
    })
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}
