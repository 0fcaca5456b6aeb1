//! A report as PDF: sheets to sign and to hand over, with text that can be selected, searched, copied and read aloud.
//!
//! In: a report, its data as JSON, which is attached. Out: PDF/A-3a. What is drawn comes from the report alone: the same report makes the
//! same bytes. Names of any script are drawn by fonts that travel with the file; what they do not have is drawn as a mark, and copied as it
//! is.

mod draw;
mod fonts;
mod paper;
mod shape;
mod sheet;
#[cfg(test)]
mod tests;
mod tree;
mod wrap;

pub use draw::print;

/// Why no file was made.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// A font of the program cannot be read.
    #[error("a font of the program cannot be read")]
    Font,
    /// The format does not allow what is in the report.
    #[error("the format does not allow what is in the report: {0}")]
    Format(String),
}
