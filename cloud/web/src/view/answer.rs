//! The fleet's answer: is everything ready, and if not, what is the matter.
//!
//! In: every inverter that somebody may see. Out: one sentence, at most three reasons, six tiles that filter.

use fleet::{Ready, ScreenState};

use super::fleet::{Filter, Known};
use super::hero;

/// The answer panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Ready ones.
    pub ready: usize,
    /// All.
    pub total: usize,
    /// The answer.
    pub headline: String,
    /// Why.
    pub why: String,
    /// By state.
    pub tiles: Vec<Tile>,
}

/// One tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// `data-s`.
    pub state: &'static str,
    /// Its word.
    pub word: &'static str,
    /// How many.
    pub count: usize,
    /// Shows only these, or all again.
    pub href: String,
    /// Only these are shown now.
    pub current: bool,
}

impl Answer {
    /// The answer for everything that somebody may see.
    #[must_use]
    pub fn new(all: &[Known], filter: &Filter) -> Self {
        let total = all.len();
        let ready = all.iter().filter(|known| known.screen.ready == Ready::Yes).count();
        let headline = match (ready, total) {
            (_, 0) => "No inverters yet.".to_owned(),
            (1, 1) => "Yes. It is ready.".to_owned(),
            (0, 1) => "No. It is not ready.".to_owned(),
            (ready, total) if ready == total => format!("Yes. All {total} are ready."),
            (0, total) => format!("No. None of {total} is ready."),
            (ready, total) => {
                format!("Not all. {ready} of {total} {} ready.", if ready == 1 { "is" } else { "are" })
            }
        };
        let tiles = ScreenState::TABLE.iter().map(|(state, short, _, word)| {
            let current = filter.state == *short;
            let shown = Filter {
                state: if current { String::new() } else { (*short).to_owned() },
                page: 0,
                ..filter.clone()
            };
            Tile {
                state: short,
                word,
                count: all.iter().filter(|known| known.screen.state == *state).count(),
                href: format!("/fleet{}", shown.query()),
                current,
            }
        });
        Self { ready, total, headline, why: why(all), tiles: tiles.collect() }
    }
}

/// At most three sentences on what is not ready, the most urgent first.
fn why(all: &[Known]) -> String {
    if all.is_empty() {
        return "An inverter shows here once it is registered and somebody shares it with you.".to_owned();
    }
    let mut not: Vec<_> = all.iter().filter(|known| known.screen.ready != Ready::Yes).collect();
    not.sort_by_key(|known| (known.screen.state, known.screen.active.first().map(|active| active.since)));
    let mut sentences: Vec<String> = not.iter().take(3).map(|known| sentence(known)).collect();
    match not.len() {
        0 => {
            let warned = all.iter().filter(|known| known.screen.state == ScreenState::Warning).count();
            if warned > 0 {
                sentences.push(format!("{warned} with a warning. Each would hold as long as required."));
            } else {
                sentences.push("Each reports, has no alarm and would hold as long as required.".to_owned());
            }
        }
        1..=3 => {}
        more => sentences.push(format!("And {} more.", more - 3)),
    }
    sentences.join(" ")
}

fn sentence(known: &Known) -> String {
    let name = known.name();
    match known.screen.state {
        ScreenState::OnBattery => format!("{name} is running on battery."),
        ScreenState::Offline => format!("{name} is not reporting."),
        ScreenState::Testing => format!("{name} is being tested."),
        ScreenState::Alarm => format!("{name}: {}.", hero::first_words(&known.screen)),
        _ if known.screen.ready == Ready::Unknown => format!("{name} does not say how long it would hold."),
        _ => format!("{name} is not ready."),
    }
}
