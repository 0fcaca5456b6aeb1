//! `inverter-simulator record`.
//!
//! In: which inverter, for how long. Out: a file with the bytes its line would have carried; for `replay` where no
//! real recording is at hand.

use std::path::PathBuf;

use anyhow::Context as _;
use simulator::clock;
use simulator::model::Inverter;

use super::model::ModelArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to write.
    file: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// How long, one frame each second.
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut inverter = Inverter::new(args.model.parameters(clock::now()));
    let mut bytes = Vec::new();
    for _ in 0..args.seconds {
        inverter.step(1.0);
        args.model.protocol.encode(&inverter.observe(), &mut bytes);
    }
    std::fs::write(&args.file, bytes).with_context(|| format!("cannot write {}", args.file.display()))
}
