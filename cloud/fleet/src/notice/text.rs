//! Text messages: what fits into one, which telephones they may go to, and how many.
//!
//! In: words; a number as typed; limits and what was used of them. Out: septets of the GSM alphabet; a number in E.164;
//! whether one more may be sent. Text messages cost money and are abused for it (SMS pumping): of every limit a share is
//! kept for alarms, so that nothing else can use up what they need.

/// What one text message holds, septets (3GPP TS 23.038).
pub const MOST_SEPTETS: usize = 160;

/// The default alphabet of GSM, one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension, two septets each.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// How many septets a text needs; `None` if it holds what the alphabet does not, so that it would be sent in another
/// coding, with 70 characters a message.
#[must_use]
pub fn septets(text: &str) -> Option<usize> {
    text.chars().try_fold(0_usize, |count, character| Some(count + of(character)?))
}

fn of(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENDED.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// Whether it goes as one message.
#[must_use]
pub fn is_one_message(text: &str) -> bool {
    septets(text).is_some_and(|septets| septets <= MOST_SEPTETS)
}

/// What is written in place of others.
const INSTEAD: &[(&str, &str)] = &[
    ("\t\u{a0}\u{2009}\u{202f}", " "),
    ("’‘`´′", "'"),
    ("“”„«»″", "\""),
    ("–—−‐‑", "-"),
    ("·•…", "."),
    ("ÀÁÂÃĀĂĄ", "A"),
    ("áâãāăą", "a"),
    ("ĆČ", "C"),
    ("çćč", "c"),
    ("ĎĐ", "D"),
    ("ďđ", "d"),
    ("ÈÊËĒĖĘĚ", "E"),
    ("êëēėęě", "e"),
    ("ÌÍÎÏĪĮİ", "I"),
    ("íîïīįı", "i"),
    ("ŁĹĽ", "L"),
    ("łĺľ", "l"),
    ("ŃŇ", "N"),
    ("ńň", "n"),
    ("ÒÓÔÕŌŐ", "O"),
    ("óôõōő", "o"),
    ("ŔŘ", "R"),
    ("ŕř", "r"),
    ("ŚŠŞ", "S"),
    ("śšş", "s"),
    ("ŤŢ", "T"),
    ("ťţ", "t"),
    ("ÙÚÛŪŮŰ", "U"),
    ("úûūůű", "u"),
    ("ÝŸ", "Y"),
    ("ýÿ", "y"),
    ("ŹŻŽ", "Z"),
    ("źżž", "z"),
    ("[{", "("),
    ("]}", ")"),
    ("|\\^~", "-"),
    ("€", "EUR"),
];

/// The text in characters of one septet each: what the alphabet lacks, or writes in two, is written otherwise.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        if BASIC.contains(character) {
            written.push(character);
        } else {
            let instead = INSTEAD.iter().find(|(known, _)| known.contains(character));
            written.push_str(instead.map_or("?", |(_, instead)| instead));
        }
    }
    written
}

/// The same, cut to `most` septets.
#[must_use]
pub fn fitted(text: &str, most: usize) -> String {
    plain(text).chars().take(most).collect()
}

/// A telephone number in E.164: `+`, a country, at most fifteen digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// It is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number with its country, as +1 617 555 0119 is")]
pub struct InvalidNumber;

/// The shortest that is taken for a mobile number, digits.
const LEAST_DIGITS: usize = 8;
const MOST_DIGITS: usize = 15;
/// The last digits of a number: those before them name a block, as ranges are rented in blocks.
const OF_A_BLOCK: usize = 4;

