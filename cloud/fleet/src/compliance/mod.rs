//! A calendar of tests: for one inverter and some months of its site's wall, which tests were done, and what is missing and why.
//!
//! In: records that are kept, a rule set, since when anybody watches, since when records are kept, the wall's clock as a function. Out:
//! a [`View`]: each test with its grade and its distance from the one before, each month with what stands in it, how it is with the long
//! test. Says "missed" only of what it would know of: what is not kept any more, was not watched yet or could not be heard is called that.
//! Asks no clock, knows no zone.

mod month;
mod tests_of;
mod view;

pub use month::Month;
pub use tests_of::{Apart, Graded};
pub use view::{Annual, Cell, Last, MonthView, View, Watched, view};
