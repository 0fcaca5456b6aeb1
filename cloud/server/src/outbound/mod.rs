//! The way out: requests to addresses that a customer named (webhooks, push services) and to providers.
//!
//! In: a URL, headers, a body. Out: the status and the first bytes of the answer, or why there is none and whether the
//! request may have arrived. Names are resolved once and only the address that was looked at is connected to, so that a
//! name cannot change its mind in between. Never speaks to an address that is not public, never in the clear, follows no
//! redirect, knows no proxy, waits and reads only so much.

mod address;
mod client;
mod error;

pub use address::{Network, is_public};
pub use client::{Answer, MOST_ANSWER_BYTES, Names, Outbound, Reach, Request, TIME_LIMIT};
pub use error::NoAnswer;