impl PhoneNumber {
    /// Reads a number as people write it: with spaces, hyphens, dots, parentheses, `00` for `+`.
    ///
    /// # Errors
    /// [`InvalidNumber`].
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let text = text.trim();
        let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).ok_or(InvalidNumber)?;
        let mut number = String::from("+");
        for character in digits.chars() {
            match character {
                '0'..='9' => number.push(character),
                ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2011}' | '.' | '(' | ')' | '/' => {}
                _ => return Err(InvalidNumber),
            }
        }
        let count = number.len() - 1;
        let country = number.chars().nth(1);
        let fits = (LEAST_DIGITS..=MOST_DIGITS).contains(&count) && country != Some('0');
        if fits { Ok(Self(number)) } else { Err(InvalidNumber) }
    }

    /// As a provider takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The block that it is in.
    #[must_use]
    pub fn block(&self) -> &str {
        self.0.get(..self.0.len() - OF_A_BLOCK).unwrap_or(&self.0)
    }

    /// Its last digits, for where the whole number is nobody's business.
    #[must_use]
    pub fn ending(&self) -> &str {
        self.0.get(self.0.len() - OF_A_BLOCK..).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What text messages are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPurpose {
    /// An alarm.
    Alarm,
    /// Anything else: codes, tests, words on changes.
    Other,
}

/// How many a day, alarms and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLimits {
    /// What numbers must begin with, for example `+1` and `+43`; none is allowed without.
    pub countries: Vec<String>,
    /// To the numbers of one account.
    pub per_person: u32,
    /// To numbers that differ in their last four digits alone.
    pub per_block: u32,
    /// In all.
    pub in_all: u32,
    /// The share of each that only alarms may use, per cent.
    pub reserve_percent: u32,
}

/// What was sent today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextsSent {
    /// To the numbers of the account.
    pub person: u32,
    /// To the block.
    pub block: u32,
    /// In all.
    pub in_all: u32,
}

/// Why one more may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextRefusal {
    /// To that country nothing is sent.
    #[error("this service sends no texts to numbers of that country")]
    Country,
    /// That person got enough.
    #[error("no more texts to this person today")]
    Person,
    /// Too many to numbers that are nearly the same.
    #[error("no more texts to numbers like this one today")]
    Block,
    /// Too many in all.
    #[error("no more texts today")]
    InAll,
}

/// The limits unless an installation says otherwise.
impl Default for TextLimits {
    fn default() -> Self {
        Self { countries: Vec::new(), per_person: 40, per_block: 200, in_all: 1_000, reserve_percent: 50 }
    }
}

impl TextLimits {
    /// Whether texts go to that country.
    #[must_use]
    pub fn reach(&self, number: &PhoneNumber) -> bool {
        self.countries.iter().any(|country| number.as_str().starts_with(country.as_str()))
    }

