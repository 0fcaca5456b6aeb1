//! What must hold of any sequence of reports, however often and in whatever order they come; and what the screen says
//! of a few telling situations.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is the report of a test")]

mod access;
mod alarm_oracle;
mod alarm_rig;
mod alarms;
mod escalation;
mod pairing;
mod properties;
mod registration;
mod situations;
