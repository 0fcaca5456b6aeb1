//! The fonts of reports, and which of them draws a character.
//!
//! In: bytes that the build took out of packages (Inter, OFL; DejaVu Sans, free). Out: faces in the order in which they are asked. A
//! character that none of them has is drawn as the replacement character; the text in the file stays what it is.

use harfrust::{FontRef, Shaper, ShaperData};
use krilla::text::Font;
use skrifa::MetadataProvider as _;
use skrifa::charmap::Charmap;

use super::PdfError;

const INTER: &[u8] = include_bytes!(concat!(
    env!("OUT_DIR"),
    "/npm/node_modules/@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"
));
const INTER_BOLD: &[u8] = include_bytes!(concat!(
    env!("OUT_DIR"),
    "/npm/node_modules/@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf"
));
/// Hebrew, Arabic, Armenian, Georgian, symbols: what Inter does not have.
const DEJA_VU: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/npm/node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf"));

/// What stands for a character that no font has.
pub(super) const REPLACEMENT: &str = "\u{fffd}";
/// The font that has it.
pub(super) const WIDE: usize = 2;

/// How strong letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// One font, as the file and as the shaper have it.
pub(super) struct Loaded {
    pub(super) font: Font,
    face: FontRef<'static>,
    shaping: ShaperData,
    charmap: Charmap<'static>,
}

impl Loaded {
    /// What sets its glyphs.
    pub(super) fn shaper(&self) -> Shaper<'_> {
        self.shaping.shaper(&self.face).build()
    }
}

/// Every font of a document.
pub(super) struct Fonts {
    loaded: [Loaded; 3],
}

impl Fonts {
    pub(super) fn load() -> Result<Self, PdfError> {
        Ok(Self { loaded: [load(INTER)?, load(INTER_BOLD)?, load(DEJA_VU)?] })
    }

    /// The fonts of a weight, in the order in which they are asked.
    fn chain(&self, weight: Weight) -> [(usize, &Loaded); 2] {
        let [regular, bold, wide] = &self.loaded;
        match weight {
            Weight::Regular => [(0, regular), (WIDE, wide)],
            Weight::Bold => [(1, bold), (WIDE, wide)],
        }
    }

    pub(super) fn at(&self, place: usize) -> &Loaded {
        let [regular, bold, wide] = &self.loaded;
        match place {
            0 => regular,
            1 => bold,
            _ => wide,
        }
    }

    /// The font that draws a character; nothing where none has it. What joins characters is drawn with the one before.
    pub(super) fn of(&self, weight: Weight, character: char, before: Option<usize>) -> Option<usize> {
        if joins(character)
            && let Some(before) = before
        {
            return Some(before);
        }
        let has = |(_, loaded): &(usize, &Loaded)| loaded.charmap.map(character).is_some();
        self.chain(weight).into_iter().find(has).map(|(place, _)| place)
    }
}

/// Joiners, variation selectors and marks that stand on the character before.
pub(super) const fn joins(character: char) -> bool {
    matches!(character, '\u{200c}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}')
}

fn load(bytes: &'static [u8]) -> Result<Loaded, PdfError> {
    let font = Font::new(bytes.into(), 0).ok_or(PdfError::Font)?;
    let face = FontRef::new(bytes).map_err(|_| PdfError::Font)?;
    Ok(Loaded { font, shaping: ShaperData::new(&face), charmap: face.charmap(), face })
}
