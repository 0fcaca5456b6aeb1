//! Reports of tests: what a compliance officer signs and hands over.
//!
//! In: inverters that somebody may see, a period, records that are kept. Out: a [`Report`], as a page, as PDF, CSV or JSON. All four come
//! from the same report, and none says more than it: what is missing stands in each, with why. Never asks who may see what; the pages do.

pub mod code;
mod csv;
pub mod exports;
mod kept;
mod known;
mod make;
pub mod model;
pub mod pdf;
mod period;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod words;

pub use csv::csv;
pub use known::Known;
pub(crate) use make::zone;
pub use make::{Asked, Viewed, make, single, views};
pub use model::Report;
pub use period::Period;
