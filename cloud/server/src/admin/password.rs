//! A password from a file or from standard input, its rules, its hash.
//!
//! In: text exactly as typed, one trailing line end aside. Out: an Argon2id hash (PHC string). Never prints it. 19 MiB,
//! two passes, one lane: OWASP's first recommendation, equal in strength to RFC 9106's second (64 MiB, three passes)
//! against an attacker with memory to spare, and small enough that a burst of sign-ins fits this server.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Least characters without a second factor (decision 30).
pub const MIN_CHARACTERS: usize = 15;
/// Most characters.
pub const MAX_CHARACTERS: usize = 128;
/// Memory of one hash, KiB.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

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

/// Argon2id, as a PHC string.
///
/// # Errors
/// The system gives no random bytes.
pub fn hash(password: &str) -> anyhow::Result<String> {
    let mut salt = [0_u8; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| anyhow::anyhow!("salt: {error}"))?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| anyhow::anyhow!("Argon2 parameters: {error}"))?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon
        .hash_password(password.as_bytes(), &salt)
        .map_err(|error| anyhow::anyhow!("Argon2: {error}"))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHash, PasswordVerifier};

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

    #[test]
    fn the_hash_verifies_the_password_and_no_other() {
        let hash = hash("correct horse battery staple").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let parsed = PasswordHash::new(&hash).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse battery staple", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"correct horse battery staplf", &parsed).is_err());
    }
}
