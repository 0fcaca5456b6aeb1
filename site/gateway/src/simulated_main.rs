//! `inverter-gateway-simulated`: the gateway with parts that tests drive. Not built without the feature.

fn main() -> std::process::ExitCode {
    gateway::cli::run_simulated()
}
