//! The field for a new password, with its rules.
//!
//! In: the words of this person; a judgement where one was typed. Out: what the field's template prints. The pages'
//! script marks the same lines while one types (`src/password.ts`).

use fleet::password::{Judgement, MIN_CHARACTERS, MIN_CHARACTERS_WITH_FACTOR, Rule};

/// The field.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Its rules.
    pub rules: Vec<Line>,
    /// What to do about the first that was broken.
    pub error: Option<&'static str>,
    /// This person's words, for the script.
    pub words: String,
    /// Least characters, for the script.
    pub least: usize,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name, for the script.
    pub name: &'static str,
    /// In words.
    pub words: &'static str,
    /// Whether it is kept; `None`: not known yet.
    pub kept: Option<bool>,
}

/// Rules by their names in the script.
const NAMES: [(Rule, &str); 5] = [
    (Rule::Length, "length"),
    (Rule::NotTooLong, "longest"),
    (Rule::NotYours, "yours"),
    (Rule::NotCommon, "common"),
    (Rule::HardToGuess, "guess"),
];

impl NewPassword {
    /// The field for somebody whose address and names are `words`; `factor`: a second factor is asked for beside it.
    #[must_use]
    pub fn new(words: &[&str], judgement: Option<&Judgement>, factor: bool) -> Self {
        let kept = |rule| {
            let mut rules = judgement.into_iter().flat_map(Judgement::rules);
            rules.find(|(judged, _)| *judged == rule).map(|(_, kept)| kept)
        };
        let line = |(rule, name): (Rule, _)| Line { name, words: rule.criterion(factor), kept: kept(rule) };
        Self {
            rules: NAMES.into_iter().map(line).collect(),
            error: judgement.and_then(Judgement::what_to_do),
            words: words.join(" "),
            least: if factor { MIN_CHARACTERS_WITH_FACTOR } else { MIN_CHARACTERS },
        }
    }
}
