//! What a good enough password is (decision 30, OWASP ASVS 5.0 V6.2).
//!
//! In: a password exactly as typed, words that a guesser of this person would try first, whether a second factor is
//! set in the same step. Out: each rule with whether it is kept. Never trims, folds or normalises what is hashed, asks
//! for no character class, keeps nothing. The pages' own script shows the same table while one types.

use std::collections::BTreeSet;

use zxcvbn::zxcvbn;

/// Least characters without a second factor.
pub const MIN_CHARACTERS: usize = 15;
/// Least characters where a second factor is set in the same step.
pub const MIN_CHARACTERS_WITH_FACTOR: usize = 10;
/// Most characters.
pub const MAX_CHARACTERS: usize = 128;
/// Guesses that a password must outlast, as a power of ten: hashed with Argon2id, a card that tries 10,000 a second
/// would be at it for eleven days with a factor besides, and for three years where the password stands alone.
const GUESSES_LOG10: f64 = 12.0;
const GUESSES_LOG10_WITH_FACTOR: f64 = 10.0 - 1e-9;
/// Words shorter than this are in too many good passwords to mean anything.
const MIN_WORD: usize = 4;
/// This site's own words.
const OUR_WORDS: [&str; 5] = ["inverterconnect", "inverters", "inverter", "connect", "emergency"];
/// What the estimate looks at; it would look no further by itself.
const ESTIMATED_CHARACTERS: usize = 100;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Long enough.
    Length,
    /// Not longer than is hashed.
    NotTooLong,
    /// Not the person's name, address or this site's, with a little around it.
    NotYours,
    /// Not on the list of common passwords.
    NotCommon,
    /// Hard to guess by the estimate.
    HardToGuess,
}

/// Which rules a password keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    second_factor: bool,
    /// In the order of [`Rule::ALL`].
    kept: [bool; Rule::ALL.len()],
}

impl Rule {
    /// Every rule, in the order in which it is told.
    pub const ALL: [Self; 5] =
        [Self::Length, Self::NotTooLong, Self::NotYours, Self::NotCommon, Self::HardToGuess];

    /// The rule as a line of the list of criteria.
    #[must_use]
    pub fn criterion(self, second_factor: bool) -> &'static str {
        match self {
            Self::Length if second_factor => "10 characters or more, beside your second factor",
            Self::Length => "15 characters or more",
            Self::NotTooLong => "128 characters at most",
            Self::NotYours => "Not built on your name, your address or this site's name",
            Self::NotCommon => "Not one of the most used passwords",
            Self::HardToGuess => "Hard to guess",
        }
    }

    /// What to do where it is broken.
    #[must_use]
    pub fn what_to_do(self, second_factor: bool) -> &'static str {
        match self {
            Self::Length if second_factor => "Use at least 10 characters. Three unrelated words do well.",
            Self::Length => {
                "Use at least 15 characters. Four unrelated words do well, and spaces are welcome."
            }
            Self::NotTooLong => "Use at most 128 characters.",
            Self::NotYours => "Leave out your name, your address and the name of this site.",
            Self::NotCommon => "Many people use this password, so it is tried first. Choose another.",
            Self::HardToGuess => {
                "This is easy to guess: it repeats itself, or follows a pattern. Four unrelated words do well."
            }
        }
    }
}

impl Judgement {
    /// Whether every rule is kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.broken().is_none()
    }

    /// The first broken rule.
    #[must_use]
    pub fn broken(&self) -> Option<Rule> {
        self.rules().find(|(_, kept)| !kept).map(|(rule, _)| rule)
    }

    /// What to do about the first broken rule.
    #[must_use]
    pub fn what_to_do(&self) -> Option<&'static str> {
        self.broken().map(|rule| rule.what_to_do(self.second_factor))
    }

    /// Each rule and whether it is kept.
    pub fn rules(&self) -> impl Iterator<Item = (Rule, bool)> + '_ {
        Rule::ALL.into_iter().zip(self.kept)
    }
}

