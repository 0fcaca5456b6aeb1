//! What must hold of any sequence of reports, however often and in whatever order they come; and what the screen says
//! of a few telling situations.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is the report of a test")]

mod access;
mod alarm_oracle;
mod alarm_rig;
mod alarms;
mod compliance;
mod discharge_rig;
mod discharges;
mod escalation;
mod logbook;
mod pairing;
mod properties;
mod readiness_cells;
mod readiness_countdown;
mod readiness_monthly;
mod readiness_rig;
mod readiness_runtime;
mod readiness_tables;
mod readiness_years;
mod registration;
mod self_tests;
mod silences;
mod situations;
