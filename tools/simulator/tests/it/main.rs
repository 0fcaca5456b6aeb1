//! The simulator as others meet it: bytes on a pseudo-terminal, its binary, its acknowledgement accounting.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a panic is the report"
)]

mod binary;
mod door;
mod fleet;
mod line;
