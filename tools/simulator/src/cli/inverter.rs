//! `inverter-simulator inverter`.
//!
//! In: which inverter and which line. Out: its frames until `quit`; then a summary with the bytes heard.

use simulator::clock;
use simulator::line::inverter::{Session, Setup, run as play};
use simulator::line::protocol::Protocol;
use simulator::line::pty::Pty;
use simulator::model::{Inverter, Parameters, Phases};
use wire::Serial;

use super::LineArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Serial number.
    #[arg(long, default_value = "2311-00421")]
    serial: Serial,
    /// What it speaks.
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// Seed of all noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Boot counter it says.
    #[arg(long, default_value_t = 1)]
    boot: u64,
    /// Model seconds per real second.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Number of phases.
    #[arg(long, value_enum, default_value_t)]
    phases: Phases,
    /// Rated output, W.
    #[arg(long, default_value_t = 10_000.0)]
    rated_w: f64,
    /// Nominal voltage in and out, V.
    #[arg(long, default_value_t = 277.0)]
    voltage: f64,
    /// Nominal battery voltage, V.
    #[arg(long, default_value_t = 120.0)]
    battery_v: f64,
    /// Usual load, percent of rated.
    #[arg(long, default_value_t = 61.0)]
    load: f64,
    /// Mean temperature around the cabinet, °C.
    #[arg(long, default_value_t = 24.0, allow_negative_numbers = true)]
    ambient: f64,
    /// Age of the battery, years.
    #[arg(long, default_value_t = 3.0)]
    age: f64,
    /// Charge at the start, percent.
    #[arg(long, default_value_t = 100.0)]
    charge: f64,
    /// Console command to run at the start; may be given more than once.
    #[arg(long = "do", value_name = "COMMAND")]
    commands: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let parameters = Parameters {
        boot: args.boot,
        phases: args.phases,
        rated_w: args.rated_w,
        input_v: args.voltage,
        output_v: args.voltage,
        battery_v: args.battery_v,
        typical_load: args.load / 100.0,
        ambient_c: args.ambient,
        age_years: args.age,
        charge: args.charge / 100.0,
        ..Parameters::new(args.serial, args.seed, clock::now())
    };
    let setup = Setup { protocol: args.protocol, baud: args.line.baud, speed: args.speed };
    let mut pty = Pty::open(&args.line.pty, args.line.baud)?;
    let sources = args.line.sources()?;
    println!(
        "{} speaks {} at {} baud on {} ({}); type `help`",
        args.serial,
        args.protocol.name(),
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
