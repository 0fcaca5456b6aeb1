//! How long the lights would hold: battery readiness from what one-way telemetry tells.
//!
//! In: an inverter's readings, one by one. Out: an estimate of the runtime at the load now with its basis and an honest interval, a countdown
//! on battery, a protection state, a trend, lamps lost. Unknown until there is a basis. docs/readiness.md says how well it does, and against
//! what that is measured. Never knows what a simulator's battery is made of.

pub mod bank;
pub mod charge;
pub mod countdown;
pub mod curve;
pub mod episode;
pub mod estimate;
pub mod evidence;
mod keep;
pub mod lamps;
pub mod moment;
pub mod outlook;
pub mod pace;
pub mod protection;
pub mod state;
pub mod steady;
pub mod trend;

pub use bank::Bank;
pub use countdown::{Countdown, countdown};
pub use estimate::{Basis, Estimate, estimate};
pub use evidence::{End, Evidence, Kind};
pub use lamps::{Lamps, lamps};
pub use moment::{Load, Moment, Source, Unit};
pub use outlook::{Outlook, Why, outlook};
pub use protection::{Faults, Protection, protection};
pub use state::Readiness;
pub use trend::{Forecast, forecast};
