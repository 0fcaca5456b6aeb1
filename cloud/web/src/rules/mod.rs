//! What people set for inverters: maintenance windows, limits. Pages and API do it here, by the same rules and words.
//!
//! In: a caller, inverters that the caller may change, what was asked for. Out: acts in the journal with a row each in the
//! audit log, or in plain words what to ask for instead. What is right, `fleet::alarm` says.

pub(crate) mod limits;
pub(crate) mod preferences;
pub(crate) mod typed;
pub(crate) mod windows;
