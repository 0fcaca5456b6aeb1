//! Tests: the calendar of all that somebody may see, each inverter's own page, notes, reports.
//!
//! In: a caller and an address. Out: pages and files. Who may see what is asked of `access` for every inverter that is named, by itself, by
//! its site or by its organization.

pub mod calendar;
pub mod download;
pub mod exports;
pub mod inverter;
pub mod note;
pub mod report;
pub mod scope;
