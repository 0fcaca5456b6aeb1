//! What a provider answered, as words for a receipt.
//!
//! In: an answer or its lack. Out: one line without control characters. The status comes first: the rest is theirs.

use super::NotSent;
use crate::outbound::{Answer, NoAnswer};

/// Of what they said, characters.
const MOST_SAID: usize = 200;

/// `201 Created by …`.
pub fn said(answer: &Answer) -> String {
    let words = words(&String::from_utf8_lossy(&answer.body));
    format!("{} {words}", answer.status).trim().to_owned()
}

/// What somebody else said, as one line that is not too long.
pub fn words(text: &str) -> String {
    let words = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    words.take(MOST_SAID).collect::<String>().trim().to_owned()
}

/// Without an answer it is tried again; that it may have arrived is said.
pub fn missing(why: NoAnswer) -> NotSent {
    match why {
        NoAnswer::Address(_) | NoAnswer::Request(_) => NotSent::Refused(why.to_string()),
        why if why.may_have_arrived() => NotSent::Unknown(why.to_string()),
        why => NotSent::Deferred(why.to_string()),
    }
}
