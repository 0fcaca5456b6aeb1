//! Self-tests as the record keeps them: found in the telemetry, named, graded, and when the next is due.
//!
//! In: moments of one inverter and what it told of its tests. Out: [`Found`] tests, and [`Standing`]s of what a rule set asks for. Whether a
//! test runs at this moment is the alarms' rule ([`crate::readiness::Moment::of`] asks it): here is only what it was when it is over.

mod due;
mod grade;
mod kept;
mod recognise;
mod rules;

pub use due::{Deadline, Due, Standing, deadlines, due};
pub use grade::{Grade, Reason, grade};
pub use kept::Tests;
pub use recognise::{Found, Kind, Recogniser, SeenBy, recognises};
pub use rules::{EN_50172, NFPA_101, RULE_SETS, RuleSet};
