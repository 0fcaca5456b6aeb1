//! The label on a cabinet: serial number, and a code that opens the page where the inverter is added.
//!
//! In: the origin, a serial number. Out: SVG in millimetres, or the code as text for a terminal. Holds no secret: the
//! button in the cabinet must be pressed all the same.

use qrcode::{Color, EcLevel, QrCode};
use wire::Serial;

use crate::link;
use crate::view::qr::{self, TooLong};

/// Width and height of the label, millimetres.
const SIZE: (u32, u32) = (90, 54);
/// Width that the serial number may take, and the height of its letters at most, tenths of a millimetre.
const SERIAL: (usize, usize) = (820, 90);

/// Where the code leads.
#[must_use]
pub fn address(origin: &str, serial: Serial) -> String {
    link::with(&format!("{origin}/pair"), &[("serial", serial.as_str())])
}

/// The label to be printed.
///
/// # Errors
/// The address is longer than a QR code holds.
pub fn svg(origin: &str, serial: Serial) -> Result<String, TooLong> {
    let code = qr::svg(&address(origin, serial), &format!("Adds inverter {serial}"))?;
    // Where the code stands; the element itself knows no size.
    let code = code.replacen("<svg ", "<svg x=\"3\" y=\"3\" width=\"36\" height=\"36\" ", 1);
    let (width, height) = SIZE;
    // A letter of a fixed-width font is 0.6 of its height wide.
    let letters = serial.as_str().len().max(1);
    let size = (SERIAL.0 * 10 / 6 / letters).min(SERIAL.1);
    let (whole, tenth) = (size / 10, size % 10);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\
         <title>Label of inverter {serial}</title>\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>{code}\
         <text x=\"42\" y=\"13\" font-size=\"4.4\">Inverter Connect</text>\
         <text x=\"42\" y=\"25\" font-size=\"7\" font-weight=\"bold\">Scan, then</text>\
         <text x=\"42\" y=\"34\" font-size=\"7\" font-weight=\"bold\">press PAIR</text>\
         <text x=\"45\" y=\"49\" font-size=\"{whole}.{tenth}\" font-weight=\"bold\" font-family=\"monospace\" \
         text-anchor=\"middle\">{serial}</text></svg>\n"
    ))
}

/// The code as text, two rows of modules a line, light on dark, with what to do below.
///
/// # Errors
/// The address is longer than a QR code holds.
pub fn text(origin: &str, serial: Serial) -> Result<String, TooLong> {
    let address = address(origin, serial);
    let code = QrCode::with_error_correction_level(&address, EcLevel::M)?;
    let width = code.width();
    let modules = code.to_colors();
    let quiet = 2;
    let dark = |row: usize, column: usize| {
        let at = row.checked_sub(quiet).zip(column.checked_sub(quiet)).filter(|(_, column)| *column < width);
        at.and_then(|(row, column)| modules.get(row * width + column)) == Some(&Color::Dark)
    };
    let mut text = String::new();
    for row in (0..width + 2 * quiet).step_by(2) {
        for column in 0..width + 2 * quiet {
            text.push(match (dark(row, column), dark(row + 1, column)) {
                (false, false) => '\u{2588}',
                (false, true) => '\u{2580}',
                (true, false) => '\u{2584}',
                (true, true) => ' ',
            });
        }
        text.push('\n');
    }
    text.push_str(&format!("{serial}\nScan, then press PAIR: {address}\n"));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://inverters.example";

    fn serial(text: &str) -> Serial {
        Serial::parse(text).unwrap()
    }

    /// Reads the code as a telephone would, from pixels.
    fn scanned(side: usize, dark: impl Fn(usize, usize) -> bool) -> String {
        let scale = 6;
        let grey = |x: usize, y: usize| if dark(x / scale, y / scale) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * scale, side * scale, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_telephone_reads_the_printed_code() {
        for number in ["2311-00421", "A1B2", "ABCDEFGHIJKLMNOPQRSTUVWXYZ-01234"] {
            let label = svg(ORIGIN, serial(number)).unwrap();
            let (_, code) = label.split_once("class=\"qr\" viewBox=\"0 0 ").unwrap();
            let side: usize = code.split(' ').next().unwrap().parse().unwrap();
            let path = code.split("#000\" d=\"").nth(1).unwrap().split('"').next().unwrap();
            let mut dark = vec![false; side * side];
            for stroke in path.split('M').skip(1) {
                let (at, rest) = stroke.split_once('h').unwrap();
                let (x, y) = at.split_once(' ').unwrap();
                let length: usize = rest.split('v').next().unwrap().parse().unwrap();
                let start = y.parse::<usize>().unwrap() * side + x.parse::<usize>().unwrap();
                dark[start..start + length].fill(true);
            }
            let read = scanned(side, |x, y| dark[y * side + x]);
            assert_eq!(read, format!("{ORIGIN}/pair?serial={number}"));
            assert!(label.contains(&format!(">{number}</text>")) && label.contains("press PAIR"));
        }
    }

    #[test]
    fn a_telephone_reads_the_terminal() {
        let label = text(ORIGIN, serial("2311-00421")).unwrap();
        let lines: Vec<Vec<char>> = label
            .lines()
            .map(|line| line.chars().collect())
            .filter(|line: &Vec<char>| line.len() < 60)
            .collect();
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| line.iter().all(|c| " \u{2580}\u{2584}\u{2588}".contains(*c)))
            .collect();
        let side = lines[0].len();
        let dark = |x: usize, y: usize| match lines.get(y / 2).and_then(|line| line.get(x)) {
            Some(' ') => true,
            Some('\u{2580}') => y % 2 == 1,
            Some('\u{2584}') => y.is_multiple_of(2),
            _ => false,
        };
        assert_eq!(scanned(side, dark), "https://inverters.example/pair?serial=2311-00421");
        assert!(label.ends_with("serial=2311-00421\n"));
    }

    #[test]
    fn the_serial_number_fits_whatever_its_length() {
        for (number, size) in
            [("A1B2", "9.0"), ("2311-00421", "9.0"), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ-01234", "4.2")]
        {
            let label = svg(ORIGIN, serial(number)).unwrap();
            assert!(label.contains(&format!("font-size=\"{size}\"")), "{number}: {label}");
        }
    }
}
