//! Maintenance of an inverter or of all of a site: while a window runs, alarms are recorded and shown, and nobody is told.
//!
//! In: somebody who may look; for every change somebody who may manage. Out: the windows that run and are to come, a form,
//! acts in the journal. A window always ends; ending it early needs no fresh proof, as it only makes things louder.

pub mod end;
pub mod plan;
pub mod show;
