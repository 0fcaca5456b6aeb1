//! A password from a file or from standard input, and its rules.
//!
//! In: text exactly as typed, one trailing line end aside. Out: the same, if it is strong enough. Never prints it;
//! `web::sign_in::password` hashes it.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

/// Least characters without a second factor (decision 30).
pub const MIN_CHARACTERS: usize = 15;
/// Most characters.
pub const MAX_CHARACTERS: usize = 128;

/// Reads a password from `file`, or from standard input where there is none.
///
/// # Errors
/// It cannot be read, or is not text.
pub fn read(file: Option<&Path>) -> anyhow::Result<String> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => {
            eprintln!("Password ({MIN_CHARACTERS} to {MAX_CHARACTERS} characters, then Ctrl-D):");
            let mut text = String::new();
            // One more byte than any allowed password can have, so that a wrong file is not swallowed whole.
            let most = MAX_CHARACTERS as u64 * 4 + 3;
            std::io::stdin()
                .take(most)
                .read_to_string(&mut text)
                .context("cannot read the password from standard input")?;
            text
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// Refuses what is too weak, with what to do.
///
/// # Errors
/// Too short, too long, or nothing but the address or a repetition.
pub fn check(password: &str, email: &str) -> anyhow::Result<()> {
    let characters = password.chars().count();
    if characters < MIN_CHARACTERS {
        bail!(
            "the password has {characters} characters; it needs at least {MIN_CHARACTERS}. Four or five unrelated words do well"
        );
    }
    if characters > MAX_CHARACTERS {
        bail!("the password has {characters} characters; at most {MAX_CHARACTERS} are taken");
    }
    let lower = password.to_lowercase();
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 || lower.contains(&email.to_lowercase()) {
        bail!(
            "the password repeats itself or holds the e-mail address. Four or five unrelated words do well"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_hold_at_n_and_one_less() {
        let check = |password: &str, good: bool| {
            assert_eq!(check(password, "a@b.example").is_ok(), good, "{password}")
        };
        check("abcdefghijklmno", true);
        check("abcdefghijklmn", false);
        check(&"abcdefgh".repeat(16), true);
        check(&format!("{}x", "abcdefgh".repeat(16)), false);
        check("aaaaaaaaaaaaaaaaaaaa", false);
        check("my a@b.example password", false);
        check("pässwörtér mit Umläuten", true);
    }
}
