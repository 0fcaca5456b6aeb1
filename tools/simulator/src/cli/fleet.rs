//! `inverter-simulator fleet`.
//!
//! In: how many inverters, who they are, how often they report. Out: the [`Outcome`]; exit code 1 if a report was
//! refused, or none was acknowledged though some were sent.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use simulator::clock;
use simulator::fleet::{self, Device, Outcome, Plan, Work, identity};
use wire::Serial;

use super::cloud::CloudArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    cloud: CloudArgs,
    /// Inverters; with --bundles at most as many as there are bundles (default: all).
    #[arg(long)]
    count: Option<usize>,
    /// A device bundle, or a folder of them, from `inverter-connect admin device add`.
    #[arg(long, value_name = "DIR", conflicts_with = "ca_key", required_unless_present = "ca_key")]
    bundles: Option<PathBuf>,
    /// For benches: private key of a device root; client certificates are made in memory. Needs --ca-certificate.
    #[arg(long, value_name = "FILE", requires = "ca_certificate")]
    ca_key: Option<PathBuf>,
    /// The certificate of that root.
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// Serial numbers made with --ca-key begin so, six digits follow.
    #[arg(long, default_value = "SIM-")]
    prefix: String,
    /// Seconds between reports of one inverter; 0: as soon as the window allows.
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    interval: f64,
    /// Only connect and stay.
    #[arg(long, conflicts_with_all = ["history", "reports"])]
    idle: bool,
    /// Send this many hours of the past instead, packed.
    #[arg(long, value_name = "HOURS", value_parser = seconds)]
    history: Option<f64>,
    /// Reports per inverter; default: until --duration.
    #[arg(long, value_name = "N")]
    reports: Option<u64>,
    /// Seconds until the end; default: when the work is done.
    #[arg(long, value_name = "S", value_parser = seconds)]
    duration: Option<f64>,
    /// Reports an inverter may have unacknowledged.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    in_flight: u16,
    /// New connections per second; default: all at once.
    #[arg(long, value_name = "N")]
    connects_per_s: Option<f64>,
    /// Connect again after a loss and send again what was not acknowledged.
    #[arg(long)]
    reconnect: bool,
    /// Append `serial boot sequence` to this file for each acknowledged reading.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seed of values, boots and jitter. With a ledger give another for each run: the boots follow from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let roots = args.bundles.as_ref().map(|folder| folder.join(identity::BUNDLE_ROOTS));
    let target = args.cloud.target(roots)?;
    let work = match (args.idle, args.history) {
        (true, _) => Work::Idle,
        (_, Some(hours)) => Work::History { hours },
        _ => Work::Live { interval: Duration::from_secs_f64(args.interval), count: args.reports },
    };
    let plan = Plan {
        version: args.cloud.version,
        in_flight: args.in_flight,
        duration: args.duration.map(Duration::from_secs_f64),
        connects_per_s: args.connects_per_s,
        reconnect: args.reconnect,
        threads: args.threads,
        ledger: args.ledger.clone(),
        seed: args.seed,
        ..Plan::new(target, devices(args)?, work, clock::now())
    };
    let outcome = play(plan)?;
    args.cloud.tell(&outcome)?;
    check(&outcome)
}

/// Runs a plan; Ctrl-C stops it in an orderly way.
pub(super) fn play(plan: Plan) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = fleet::start(plan)?;
        let stop = running.stopper();
        let watch = tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.stop();
            }
        });
        let outcome = running.finish().await?;
        watch.abort();
        Ok(outcome)
    })
}

/// Whether the run was worth anything.
pub(super) fn check(outcome: &Outcome) -> anyhow::Result<()> {
    if outcome.refused > 0 {
        bail!("{} reports were refused", outcome.refused);
    }
    if outcome.connects == 0 || (outcome.sent > 0 && outcome.acked == 0) {
        bail!("nothing was acknowledged");
    }
    Ok(())
}

fn devices(args: &Args) -> anyhow::Result<Vec<Device>> {
    let Some(folder) = &args.bundles else { return minted(args) };
    let mut devices = identity::bundles(folder)?;
    if let Some(count) = args.count {
        if count > devices.len() {
            bail!("{} has {} bundles, --count asks for {count}", folder.display(), devices.len());
        }
        devices.truncate(count);
    }
    Ok(devices)
}

fn minted(args: &Args) -> anyhow::Result<Vec<Device>> {
    let (Some(key), Some(certificate)) = (&args.ca_key, &args.ca_certificate) else {
        bail!("give --bundles DIR, or --ca-key FILE with --ca-certificate FILE");
    };
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mint = identity::Mint::new(&read(certificate)?, &read(key)?)?;
    (0..args.count.unwrap_or(1))
        .map(|index| {
            let serial = Serial::parse(&format!("{}{index:06}", args.prefix))?;
            Ok(mint.device(serial)?)
        })
        .collect()
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1e7).contains(&value) { Ok(value) } else { Err("give 0 or more".into()) }
}