    /// Whether one more may be sent.
    ///
    /// # Errors
    /// [`TextRefusal`].
    pub fn allow(
        &self,
        number: &PhoneNumber,
        sent: TextsSent,
        purpose: TextPurpose,
    ) -> Result<(), TextRefusal> {
        if !self.reach(number) {
            return Err(TextRefusal::Country);
        }
        let most = |limit: u32| match purpose {
            TextPurpose::Alarm => limit,
            TextPurpose::Other => {
                let kept = u64::from(limit) * u64::from(self.reserve_percent.min(100)) / 100;
                limit - u32::try_from(kept).unwrap_or(limit)
            }
        };
        for (count, limit, refusal) in [
            (sent.person, self.per_person, TextRefusal::Person),
            (sent.block, self.per_block, TextRefusal::Block),
            (sent.in_all, self.in_all, TextRefusal::InAll),
        ] {
            if count >= most(limit) {
                return Err(refusal);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn septets_are_counted_as_the_standard_counts() {
        assert_eq!(BASIC.chars().count() + 1, 128, "all of them but the escape");
        let check = |text: &str, expect: Option<usize>| assert_eq!(septets(text), expect, "{text}");
        check("", Some(0));
        check("ALARM Hall B (Pier 4): charger fault since 2:31 AM.", Some(51));
        check("a€b", Some(4));
        check("[x]~{}", Some(11));
        check("Größe @ Ångström", Some(16));
        for foreign in ["\u{2019}", "ş", "日", "\u{a0}", "ç", "`", "…"] {
            check(foreign, None);
        }
        assert!(is_one_message(&"x".repeat(160)) && !is_one_message(&"x".repeat(161)));
        assert!(is_one_message(&"€".repeat(80)) && !is_one_message(&"€".repeat(81)));
    }

    #[test]
    fn what_is_fitted_is_one_message() {
        assert_eq!(fitted("Hall\u{a0}B \u{2019}s “lamps” – out…", 160), "Hall B 's \"lamps\" - out.");
        assert_eq!(fitted("ab€", 4), "abEU");
        assert_eq!(plain("Łódź [A] €5"), "Lodz (A) EUR5");
        assert_eq!(
            (plain("Café “Größe” – Halle 4…").as_str(), plain("ホール B").as_str()),
            ("Café \"Größe\" - Halle 4.", "??? B")
        );
        for (known, instead) in INSTEAD {
            assert!(known.chars().all(|character| !BASIC.contains(character)), "{known}");
            assert_eq!(septets(instead), Some(instead.len()), "{instead}");
        }
        for text in ["日".repeat(200), "€".repeat(200), "x".repeat(200), "a\u{2019}[".repeat(90)] {
            assert!(is_one_message(&fitted(&text, MOST_SEPTETS)));
        }
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let check = |text: &str, expect: Option<&str>| {
            let number = PhoneNumber::parse(text);
            assert_eq!(number.as_ref().ok().map(PhoneNumber::as_str), expect, "{text}");
        };
        check(" +1 (617) 555-0119 ", Some("+16175550119"));
        check("0043 660 1234567", Some("+436601234567"));
        check("+44.7700/900.123", Some("+447700900123"));
        for wrong in
            ["", "617 555 0119", "+0123456789", "+1234567", "+1234567890123456", "+1 617 555 0119 ext 2"]
        {
            check(wrong, None);
        }
        let number = PhoneNumber::parse("+16175550119").unwrap();
        assert_eq!((number.block(), number.ending()), ("+1617555", "0119"));
    }

    #[test]
    fn a_share_of_every_limit_is_kept_for_alarms() {
        let limits = TextLimits {
            countries: vec!["+1".to_owned()],
            per_person: 4,
            per_block: 6,
            in_all: 10,
            reserve_percent: 50,
        };
        let number = PhoneNumber::parse("+16175550119").unwrap();
        let check =
            |person, block, in_all, other: Result<(), TextRefusal>, alarm: Result<(), TextRefusal>| {
                let sent = TextsSent { person, block, in_all };
                assert_eq!(limits.allow(&number, sent, TextPurpose::Other), other, "{sent:?}");
                assert_eq!(limits.allow(&number, sent, TextPurpose::Alarm), alarm, "{sent:?}");
            };
        check(0, 0, 0, Ok(()), Ok(()));
        check(1, 2, 4, Ok(()), Ok(()));
        check(2, 2, 4, Err(TextRefusal::Person), Ok(()));
        check(1, 3, 4, Err(TextRefusal::Block), Ok(()));
        check(1, 2, 5, Err(TextRefusal::InAll), Ok(()));
        check(4, 4, 5, Err(TextRefusal::Person), Err(TextRefusal::Person));
        check(3, 6, 6, Err(TextRefusal::Person), Err(TextRefusal::Block));
        check(3, 5, 10, Err(TextRefusal::Person), Err(TextRefusal::InAll));
        let abroad = PhoneNumber::parse("+88213000000").unwrap();
        let none = TextsSent::default();
        assert_eq!(limits.allow(&abroad, none, TextPurpose::Alarm), Err(TextRefusal::Country));
        let closed = TextLimits::default();
        assert_eq!(closed.allow(&number, none, TextPurpose::Alarm), Err(TextRefusal::Country));
    }
}
