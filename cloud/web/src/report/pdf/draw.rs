//! Sheets to bytes.
//!
//! In: a report. Out: the file. The foot of each sheet says which report it is of, its check code, and which of how many sheets it is.

use krilla::configure::{Archival, ConfigurationBuilder, PdfVersion};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier, SpanTag};
use krilla::{Document, SerializeSettings, color};
use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

use super::PdfError;
use super::fonts::Fonts;
use super::paper::{Drawn, HEIGHT, MARGIN, MEASURE, Paper, SMALL, WIDTH};
use super::shape::shape;
use super::sheet;
use crate::report::model::Report;

/// Ink, and what is written small.
const INK: (u8, u8, u8) = (17, 22, 31);
const GREY: (u8, u8, u8) = (86, 95, 110);
const LINE: (u8, u8, u8) = (203, 209, 218);

/// The file of a report; `json`: its data, which is attached; `code`: what a copy on paper is compared by.
///
/// # Errors
/// [`PdfError`].
pub fn print(report: &Report, json: &[u8], code: &str) -> Result<Vec<u8>, PdfError> {
    let fonts = Fonts::load()?;
    let mut paper = Paper::new(&fonts);
    sheet::write(&mut paper, report, code);
    let configuration = ConfigurationBuilder::new()
        .with_version(PdfVersion::Pdf17)
        .with_archival_validator(Archival::A3_A)
        .finish()
        .map_err(|error| PdfError::Format(format!("{error:?}")))?;
    let settings = SerializeSettings { configuration, enable_tagging: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let made = date(report.made_at);
    document.set_metadata(
        Metadata::new()
            .title(format!("{}, {}", report.title, report.period.words))
            .language("en-US".to_owned())
            .creator("Inverter Connect".to_owned())
            .document_id(report.number.clone())
            .creation_date(made),
    );
    document.embed_file(EmbeddedFile {
        path: "test-report.json".to_owned(),
        mime_type: MimeType::new("application/json"),
        description: Some("The data of this report".to_owned()),
        association_kind: AssociationKind::Data,
        data: json.to_vec().into(),
        modification_date: Some(made),
        compress: None,
        location: None,
    });
    let pages = std::mem::take(&mut paper.pages);
    let count = pages.len();
    let mut drawn: Vec<Option<Identifier>> = vec![None; paper.leaves()];
    for (at, page) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(PdfError::Font)?;
        let mut sheet = document.start_page_with(settings);
        let mut surface = sheet.surface();
        for one in page {
            draw(&mut surface, &fonts, one, &mut drawn);
        }
        let words = format!("{} · check code {code} · page {} of {count}", report.number, at + 1);
        foot(&mut surface, &fonts, &words);
        surface.finish();
        sheet.finish();
    }
    document.set_tag_tree(paper.tree.tagged(&mut drawn));
    document.finish().map_err(|error| PdfError::Format(format!("{error:?}")))
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, drawn: &Drawn, leaves: &mut [Option<Identifier>]) {
    match drawn {
        Drawn::Rule { x, y, width, strong } => {
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
            let height = if *strong { 1.2 } else { 0.6 };
            rule(surface, (*x, *y, *width, height), if *strong { INK } else { LINE });
            surface.end_tagged();
        }
        Drawn::Line { x, base, style, text, leaf } => {
            let tag = match leaf {
                Some(_) => ContentTag::Span(SpanTag::empty()),
                None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
            };
            let identifier = surface.start_tagged(tag);
            if let Some(place) = leaf.and_then(|leaf| leaves.get_mut(leaf)) {
                *place = Some(identifier);
            }
            fill(surface, if style.grey { GREY } else { INK });
            let mut at = *x;
            for piece in shape(fonts, style.weight, text) {
                let font = fonts.at(piece.font).font.clone();
                surface.draw_glyphs(
                    Point::from_xy(at, *base),
                    &piece.glyphs,
                    font,
                    &piece.text,
                    style.size,
                    false,
                );
                at += piece.width * style.size;
            }
            surface.end_tagged();
        }
    }
}

fn foot(surface: &mut Surface<'_>, fonts: &Fonts, words: &str) {
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
    rule(surface, (MARGIN, HEIGHT - 48.0, MEASURE, 0.6), LINE);
    fill(surface, GREY);
    let mut at = MARGIN;
    for piece in shape(fonts, SMALL.weight, words) {
        let font = fonts.at(piece.font).font.clone();
        let point = Point::from_xy(at, HEIGHT - 36.0);
        surface.draw_glyphs(point, &piece.glyphs, font, &piece.text, SMALL.size, false);
        at += piece.width * SMALL.size;
    }
    surface.end_tagged();
}

fn rule(surface: &mut Surface<'_>, (x, y, width, height): (f32, f32, f32, f32), ink: (u8, u8, u8)) {
    fill(surface, ink);
    let mut path = PathBuilder::new();
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        path.push_rect(rect);
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

fn fill(surface: &mut Surface<'_>, (red, green, blue): (u8, u8, u8)) {
    surface
        .set_fill(Some(Fill { paint: color::rgb::Color::new(red, green, blue).into(), ..Fill::default() }));
}

fn date(at: UtcMs) -> DateTime {
    let (year, month, day) = at.date();
    let of_day = at.0.rem_euclid(DAY_MS);
    let small = |number: i64| u8::try_from(number).unwrap_or(0);
    DateTime::new(u16::try_from(year).unwrap_or(1970))
        .month(u8::try_from(month).unwrap_or(1))
        .day(u8::try_from(day).unwrap_or(1))
        .hour(small(of_day / HOUR_MS))
        .minute(small(of_day / 60_000 % 60))
        .second(small(of_day / 1000 % 60))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
