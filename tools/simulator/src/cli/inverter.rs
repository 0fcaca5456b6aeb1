//! `inverter-simulator inverter`.
//!
//! In: which inverter and which line. Out: its frames until `quit`; then a summary with the bytes heard.

use std::time::Duration;

use simulator::clock;
use simulator::line::inverter::{Session, Setup, run as play};
use simulator::line::pty::Pty;
use simulator::model::Inverter;

use super::LineArgs;
use super::model::ModelArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    line: LineArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Model seconds per real second.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Milliseconds between frames while nothing changes. A test whose clock goes faster asks for more frames.
    #[arg(long, default_value = "1000", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    frame_every_ms: u64,
    /// Console command to run at the start; may be given more than once.
    #[arg(long = "do", value_name = "COMMAND")]
    commands: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let protocol = args.model.protocol;
    let parameters = args.model.parameters(clock::now());
    let serial = parameters.serial;
    let frame_every = Duration::from_millis(args.frame_every_ms);
    let setup = Setup { protocol, baud: args.line.baud, speed: args.speed, frame_every };
    let mut pty = Pty::open(&args.line.pty, args.line.baud)?;
    let sources = args.line.sources()?;
    println!(
        "{} speaks {} at {} baud on {} ({}); type `help`",
        serial,
        protocol.name(),
        args.line.baud,
        args.line.pty.display(),
        pty.target().display()
    );
    let mut session = Session::new(Inverter::new(parameters), setup);
    for command in &args.commands {
        println!("{}", session.command(command));
    }
    play(&mut session, &mut pty, &sources)?;
    println!("{}", session.status());
    Ok(())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=10_000.0).contains(&speed) { Ok(speed) } else { Err("give 0 to 10000".into()) }
}
