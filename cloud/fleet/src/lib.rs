//! What is true of an inverter and what it means.
//!
//! In: a decoded report and the instant it was received; or a state and now. Out: readings to store, events, what
//! the screen says, who may do what. Pure and synchronous: never does I/O, reads a clock, or draws a random number.

pub mod access;
pub mod act;
pub mod alarm;
pub mod apply;
pub mod audit;
pub mod cadence;
pub mod ceilings;
pub mod compliance;
pub mod condition;
pub mod dating;
pub mod dead_man;
pub mod discharge;
mod encoding;
pub mod event;
pub mod factors;
pub mod inverter;
pub mod level;
pub mod logbook;
pub mod notice;
pub mod pairing;
pub mod password;
pub mod readiness;
pub mod reading;
pub mod record;
pub mod registration;
pub mod retention;
pub mod screen;
pub mod seen;
pub mod self_test;
pub mod session;
pub mod sharing;
mod testing;

pub use access::{
    AccountKey, Action, Actor, Decision, Grant, Held, Holder, MemberRole, Membership, Object,
    OrganizationKey, Role, TokenReach, TokenScope, authorize,
};
pub use act::Act;
pub use apply::{Applied, apply};
pub use condition::Condition;
pub use event::{Cause, Event, EventKind, TestRecord};
pub use inverter::{InverterKey, InverterState};
pub use reading::StoredReading;
pub use record::{Outage, Predicted, Record, RecordKind};
pub use screen::{Freshness, Ready, Screen, ScreenState, screen};
