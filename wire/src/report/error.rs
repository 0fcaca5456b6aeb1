//! Why a report could not be read: which key, at which byte, what was expected.

use alloc::string::String;

/// A payload that is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a report: at byte {offset}, key {key:?}: {problem}")]
pub struct ReportError {
    /// Bytes from the start of the payload to where reading stopped.
    pub offset: usize,
    /// The key whose value was being read, as in JSON, in CBOR too; `""` before the first key.
    pub key: &'static str,
    /// What was expected or found, in words.
    pub problem: String,
}
