//! Getting in by mail: who may ask how often, and the desk that answers.
//!
//! In: an address that somebody typed. Out: a letter, or nothing, some moments later, the work being the same either way;
//! a hash of a new password that is good enough. Who asks is never told what came out.

pub mod desk;
pub mod limits;
pub mod new_password;
