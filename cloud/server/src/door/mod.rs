//! The one listening port: the ClientHello chooses the device door or the people's door.
//!
//! In: TCP connections. Out: authenticated device sessions and HTTP requests for the router handed in. Never reads a
//! byte of MQTT or HTTP before TLS, the deadline of each stage and the caps on connections hold.
//!
//! Signatures (bodies follow):
//! ```text
//! pub fn listen(address: SocketAddr) -> io::Result<tokio::net::TcpListener>            // backlog for a storm
//! pub mod tls {
//!     pub fn device(chain, key, device_ca: RootCertStore) -> Result<Arc<rustls::ServerConfig>, TlsError>
//!     pub fn people(chain, key) -> Result<Arc<rustls::ServerConfig>, TlsError>
//! }
//! pub struct DoorConfig { people_names: Vec<String>, device_name: String, device_tls: Arc<ServerConfig>,
//!     people_tls: Arc<ServerConfig>, limits: Limits /* Default */ }
//! pub struct DeviceDoor { registry: Arc<Registry>, ingest: Ingest, counters: Arc<device::Counters>,
//!     clock: Arc<dyn Fn() -> UtcMs + Send + Sync> }
//! pub async fn run(listener, config: DoorConfig, device: DeviceDoor, people: axum::Router, shutdown: CancellationToken)
//!     // returns when shutdown is cancelled and every session was told and closed (<= 5 s)
//! ```
//! Wanted of `server::registry::Registry`: `fn device(&self, &[u8; 32]) -> Lookup` and
//! `fn subscribe(&self) -> tokio::sync::watch::Receiver<u64>` (changes at each refresh that changed something).
//! Wanted of `server::ingest::Ingest`: `fn try_reserve(&self, bytes) -> Option<Reservation>` (never blocks; the fast
//! path), `async fn reserve(&self, bytes) -> Reservation` (`'static` future if the handle is cloned) and `fn submit(&self, Submission)`.
