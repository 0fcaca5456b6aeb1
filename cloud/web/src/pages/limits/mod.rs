//! Limits of one inverter that its people set: an alarm beyond one level, over when back at another.
//!
//! In: somebody who may look; for every change somebody who may manage and has just proved who they are. Out: the list, a
//! form, acts in the journal. A limit changes what is told, nothing at the inverter.

pub mod add;
pub mod remove;
pub mod show;
