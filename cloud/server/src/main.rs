//! `inverter-connect`: the cloud's one binary. See the library of this crate.

fn main() -> std::process::ExitCode {
    server::cli::run()
}
