//! Tests of the server against its parts and against the real world.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the report"
)]

mod admin;
mod alarms;
mod announcer;
mod api;
mod asker;
mod attack;
mod away;
mod backup;
mod backup_beside;
mod backup_hostile;
mod browser;
mod cabinet;
mod calendar;
mod channels;
mod clients;
mod cloud;
mod dead_man;
mod door;
mod door_people;
mod door_setup;
mod door_slow;
mod driven;
mod enumeration;
mod escalated;
mod escalation;
mod fsync;
mod graded;
mod http2;
mod ledger;
mod lived;
mod log;
mod log_secrets;
mod logbook;
mod mail;
mod mail_server;
mod monday;
mod mqtt_refusals;
mod outbound;
mod pairing;
mod people;
mod power_losses;
mod programs;
mod receiver;
mod recordings;
mod records_kept;
mod resident;
mod restart;
mod restless;
mod secret_files;
mod sns;
mod timing;
mod told;
mod trials;
mod unit_file;
mod ways_house;
mod wide;
