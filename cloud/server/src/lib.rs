//! The cloud: the door for devices, the pipeline, the wiring of `inverter-connect`.
//!
//! In: one listening port, one configuration file, the commands of an operator. Out: acknowledgements to devices,
//! pages and mails to people, rows and files in the data folder. Holds no SQL and no template; never sends a PUBLISH.

pub mod acts;
pub mod admin;
pub mod announcer;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contacts;
pub mod data_dir;
pub mod dead_man;
pub mod device;
pub mod door;
pub mod ingest;
pub mod live;
mod log;
pub mod logbook;
pub mod notifier;
pub mod outbound;
pub mod pipeline;
pub mod power_loss;
pub mod registry;
mod secret_file;
pub mod serve;
mod verify;