/// Judges `password` for somebody whose address, name and the like are `context`.
///
/// Characters are Unicode code points, as NIST SP 800-63B section 3.1.1.2 counts them. The estimate reads the current
/// year once, to weigh dates; nothing else here depends on when it is asked.
#[must_use]
pub fn judge(password: &str, context: &[&str], second_factor: bool) -> Judgement {
    let characters = password.chars().count();
    let (least, guesses) = if second_factor {
        (MIN_CHARACTERS_WITH_FACTOR, GUESSES_LOG10_WITH_FACTOR)
    } else {
        (MIN_CHARACTERS, GUESSES_LOG10)
    };
    let looked_at: String = password.chars().take(ESTIMATED_CHARACTERS).collect();
    let (estimate, common) = estimated(&looked_at);
    let words = words(context);
    let rest = without(&looked_at, &words);
    // What is left when the words that a guesser knows are gone must do by itself.
    let yours = rest.len() < looked_at.len() && estimate >= guesses && estimated(&rest).0 < guesses;
    Judgement {
        second_factor,
        kept: [
            characters >= least,
            characters <= MAX_CHARACTERS,
            !yours && !words.contains(password.to_lowercase().trim()),
            !common,
            estimate >= guesses,
        ],
    }
}

/// The estimate of guesses as a power of ten, and whether the whole is one entry of the list of common passwords.
fn estimated(password: &str) -> (f64, bool) {
    use zxcvbn::matching::Match;
    use zxcvbn::matching::patterns::MatchPattern;
    let estimate = zxcvbn(password, &[]);
    let listed = |part: &Match| matches!(part.pattern, MatchPattern::Dictionary(_));
    let common = matches!(estimate.sequence(), [whole] if listed(whole));
    (estimate.guesses_log10(), common)
}

/// The words of `context` and ours, lower case, the longest first within each text.
fn words(context: &[&str]) -> BTreeSet<String> {
    let mut words: BTreeSet<String> = OUR_WORDS.into_iter().map(str::to_owned).collect();
    for text in context {
        let text = text.to_lowercase();
        let parts = text.split(|character: char| !character.is_alphanumeric());
        words.extend(parts.filter(|part| part.chars().count() >= MIN_WORD).map(str::to_owned));
        words.insert(text);
    }
    words.retain(|word| word.chars().count() >= MIN_WORD);
    words
}

/// `password` without the words, whatever their case and whatever stands for their letters.
fn without(password: &str, words: &BTreeSet<String>) -> String {
    let mut rest: Vec<char> = password.chars().collect();
    let mut by_length: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    by_length.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in by_length {
        while let Some(at) = rest.windows(word.len()).position(|part| alike(part, &word)) {
            rest.drain(at..at + word.len());
        }
    }
    rest.into_iter().collect()
}

fn alike(part: &[char], word: &[char]) -> bool {
    part.iter().zip(word).all(|(typed, letter)| {
        typed.to_lowercase().eq(letter.to_lowercase())
            || STANDS_FOR.iter().any(|(sign, meant)| sign == typed && meant == letter)
    })
}

/// Signs that people write for letters, and guessers know.
const STANDS_FOR: [(char, char); 13] = [
    ('4', 'a'),
    ('@', 'a'),
    ('8', 'b'),
    ('3', 'e'),
    ('6', 'g'),
    ('1', 'i'),
    ('!', 'i'),
    ('1', 'l'),
    ('0', 'o'),
    ('$', 's'),
    ('5', 's'),
    ('7', 't'),
    ('2', 'z'),
];

#[cfg(test)]
mod tests {
    use super::*;

    const DANA: [&str; 2] = ["dana.okafor@harborview.example", "Dana Okafor"];

    /// The first broken rule alone, and beside a second factor.
    type Expect = (Option<Rule>, Option<Rule>);
    const GOOD: Expect = (None, None);
    const LONGER: Expect = (Some(Rule::Length), None);
    const SHORT: Expect = (Some(Rule::Length), Some(Rule::Length));
    const YOURS: Expect = (Some(Rule::NotYours), Some(Rule::NotYours));
    const COMMON: Expect = (Some(Rule::NotCommon), Some(Rule::NotCommon));
    const EASY: Expect = (Some(Rule::HardToGuess), Some(Rule::HardToGuess));

