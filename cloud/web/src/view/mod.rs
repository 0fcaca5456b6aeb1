//! What a person sees, before it is HTML: words, ages, bars, the power flow.
//!
//! In: the fleet's view of an inverter and its newest values. Out: small structs that templates print. Decides no
//! rule: states, readiness and conditions come from `fleet`.

pub mod accounts;
pub mod acts;
pub mod advice;
pub mod alarms;
pub mod answer;
pub mod bar;
pub mod browser;
pub mod bytes;
pub mod deliveries;
pub mod devices;
pub mod episodes;
pub(crate) mod escalation;
pub mod fleet;
pub mod flow;
pub mod health;
pub mod hero;
pub mod inverter;
pub mod limits;
pub mod list;
pub mod maintenance;
pub mod new_password;
pub mod outage;
pub mod paging;
pub mod qr;
pub mod readiness;
pub mod row;
pub mod signals;
pub mod span;
pub mod stats;
pub mod story;
pub mod strip;
pub mod tests;
pub mod words;
pub mod zones;
