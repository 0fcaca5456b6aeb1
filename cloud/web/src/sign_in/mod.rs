//! Who somebody is: password, second factor, session, token.
//!
//! In: what a browser or a program sends. Out: an account, or nothing. The same words and the same work for an account
//! that is not there; a growing delay, never a lock-out. What an account may see is `fleet::access`'s business.

pub mod act;
pub mod delay;
pub mod enroll;
pub mod factors;
pub(crate) mod failed;
pub mod fresh;
pub mod password;
pub mod pending;
pub mod proof;
pub mod recovery;
pub mod secret;
pub mod session;
pub mod totp;
pub mod vault;
