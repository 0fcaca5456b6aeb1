//! What must hold of any sequence of reports, however often and in whatever order they come; and what the screen says
//! of a few telling situations.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod properties;
mod situations;
