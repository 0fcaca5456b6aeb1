//! `inverter-simulator guard`: becomes another program that ends when the parent ends, however it ends.
//!
//! In: the parent's process id and a command. Out: that command in this very process. The demo starts its children so;
//! then even a demo that is killed leaves nobody behind.

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, bail};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Process id of the parent that this must not outlive.
    #[arg(long)]
    parent: i32,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<std::ffi::OsString>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .context("cannot ask for a signal at the parent's end")?;
    // The parent may have gone before the line above; then no signal will ever come.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(args.parent) {
        bail!("the parent {} is gone already", args.parent);
    }
    let Some((program, rest)) = args.command.split_first() else { bail!("no program given") };
    let error = std::process::Command::new(program).args(rest).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
