//! `inverter-simulator history`.
//!
//! In: one device's bundle and which inverter it has. Out: its past, acknowledged by the cloud. The cloud keeps one
//! session per device: run it before the gateway of that inverter starts.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use simulator::clock;
use simulator::fleet::{Plan, Play, Work, identity};

use super::cloud::CloudArgs;
use super::model::ModelArgs;

/// Longest wait for the acknowledgement of a history.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    cloud: CloudArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// The device's bundle.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Hours up to now.
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
    /// What happened in them: `HOURS_AGO COMMAND`, for example `--at "9.5 mains off"`. May be given more than once.
    #[arg(long = "at", value_name = "EVENT", value_parser = event)]
    script: Vec<(f64, String)>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let now = clock::now();
    let mut device = identity::bundles(&args.bundle)?.into_iter().next().context("no bundle")?;
    let mut parameters = args.model.parameters(now);
    parameters.serial = device.serial;
    device.play =
        Some(Box::new(Play { parameters, protocol: args.model.protocol, script: args.script.clone() }));
    let target = args.cloud.target(Some(args.bundle.join(identity::BUNDLE_ROOTS)))?;
    let plan = Plan {
        version: args.cloud.version,
        in_flight: 8,
        duration: Some(PATIENCE),
        // Another boot each time: a second run is another past, not a repetition.
        seed: now.0.unsigned_abs(),
        ..Plan::new(target, vec![device], Work::History { hours: args.hours }, now)
    };
    let outcome = super::fleet::play(plan)?;
    args.cloud.tell(&outcome)?;
    super::fleet::check(&outcome)
}

fn event(text: &str) -> Result<(f64, String), String> {
    let usage = || "write HOURS_AGO COMMAND, for example \"9.5 mains off\"".to_owned();
    let (hours, command) = text.split_once(' ').ok_or_else(usage)?;
    let hours: f64 = hours.parse().ok().filter(|hours: &f64| hours.is_finite()).ok_or_else(usage)?;
    simulator::line::console::parse(command).map_err(|error| error.to_string())?;
    Ok((hours, command.to_owned()))
}
