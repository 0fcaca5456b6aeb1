//! Text to glyphs: each part of a line in its direction, in a font that has it, joined as its script asks.
//!
//! In: one line of text. Out: pieces from left to right, each of one font and direction, with the text that its glyphs stand for, by
//! which readers copy and search. Widths are in ems.

use harfrust::{Direction, ShapeOptions, UnicodeBuffer};
use krilla::text::{GlyphId, KrillaGlyph};
use unicode_bidi::{BidiInfo, Level};

use super::fonts::{Fonts, REPLACEMENT, WIDE, Weight};

/// A part of a line.
pub(super) struct Piece {
    /// Its font.
    pub(super) font: usize,
    pub(super) glyphs: Vec<KrillaGlyph>,
    pub(super) text: String,
    pub(super) width: f32,
}

/// The pieces of one line, from left to right.
pub(super) fn shape(fonts: &Fonts, weight: Weight, line: &str) -> Vec<Piece> {
    let bidi = BidiInfo::new(line, None);
    let mut pieces = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let backwards = levels.get(run.start).is_some_and(Level::is_rtl);
            let text = line.get(run).unwrap_or("");
            let mut parts: Vec<Piece> = by_font(fonts, weight, text)
                .into_iter()
                .map(|(font, part)| piece(fonts, font, part, backwards))
                .collect();
            if backwards {
                parts.reverse();
            }
            pieces.append(&mut parts);
        }
    }
    pieces
}

/// How wide a line is, in ems.
pub(super) fn width(fonts: &Fonts, weight: Weight, line: &str) -> f32 {
    shape(fonts, weight, line).iter().map(|piece| piece.width).sum()
}

/// The text cut where its font changes; nothing for what no font has.
fn by_font<'a>(fonts: &Fonts, weight: Weight, text: &'a str) -> Vec<(Option<usize>, &'a str)> {
    let mut parts: Vec<(Option<usize>, &str)> = Vec::new();
    let (mut start, mut current) = (0, None);
    for (at, character) in text.char_indices() {
        let font = fonts.of(weight, character, current.flatten());
        // What nobody has stands alone: one mark for each.
        if current.is_some_and(|current: Option<usize>| current != font || font.is_none()) {
            parts.push((current.flatten(), text.get(start..at).unwrap_or("")));
            start = at;
        }
        current = Some(font);
    }
    if let Some(current) = current {
        parts.push((current, text.get(start..).unwrap_or("")));
    }
    parts
}

fn piece(fonts: &Fonts, font: Option<usize>, text: &str, backwards: bool) -> Piece {
    let Some(font) = font else { return replaced(fonts, text) };
    let loaded = fonts.at(font);
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.set_direction(if backwards { Direction::RightToLeft } else { Direction::LeftToRight });
    buffer.guess_segment_properties();
    let shaped = loaded.shaper().shape(buffer, ShapeOptions::new());
    let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    starts.sort_unstable();
    starts.dedup();
    let per_em = loaded.font.units_per_em();
    #[expect(clippy::cast_precision_loss, reason = "units of a font")]
    let ems = |units: i32| units as f32 / per_em;
    let placed = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
    let glyphs: Vec<KrillaGlyph> = placed
        .map(|(info, position)| {
            let start = info.cluster as usize;
            let end = starts.iter().find(|next| **next > start).copied().unwrap_or(text.len());
            KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                ems(position.x_advance),
                ems(position.x_offset),
                ems(position.y_offset),
                ems(position.y_advance),
                start..end,
                None,
            )
        })
        .collect();
    let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
    Piece { font, glyphs, text: text.to_owned(), width }
}

/// One mark for what no font has; the text in the file stays what it is.
fn replaced(fonts: &Fonts, text: &str) -> Piece {
    let mut mark = piece(fonts, Some(WIDE), REPLACEMENT, false);
    for glyph in &mut mark.glyphs {
        glyph.text_range = 0..text.len();
    }
    Piece { text: text.to_owned(), ..mark }
}
