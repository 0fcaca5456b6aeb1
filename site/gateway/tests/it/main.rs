//! The gateway as a whole: real processes, real ptys, a small cloud that speaks TLS and MQTT.
//!
//! Every test makes its own folder, ports and ptys, ends what it started, and waits with a bound.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test reports by panicking and may look at the clock"
)]

mod button;
mod cloud;
mod delivery;
mod footprint;
mod hostile_network;
mod netns;
mod one_way;
mod policy;
mod refusals;
mod sandbox;
mod site;
mod spool;
mod supervision;
mod trace;
mod validity;
