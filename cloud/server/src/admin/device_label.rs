//! `admin device label`: a label for the cabinet, whose code opens the page that adds the inverter.
//!
//! In: a serial number. Out: SVG on standard output or in a file, or the code as text in the terminal. The label holds no
//! secret: whoever scans it must still press the button in the cabinet.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use store::state::StateStore;
use web::label;
use wire::Serial;

use crate::config::Config;

/// What to print.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Its serial number.
    serial: Serial,
    /// `svg`, to be printed; `text`, to be scanned from the terminal.
    #[arg(long, default_value = "svg", value_parser = ["svg", "text"])]
    format: String,
    /// A new file; standard output unless given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Prints.
///
/// # Errors
/// There is no such inverter, or the file cannot be written.
pub async fn run(arguments: Arguments, config: &Config, state: &StateStore) -> anyhow::Result<()> {
    let serial = arguments.serial;
    if state.inverter_by_serial(serial).await?.is_none() {
        bail!("there is no inverter {serial}. Register it first: inverter-connect admin device add {serial}");
    }
    let origin = config.people.origin(config.listen);
    let label = match arguments.format.as_str() {
        "text" => label::text(&origin, serial),
        _ => label::svg(&origin, serial),
    };
    let label = label.context("the origin is too long for a QR code; shorten `people.origin`")?;
    match arguments.out {
        None => println!("{label}"),
        Some(path) => write(&path, &label)?,
    }
    Ok(())
}

fn write(path: &Path, label: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let file = std::fs::File::create_new(path);
    let written = file.and_then(|mut file| file.write_all(label.as_bytes()));
    written.with_context(|| format!("cannot write {} (it must not be there yet)", path.display()))?;
    println!("label in {}", path.display());
    Ok(())
}
