//! The people's door as a whole: real stores in a temporary folder, made-up live states, requests straight into the
//! router. One binary, a module per promise.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is the report"
)]

mod access;
mod activity;
mod alarms;
mod api;
mod assets;
mod authenticator;
mod factors;
mod headers;
mod house;
mod house_fakes;
mod ladder;
mod limits;
mod links;
mod live;
mod log;
mod log_lines;
mod logbook;
mod maintenance;
mod markup;
mod notifications;
mod odd_requests;
mod op;
mod pages;
mod pairing;
mod passkeys;
mod pdf;
mod power_losses;
mod readiness;
mod registration;
mod report_files;
mod sessions;
mod severities;
mod sharing;
mod sharing_live;
mod sign_in;
mod test_record;
mod tokens;
mod turns;
mod wide;
