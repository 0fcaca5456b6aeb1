//! The one listening port: the ClientHello chooses the device door or the people's door.
//!
//! In: TCP connections. Out: authenticated device sessions and HTTP requests for the router handed in. Never reads a
//! byte of MQTT or HTTP before TLS, the deadline of each stage and the caps on connections hold.

mod caps;
mod choose;
mod handshake;
mod people;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_rustls::StartHandshake;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::caps::Caps;
use self::choose::Choice;
use crate::clock::Clock;
use crate::config::Limits;
use crate::contacts::Contacts;
use crate::device::{self, Counters, House, Sessions, count, limits};
use crate::ingest::Ingest;
use crate::registry::Registry;

/// Connections that may wait to be accepted: a whole fleet comes back at once after a cut.
const BACKLOG: u32 = 8192;
/// Rest after a failed accept, such as one for want of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Time for sessions and requests to end after a stop.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Names, certificates and bounds of both doors.
#[derive(Clone)]
pub struct DoorConfig {
    /// Server names by which people come.
    pub people_names: Vec<String>,
    /// Server name by which devices come.
    pub device_name: String,
    /// From [`tls::device`].
    pub device_tls: Arc<ServerConfig>,
    /// From [`tls::people`].
    pub people_tls: Arc<ServerConfig>,
    /// Caps on connections.
    pub limits: Limits,
}

/// What is behind the people's door.
#[derive(Clone)]
pub struct PeopleDoor {
    /// Answers requests.
    pub router: axum::Router,
    /// Where they are answered: threads of their own, so that nobody waits behind the work for ten thousand devices.
    pub runtime: Handle,
}

/// What is behind the device door.
#[derive(Clone)]
pub struct DeviceDoor {
    /// Which certificate is which device.
    pub registry: Arc<Registry>,
    /// The way into the journal.
    pub ingest: Ingest,
    /// Who was in contact when.
    pub contacts: Arc<Contacts>,
    /// What happened.
    pub counters: Arc<Counters>,
    /// Wall time.
    pub clock: Clock,
}

/// Binds the port with a backlog for a storm. Must be called within a tokio runtime.
///
/// # Errors
/// The address cannot be bound.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves both doors until `shutdown`; then tells every session, and returns within 5 s.
pub async fn run(
    listener: TcpListener,
    config: DoorConfig,
    device: DeviceDoor,
    people: PeopleDoor,
    shutdown: CancellationToken,
) {
    let DeviceDoor { registry, ingest, contacts, counters, clock } = device;
    let changes = registry.subscribe();
    let sessions = Sessions::new(registry, Arc::clone(&counters));
    let report_rate = device::Rate::new(config.limits.reports_per_second, config.limits.report_burst);
    let shared = Arc::new(device::Shared { ingest, sessions, contacts, counters, clock, report_rate });
    let house = Arc::new(Doors {
        caps: Caps::new(config.limits),
        config,
        shared,
        people,
        crypto: Semaphore::new(handshake::AT_ONCE),
        shutdown,
        tasks: TaskTracker::new(),
    });
    house.tasks.spawn(recheck(Arc::clone(&house), changes));
    accept(&listener, &house).await;
    drop(listener);
    house.shared.sessions.stop();
    house.tasks.close();
    if tokio::time::timeout(STOP_TIME, house.tasks.wait()).await.is_err() {
        tracing::warn!(left = house.tasks.len(), "connections were still open 5 s after the stop");
    }
}

struct Doors {
    config: DoorConfig,
    caps: Caps,
    shared: Arc<device::Shared>,
    people: PeopleDoor,
    /// Permits for the expensive steps of a handshake: others' acknowledgements need the processor too.
    crypto: Semaphore,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

async fn accept(listener: &TcpListener, doors: &Arc<Doors>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = doors.shutdown.cancelled() => return,
        };
        match accepted {
            Ok((tcp, address)) => greet(tcp, address, doors),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// Gives a connection a task of its own, if the caps allow it.
fn greet(tcp: TcpStream, address: SocketAddr, doors: &Arc<Doors>) {
    let accepted = Instant::now();
    let counters = &doors.shared.counters;
    count(&counters.accepted);
    let entry = match Caps::enter(doors, address.ip(), accepted) {
        Ok(entry) => entry,
        Err(house) => {
            counters.refuse(house.into());
            return;
        }
    };
    // Acknowledgements are small and must not wait for each other.
    let _ = tcp.set_nodelay(true);
    let doors = Arc::clone(doors);
    let tasks = doors.tasks.clone();
    tasks.spawn(async move {
        sleep_until(entry.turn).await;
        // Apart, because it needs little: thousands who begin a handshake and go no further are to cost little.
        let hello = timeout_at(accepted + limits::CONNECT_TIME, handshake::client_hello(tcp)).await;
        let start = match hello.unwrap_or(Err(House::CONNECT_TIME)) {
            Ok(start) => Box::new(start),
            Err(house) => return doors.shared.counters.refuse(house.into()),
        };
        // Boxed: what a handshake needs is given back before the long, quiet part begins.
        match Box::pin(enter(start, &doors, accepted)).await {
            Ok(Entered::Device(tls, fingerprint, speaks)) => {
                let shared = Arc::clone(&doors.shared);
                drop(doors);
                device::serve(shared, *tls, fingerprint, speaks, accepted).await;
            }
            Ok(Entered::People(start)) => {
                let of_people = people::enter(*start, address, Arc::clone(&doors), accepted);
                // Its end is waited for here, as the connection counts until then. A panic is contained there.
                let _ = doors.people.runtime.spawn(of_people).await;
            }
            Err(house) => doors.shared.counters.refuse(house.into()),
        }
        drop(entry);
    });
}

enum Entered {
    Device(Box<device::Tls>, crate::registry::Fingerprint, device::Speaks),
    /// Only the ClientHello was read: the rest is done on the people's threads.
    People(Box<StartHandshake<TcpStream>>),
}

/// Choice of the door, a device's handshake; all before the deadline of CONNECT.
async fn enter(
    start: Box<StartHandshake<TcpStream>>,
    doors: &Doors,
    accepted: Instant,
) -> Result<Entered, House> {
    let deadline = accepted + limits::CONNECT_TIME;
    let work = async {
        match choose::choose(&start.client_hello(), &doors.config) {
            Choice::People => Ok(Entered::People(start)),
            Choice::Device => {
                let config = Arc::clone(&doors.config.device_tls);
                let (tls, fingerprint, speaks) = handshake::device(*start, config, &doors.crypto).await?;
                count(&doors.shared.counters.handshakes);
                Ok(Entered::Device(Box::new(tls), fingerprint, speaks))
            }
            Choice::Nobody => Err(handshake::unrecognised_name(start.io).await),
        }
    };
    timeout_at(deadline, work).await.unwrap_or(Err(House::CONNECT_TIME))
}

/// Ends sessions whose certificates are no longer accepted, as soon as the registry says so.
async fn recheck(doors: Arc<Doors>, mut changes: tokio::sync::watch::Receiver<u64>) {
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = doors.shutdown.cancelled() => return,
        }
        doors.shared.sessions.recheck();
    }
}
