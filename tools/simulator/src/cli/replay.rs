//! `inverter-simulator replay`.
//!
//! In: a recording and a line. Out: its bytes; then a summary with the bytes heard.

use std::path::PathBuf;

use simulator::line::pty::Pty;
use simulator::line::replay;

use super::LineArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Raw bytes as they were on a wire.
    file: PathBuf,
    #[command(flatten)]
    line: LineArgs,
    /// From the start again at the end, until `quit`.
    #[arg(long = "loop")]
    forever: bool,
    /// Wait this many seconds before the first byte, for a reader to come.
    #[arg(long, default_value_t = 0)]
    wait: u64,
    /// Leave the line open this many seconds after the last byte: an inverter that falls silent is not unplugged, and a
    /// reader loses what it has not read of a line that goes.
    #[arg(long, default_value_t = 0)]
    linger: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut pty = Pty::open(&args.line.pty, args.line.baud)?;
    let sources = args.line.sources()?;
    println!("{} at {} baud on {}", args.file.display(), args.line.baud, args.line.pty.display());
    std::thread::sleep(std::time::Duration::from_secs(args.wait));
    let summary = replay::run(&args.file, &mut pty, args.line.baud, args.forever, &sources)?;
    println!("{summary}");
    std::thread::sleep(std::time::Duration::from_secs(args.linger));
    Ok(())
}
