//! An inverter's settings: what it is called, where it stands, to whom it belongs.
//!
//! In: somebody who may manage it and has just proved who they are. Out: the page, and back to it.

pub mod edit;
pub mod hand_over;
pub mod remove;
