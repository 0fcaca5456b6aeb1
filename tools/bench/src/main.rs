//! `bench`: what this machine can do at most, what the product does, and what others do, in the same run.
//!
//! In: which benchmark, and how long. Out: rows of ratios with their floors and targets, as text and as JSON. Never
//! quotes an absolute figure without its ceiling, never talks to anything but loopback, never leaves a process behind.

mod alarms;
mod cloud;
mod devices;
mod disk;
mod gateway;
mod history;
mod history_data;
mod history_journal;
mod http_chart;
mod idle;
mod ingest;
mod load;
mod outage;
mod peers;
mod process;
mod readiness;
mod retention;
mod rows;
mod sign_in;
mod sink;
mod start;
mod storm;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "bench",
    about = "Benchmarks of Inverter Connect, as ratios against a ceiling and against peers"
)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// P1–P5: durable reports per second, per core-second, and their acknowledgement latency.
    Ingest(Options),
    /// P12, P17: memory of idle connections, of the idle cloud and of the idle gateway.
    Idle(Options),
    /// P11, P13: handshakes per core-second; 5,000 devices reconnecting at once.
    Storm(Options),
    /// P16: cold start, and start after kill -9, with 1,000 inverters and 30 days stored.
    Start(Options),
    /// P6, P7: bytes per field and sample on disk, and the store's own speed.
    History(Options),
    /// P9, P10: a chart of thirty days over HTTP.
    Chart(Options),
    /// P21: acknowledgements while the oldest day is deleted.
    Retention(Options),
    /// A1–A4: memory of 100,000 inverters, and events a second through the alarm engine; A5: 5,000 outages at one
    /// site; P14, and P15 where it is asked for:
    /// from a report or a deadline to a message in the sender's hands.
    Alarms(Options),
    /// R1–R3: what readiness and tests cost of each report, and their memory.
    Readiness(Options),
    /// S1–S3: sign-ins at once, what they do to acknowledgements, and what Argon2 costs.
    SignIn(Options),
    /// Which peers are here, and their versions.
    Peers,
    /// The ceiling itself, as a process of its own: TLS, MQTT framing, SQLite group commit, nothing else.
    #[command(hide = true)]
    Sink(sink::Args),
}

/// What every benchmark takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Length of one measured stretch, seconds.
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
    /// Repeats; the median is quoted, with the spread.
    #[arg(long, default_value_t = 3)]
    pub repeats: usize,
    /// Devices that publish in `ingest`, or connect in `idle` and `storm`.
    #[arg(long)]
    pub devices: Option<usize>,
    /// Also write the rows here as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Only these parts, by row id (`P1`), or all.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave the peers out.
    #[arg(long)]
    pub no_peers: bool,
    /// kill -9 cycles of P5.
    #[arg(long, default_value_t = 10)]
    pub cycles: usize,
}

impl Options {
    /// Whether a row was asked for.
    #[must_use]
    pub fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(row))
    }
}

/// A folder beside the programs, so on the disk that is measured; it goes with the run.
///
/// # Errors
/// When it cannot be made.
pub fn scratch() -> anyhow::Result<tempfile::TempDir> {
    let beside = std::env::current_exe()?.with_file_name("bench-runs");
    std::fs::create_dir_all(&beside)?;
    Ok(tempfile::tempdir_in(beside)?)
}

fn main() -> ExitCode {
    let result = match Cli::parse().what {
        What::Ingest(options) => ingest::run(&options),
        What::Idle(options) => idle::run(&options),
        What::Storm(options) => storm::run(&options),
        What::Start(options) => start::run(&options),
        What::History(options) => history::run(&options),
        What::Chart(options) => http_chart::run(&options),
        What::Retention(options) => retention::run(&options),
        What::Alarms(options) => alarms::run(&options),
        What::Readiness(options) => readiness::run(&options),
        What::SignIn(options) => sign_in::run(&options),
        What::Peers => peers::list(),
        What::Sink(args) => sink::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
