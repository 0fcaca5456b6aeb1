//! The wire's tests from outside: round trips, splits, garbage, bit flips, recordings of real devices, documents.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic in a test's helper is the report, too"
)]

mod captures;
mod docs;
mod mate;
mod mqtt;
mod mqtt_cases;
mod mqtt_differential;
mod native;
mod report_cbor;
mod report_json;
mod speed;
mod strategies;
mod streams;
mod ve_direct;
