//! The ceiling: mutual TLS, MQTT framing and one SQLite commit for many connections; nothing else.
//!
//! In: PUBLISH packets. Out: PUBACK after COMMIT. It checks nothing, decodes nothing and remembers nothing but the
//! bytes: whatever the product does on top is the distance between the two.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::Connection;
use rustls::pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// Where it listens and writes.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Loopback address.
    #[arg(long)]
    listen: SocketAddr,
    /// Folder with `ca.pem`, `server.pem`, `server.key`.
    #[arg(long)]
    identities: PathBuf,
    /// SQLite file.
    #[arg(long)]
    file: PathBuf,
    /// Waited before each commit; plays a slower disk.
    #[arg(long, default_value_t = 0)]
    commit_delay_us: u64,
}

/// Runs until killed.
///
/// # Errors
/// When it cannot start.
pub fn run(args: &Args) -> Result<()> {
    let queue = Arc::new(Queue::default());
    let connection = open(&args.file)?;
    let committer = Arc::clone(&queue);
    let delay = Duration::from_micros(args.commit_delay_us);
    std::thread::spawn(move || {
        if let Err(error) = commit_for_ever(&connection, &committer, delay) {
            eprintln!("sink: {error:#}");
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(accept(args, queue))
}

#[derive(Default)]
struct Queue {
    pending: Mutex<Vec<Pending>>,
    arrived: Condvar,
}

struct Pending {
    payload: Vec<u8>,
    packet_id: u16,
    session: Arc<Session>,
}

#[derive(Default)]
struct Session {
    durable: Mutex<Vec<u16>>,
    wake: Notify,
}

fn open(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;
         CREATE TABLE batches(batch INTEGER PRIMARY KEY, entries BLOB NOT NULL);",
    )?;
    Ok(connection)
}

fn commit_for_ever(connection: &Connection, queue: &Queue, delay: Duration) -> Result<()> {
    let mut insert = connection.prepare("INSERT INTO batches(entries) VALUES (?1)")?;
    let mut blob = Vec::new();
    loop {
        let mut pending = queue.pending.lock().unwrap_or_else(PoisonError::into_inner);
        while pending.is_empty() {
            pending = queue.arrived.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        let batch = std::mem::take(&mut *pending);
        drop(pending);
        blob.clear();
        for entry in &batch {
            blob.extend_from_slice(&u32::try_from(entry.payload.len())?.to_le_bytes());
            blob.extend_from_slice(&entry.payload);
        }
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        insert.execute([&blob])?;
        for entry in batch {
            entry.session.durable.lock().unwrap_or_else(PoisonError::into_inner).push(entry.packet_id);
            entry.session.wake.notify_one();
        }
    }
}

async fn accept(args: &Args, queue: Arc<Queue>) -> Result<()> {
    let tls = TlsAcceptor::from(Arc::new(tls(&args.identities)?));
    let listener = TcpListener::bind(args.listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, queue) = (tls.clone(), Arc::clone(&queue));
        tokio::spawn(async move { serve(stream, tls, queue).await });
    }
}

fn tls(folder: &Path) -> Result<rustls::ServerConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem"))?)?;
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()).contains("AES_256"));
    let provider = Arc::new(provider);
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(folder.join("server.pem"))?],
            PrivateKeyDer::from_pem_file(folder.join("server.key"))?,
        )?;
    config.alpn_protocols = vec![b"mqtt".to_vec(), b"x-amzn-mqtt-ca".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, queue: Arc<Queue>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = tls.accept(stream).await?;
    let session = Arc::new(Session::default());
    let (mut input, mut output, mut version_5) = (Vec::new(), Vec::new(), false);
    loop {
        tokio::select! {
            read = stream.read_buf(&mut input) => if read? == 0 { return Ok(()) },
            () = session.wake.notified() => {}
        }
        while let Some((length, body)) = frame(&input)? {
            let packet = input.get(..length).context("a whole packet")?;
            take(packet, body, &mut version_5, &session, &queue, &mut output)?;
            input.drain(..length);
        }
        for id in session.durable.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let [high, low] = id.to_be_bytes();
            output.extend_from_slice(&[0x40, 2, high, low]);
        }
        if !output.is_empty() {
            stream.write_all(&output).await?;
            stream.flush().await?;
            output.clear();
        }
    }
}

/// Length of the first packet and where its body begins, once it is whole.
fn frame(input: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut remaining = 0_usize;
    for (at, byte) in input.iter().skip(1).take(4).enumerate() {
        remaining |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let length = at + 2 + remaining;
            return Ok((input.len() >= length).then_some((length, at + 2)));
        }
    }
    if input.len() > 4 { bail!("remaining length") } else { Ok(None) }
}

fn take(
    packet: &[u8],
    body: usize,
    version_5: &mut bool,
    session: &Arc<Session>,
    queue: &Queue,
    output: &mut Vec<u8>,
) -> Result<()> {
    let bytes = packet.get(body..).context("body")?;
    match packet.first().context("first byte")? >> 4 {
        1 => {
            *version_5 = bytes.get(6) == Some(&5);
            output.extend_from_slice(if *version_5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] });
        }
        3 => {
            let topic = bytes.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)));
            let rest = topic.and_then(|length| bytes.get(2 + length..)).context("topic")?;
            let packet_id = u16::from_be_bytes(*rest.first_chunk::<2>().context("packet id")?);
            let payload = rest.get(2..).context("payload")?.to_vec();
            let mut pending = queue.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.push(Pending { payload, packet_id, session: Arc::clone(session) });
            if pending.len() == 1 {
                queue.arrived.notify_one();
            }
        }
        12 => output.extend_from_slice(&[0xd0, 0]),
        _ => bail!("ended by the client"),
    }
    Ok(())
}
