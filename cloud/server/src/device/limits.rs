//! What one device may cost. Each limit is tested at n and at n + 1.
//!
//! In: nothing. Out: numbers with their reasons. The bounds that an installation may change are in the configuration.

use std::time::Duration;

/// Bytes of the first packet: identity is in the certificate, so a CONNECT has little to say.
pub const CONNECT_BYTES: usize = 4 * 1024;
/// From accept to a complete CONNECT, TLS included: nobody holds a place without signing in.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Bytes of any packet, announced in 5.0.
pub const PACKET_BYTES: usize = wire::mqtt::MAX_PACKET_BYTES;
/// User properties of a packet.
pub const USER_PROPERTIES: usize = 8;
/// Bytes of their names and values together.
pub const USER_PROPERTY_BYTES: usize = 1024;
/// Announced in 5.0, where it holds instead of the client's own.
pub const KEEP_ALIVE_S: u16 = 60;
/// Without a packet for this long a session ends, whatever keep alive the client asked for.
pub const IDLE: Duration = Duration::from_secs(90);
/// Reports a second of one session, over time, unless configured: a gateway sends at most two.
pub const REPORTS_PER_S: u32 = 20;
/// Reports that may come at once, unless configured, so that a backlog drains in packed packets; beyond, we stop
/// reading.
pub const REPORT_BURST: u32 = 200;
/// Sessions of one device that may begin at once; beyond, one each second, and the others wait for their CONNACK.
pub const CONNECT_BURST: u32 = 10;
/// Sessions of one device that may begin each second, over time: two gateways with one certificate would flap.
pub const CONNECTS_PER_S: u32 = 1;
/// A CONNECT that would wait longer for its turn is refused.
pub const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// A peer that takes no acknowledgements for this long is cut.
pub const WRITE_STALL: Duration = Duration::from_secs(30);
/// Time for the last bytes to leave, and for the peer's to be read away, so that no reset eats them.
pub const LINGER: Duration = Duration::from_secs(1);
/// Bytes of the peer's that are read away while lingering.
pub const LINGER_BYTES: usize = 256 * 1024;
/// Time for reports that were submitted before a stop to be acknowledged.
pub const STOP_GRACE: Duration = Duration::from_secs(2);
