//! `inverter-connect-driven`: the cloud under a clock that a test drives. Not built without the feature.

fn main() -> std::process::ExitCode {
    server::cli::run_driven()
}
