//! Somebody takes TLS apart on the way, with a certificate of his own for the right name.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, Stream};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::proxies::{head, relay};
use super::{all_of, site_with, told};
use crate::cloud::{Cloud, Pki, VALID};
use crate::netns::{CLOUD, HERE, Namespace, Network};
use crate::site::{SERIAL, Site};

/// Where the true cloud is, out of the gateway's sight.
const BEHIND: u16 = 8883;

/// A device that inspects TLS.
#[derive(Default)]
struct Interceptor {
    /// Lets everything pass as it is.
    passes: AtomicBool,
    met: AtomicUsize,
    /// Every byte that came while it inspected, and what of it could be read.
    seen: Mutex<Vec<u8>>,
    read: Mutex<Vec<u8>>,
}

impl Interceptor {
    /// `asked`: it is a proxy that wants CONNECT first. Otherwise it stands in the way unseen.
    fn start(place: &Namespace, port: u16, asked: bool, config: Arc<ServerConfig>) -> Arc<Self> {
        let (made, listener) = (Arc::new(Self::default()), place.listen(port));
        let ours = made.clone();
        place.within(|| {
            std::thread::spawn(move || {
                for client in listener.incoming() {
                    let (ours, config) = (ours.clone(), config.clone());
                    std::thread::spawn(move || client.and_then(|client| ours.serve(client, asked, config)));
                }
            });
        });
        made
    }

    fn serve(&self, mut client: TcpStream, asked: bool, config: Arc<ServerConfig>) -> std::io::Result<()> {
        if asked {
            head(&mut client)?;
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        }
        if self.passes.load(Ordering::Relaxed) {
            return relay(client, TcpStream::connect((HERE, BEHIND))?);
        }
        self.met.fetch_add(1, Ordering::Relaxed);
        let mut connection = ServerConnection::new(config).unwrap();
        let mut tapped = Tapped { tcp: client, seen: &self.seen };
        let mut stream = Stream::new(&mut connection, &mut tapped);
        let mut buffer = [0; 4096];
        while let length @ 1.. = stream.read(&mut buffer)? {
            self.read.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
        Ok(())
    }
}

struct Tapped<'a> {
    tcp: TcpStream,
    seen: &'a Mutex<Vec<u8>>,
}

impl Read for Tapped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.tcp.read(buffer)?;
        self.seen.lock().unwrap().extend_from_slice(&buffer[..length]);
        Ok(length)
    }
}

impl Write for Tapped<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The certificate such a device makes: right name, its own authority. It asks for none of ours.
fn inspecting(site: &Site) -> Arc<ServerConfig> {
    let own = Pki::named(&site.folder.path().join("inspector"), "Example Corp Inspection");
    own.server("server", &[CLOUD], VALID);
    let certificate = CertificateDer::from_pem_file(own.folder.join("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(own.folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn intercepted(asked: bool) {
    const KEPT: u64 = 300;
    let Some(network) = Network::new() else { return };
    let _names = network.names();
    let mut site = site_with(KEPT);
    site.host = CLOUD;
    let port = if asked { 3128 } else { 443 };
    if asked {
        site.more = format!("proxy = \"http://{HERE}:{port}\"\n");
    }
    let cloud = Cloud::on(network.world.listen(BEHIND), &site.pki, "server");
    let interceptor = Interceptor::start(&network.world, port, asked, inspecting(&site));
    let mut gateway = network.gateway(&site, 443);
    let said = told(&gateway, KEPT, 20);
    println!("{said}");
    assert!(
        said.contains(
            "somebody between this gateway and the cloud answers with a certificate that we do not trust, \
             issued by \"Example Corp Inspection\"; does a proxy or firewall look into TLS? \
             Have it let this address pass untouched. Nothing was sent to it"
        ),
        "{said}"
    );
    gateway.wait_for("Cannot reach", 3, 30);
    let (seen, read) = (interceptor.seen.lock().unwrap().clone(), interceptor.read.lock().unwrap().clone());
    let met = interceptor.met.load(Ordering::Relaxed);
    println!(
        "{met} handshakes cost it {} bytes of the gateway, of which it could read {}",
        seen.len(),
        read.len()
    );
    assert!(met >= 3 && seen.len() > 500);
    assert_eq!(read, b"");
    assert!(!seen.windows(SERIAL.len()).any(|bytes| bytes == SERIAL.as_bytes()), "it learns who this is");
    assert_eq!(cloud.received().len(), 0);
    interceptor.passes.store(true, Ordering::Relaxed);
    gateway.wait_for("Connected", 1, 60);
    all_of(&cloud, KEPT, 20);
    assert_eq!(gateway.stop(), Some(0));
}

/// ASVS 5.0: 12.3.4.
#[test]
fn who_takes_tls_apart_unseen_gets_nothing_is_told_of_by_name_and_costs_no_reading() {
    intercepted(false);
}

#[test]
fn a_proxy_that_takes_tls_apart_gets_nothing_is_told_of_by_name_and_costs_no_reading() {
    intercepted(true);
}
