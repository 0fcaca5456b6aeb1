//! One's API tokens: which there are, making one, ending one.
//!
//! In: a caller with a session. Out: pages. A token is shown once, right after it was made; the store keeps its hash. It
//! never reaches further than its account, and what it reaches is `fleet::authorize`'s business.

pub mod list;
pub mod new;
pub mod revoke;
