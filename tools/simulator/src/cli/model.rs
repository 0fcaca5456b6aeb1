//! Arguments that say which inverter is played.
//!
//! In: the command line. Out: [`Parameters`] and a protocol.

use simulator::line::protocol::Protocol;
use simulator::model::{Parameters, Phases};
use wire::{Serial, UtcMs};

#[derive(Debug, clap::Args)]
pub(super) struct ModelArgs {
    /// Serial number.
    #[arg(long, default_value = "2311-00421")]
    pub(super) serial: Serial,
    /// What it speaks.
    #[arg(long, value_enum, default_value_t)]
    pub(super) protocol: Protocol,
    /// Seed of all noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Boot counter it says.
    #[arg(long, default_value_t = 1)]
    boot: u64,
    /// Number of phases.
    #[arg(long, value_enum, default_value_t)]
    phases: Phases,
    /// Rated output, W.
    #[arg(long, default_value_t = 10_000.0, value_parser = positive)]
    rated_w: f64,
    /// Nominal voltage in and out, V.
    #[arg(long, default_value_t = 277.0, value_parser = positive)]
    voltage: f64,
    /// Nominal battery voltage, V.
    #[arg(long, default_value_t = 120.0, value_parser = positive)]
    battery_v: f64,
    /// Usual load, percent of rated.
    #[arg(long, default_value_t = 61.0, value_parser = positive)]
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
}

impl ModelArgs {
    pub(super) fn parameters(&self, start: UtcMs) -> Parameters {
        Parameters {
            boot: self.boot,
            phases: self.phases,
            rated_w: self.rated_w,
            input_v: self.voltage,
            output_v: self.voltage,
            battery_v: self.battery_v,
            typical_load: self.load / 100.0,
            ambient_c: self.ambient,
            age_years: self.age,
            charge: self.charge / 100.0,
            ..Parameters::new(self.serial, self.seed, start)
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("give a number above 0".into()) }
}