    const TABLE: &[(&str, Expect)] = &[
        ("correct horse battery staple", GOOD),
        ("purple monkey dishwasher", GOOD),
        ("lights in the hall", GOOD),
        ("mit Umlauten größer als", GOOD),
        ("пятнадцать жёлтых слонов", GOOD),
        ("青い自転車で海まで走る五月の朝", GOOD),
        ("🐙🦉🌵🧊🪁🥁🐝🪐🧲🧵🪴🦔🧭🛶🎈", GOOD),
        ("  spaces before and behind  ", GOOD),
        ("no digit no capital no sign", GOOD),
        ("with\u{0}control\u{7}characters kept", GOOD),
        ("kX9#mP2$vL", LONGER),
        ("kX9#mP2$vL4&wQ", LONGER),
        ("kX9#mP2$vL4&wQ7", GOOD),
        ("kX9#mP2$v", SHORT),
        ("", SHORT),
        ("               ", EASY),
        ("aaaaaaaaaaaaaaaaaaaa", EASY),
        ("qwertyuiopasdfghjkl", EASY),
        ("1234567890123456789", EASY),
        ("passwordpassword", EASY),
        ("sunshinesunshine", EASY),
        ("P@ssw0rd123456789", EASY),
        ("111222333444555666", EASY),
        ("januaryfebruary", EASY),
        ("ππππππππππππππππππππ", EASY),
        // Two common words are enough beside a second factor only in name: 10^9 guesses.
        ("brunette cabinet", EASY),
        ("dana.okafor@harborview.example", YOURS),
        ("Dana.Okafor@Harborview.Example", YOURS),
        ("Inverter Connect 2026", YOURS),
        ("1nv3rt3r C0nn3ct!!", YOURS),
        ("okafor-harborview-dana", YOURS),
        ("my harborview is a correct horse battery", GOOD),
    ];

    /// ASVS 5.0: 6.2.5, 6.2.11.
    #[test]
    fn the_table_of_passwords_is_judged_as_it_says() {
        for (password, (alone, beside)) in TABLE {
            let broken = |second_factor| judge(password, &DANA, second_factor).broken();
            assert_eq!(broken(false), *alone, "{password:?} alone");
            assert_eq!(broken(true), *beside, "{password:?} beside a second factor");
        }
    }

    #[test]
    fn common_passwords_are_told_as_such() {
        for password in ["qwertyuiop", "1q2w3e4r5t", "basketball", "1234567890"] {
            let common: Vec<_> =
                judge(password, &[], true).rules().filter(|(_, kept)| !kept).map(|(rule, _)| rule).collect();
            assert!(common.contains(&Rule::NotCommon), "{password}: {common:?}");
        }
        assert_eq!(judge("basketball", &[], true).broken(), COMMON.1);
    }

    /// ASVS 5.0: 6.2.1, 6.2.5, 6.2.9.
    #[test]
    fn lengths_hold_at_n_and_beside_it_in_characters_not_bytes() {
        let of = |count: usize| "kX9#mP2$vL4&wQ7ñ月".chars().cycle().take(count).collect::<String>();
        let check = |count, second_factor, rule: Option<Rule>| {
            let broken = judge(&of(count), &[], second_factor).broken();
            assert_eq!(broken, rule, "{count}");
        };
        check(14, false, Some(Rule::Length));
        check(15, false, None);
        check(9, true, Some(Rule::Length));
        check(10, true, None);
        check(128, false, None);
        check(129, false, Some(Rule::NotTooLong));
    }

    #[test]
    fn every_rule_has_words_and_the_longest_text_is_bounded_in_time() {
        for rule in Rule::ALL {
            for second_factor in [false, true] {
                assert!(!rule.criterion(second_factor).is_empty());
                assert!(rule.what_to_do(second_factor).ends_with('.'));
            }
        }
        let long = "p4ssw0rd 1998 qwer".repeat(1000);
        assert_eq!(judge(&long, &DANA, false).broken(), Some(Rule::NotTooLong));
    }
}
