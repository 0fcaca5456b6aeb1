//! A paragraph cut into lines.
//!
//! In: text, how wide a line may be in ems. Out: lines. Cut at spaces; a word that is wider than a line is cut where it must be, never
//! before a mark that belongs to the character before it.

use super::fonts::{Fonts, Weight, joins};
use super::shape::width;

/// More than this of one paragraph is not printed: nobody's name is longer.
const MOST_LINES: usize = 400;

/// The lines of a paragraph; at least one.
pub(super) fn wrap(fonts: &Fonts, weight: Weight, text: &str, most: f32) -> Vec<String> {
    let space = width(fonts, weight, " ");
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for part in parts(fonts, weight, word, most) {
            let wide = width(fonts, weight, &part);
            if !line.is_empty() && used + space + wide > most {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            if !line.is_empty() {
                line.push(' ');
                used += space;
            }
            line.push_str(&part);
            used += wide;
        }
        if lines.len() >= MOST_LINES {
            break;
        }
    }
    lines.push(line);
    lines
}

/// The word, or its parts where it is wider than a line.
fn parts(fonts: &Fonts, weight: Weight, word: &str, most: f32) -> Vec<String> {
    if width(fonts, weight, word) <= most {
        return vec![word.to_owned()];
    }
    let (mut parts, mut part, mut used) = (Vec::new(), String::new(), 0.0);
    for character in word.chars() {
        let wide = width(fonts, weight, character.encode_utf8(&mut [0; 4]));
        if used + wide > most && !part.is_empty() && !joins(character) {
            parts.push(std::mem::take(&mut part));
            used = 0.0;
        }
        part.push(character);
        used += wide;
    }
    parts.push(part);
    parts
}
