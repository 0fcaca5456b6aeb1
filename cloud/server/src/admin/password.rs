//! A password from a file or from standard input, and its rules.
//!
//! In: text exactly as typed, one trailing line end aside. Out: the same, if it is strong enough. Never prints it;
//! `web::sign_in::password` hashes it.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use fleet::password::{MAX_CHARACTERS, MIN_CHARACTERS, judge};

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

/// Refuses what is too weak for somebody with this address and name, with what to do.
///
/// # Errors
/// It breaks one of `fleet::password`'s rules.
pub fn check(password: &str, email: &str, name: &str) -> anyhow::Result<()> {
    match judge(password, &[email, name], false).what_to_do() {
        Some(what_to_do) => bail!("the password is not strong enough. {what_to_do}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 6.2.1, 6.2.8.
    #[test]
    fn the_rules_are_those_of_the_pages() {
        let check = |password: &str, good: bool| {
            assert_eq!(check(password, "a@harborview.example", "Ann Bell").is_ok(), good, "{password}");
        };
        check("correct horse battery staple", true);
        check("kX9#mP2$vL4&wQ7", true);
        check("kX9#mP2$vL4&wQ", false);
        check("abcdefghijklmno", false);
        check("ann bell at harborview", false);
        check("pässwörtér mit Umläuten", true);
    }
}
