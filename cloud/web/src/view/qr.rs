//! QR codes as SVG: one path, dark on light in every theme, as scanners want it.
//!
//! In: a text, what the picture is of. Out: an `svg` element without styles of its own, which pages and files may hold.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;

/// The text is longer than a QR code holds.
#[derive(Debug, thiserror::Error)]
#[error("no QR code holds this text: {0}")]
pub struct TooLong(String);

impl From<qrcode::types::QrError> for TooLong {
    fn from(error: qrcode::types::QrError) -> Self {
        Self(error.to_string())
    }
}

/// The code of `text`, with `label` for who does not see it.
///
/// # Errors
/// [`TooLong`].
pub fn svg(text: &str, label: &str) -> Result<String, TooLong> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let (width, size) = (code.width(), code.width() + 2 * QUIET);
    let mut path = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        // One stroke for each run of dark modules.
        for run in modules.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                let (x, y, length) = (column + QUIET, row + QUIET, run.len());
                path.push_str(&format!("M{x} {y}h{length}v1h-{length}z"));
            }
            column += run.len();
        }
    }
    let label = label.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"qr\" viewBox=\"0 0 {size} {size}\" role=\"img\" \
         aria-label=\"{label}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_and_no_other() {
        let text = "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ";
        let svg = svg(text, "For \"apps\" & you").unwrap();
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let mut drawn = vec![Color::Light; code.width() * code.width()];
        let path = svg.split("#000\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        for stroke in path.split('M').skip(1) {
            let (at, rest) = stroke.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            let start =
                (y.parse::<usize>().unwrap() - QUIET) * code.width() + x.parse::<usize>().unwrap() - QUIET;
            drawn[start..start + length].fill(Color::Dark);
        }
        assert_eq!(drawn, code.to_colors());
        assert!(svg.contains("aria-label=\"For &quot;apps&quot; &amp; you\"") && !svg.contains("style="));
        assert!(super::svg(&"x".repeat(4_000), "").is_err());
    }
}
