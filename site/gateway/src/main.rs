//! `inverter-gateway`: see the library of this crate.

fn main() -> std::process::ExitCode {
    gateway::cli::run()
}
