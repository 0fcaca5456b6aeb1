//! Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits, 30 seconds, which is what all apps do.
//!
//! In: a secret of 160 bits, a code as typed, now. Out: the step whose code it is, or nothing. Which steps count at a
//! time says `fleet::factors`; that each counts once is the store's work.

use aws_lc_rs::{constant_time, hmac};
use fleet::factors::steps_at;
use wire::UtcMs;

use crate::random::{self, RandomFailed};

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, R6).
const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
/// The letters of RFC 4648's base 32.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Whose codes they are, in the app's list.
const ISSUER: &str = "Inverter Connect";

/// What the app and the server share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The random generator failed.
    pub fn new() -> Result<Self, RandomFailed> {
        Ok(Self(random::bytes32()?.into_iter().take(SECRET_BYTES).collect()))
    }

    /// As it was sealed.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// For typing: base 32 in groups of four.
    #[must_use]
    pub fn grouped(&self) -> String {
        let text: Vec<char> = self.base32().chars().collect();
        let groups = text.chunks(4).map(|group| group.iter().collect::<String>());
        groups.collect::<Vec<_>>().join(" ")
    }

    /// For the QR code: what apps read (`otpauth://totp/…`).
    #[must_use]
    pub fn address(&self, email: &str) -> String {
        let (issuer, email) = (escaped(ISSUER), escaped(email));
        format!(
            "otpauth://totp/{issuer}:{email}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            self.base32()
        )
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        // RFC 4226, 5.3: the last four bits say where the 31 bits lie.
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
        let bits = tag.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        let number = (u32::from_be_bytes(bits) & 0x7fff_ffff) % 1_000_000;
        format!("{number:06}")
    }

    /// The step that `typed` is the code of, among those that are taken now and are newer than `last_taken`.
    #[must_use]
    pub fn step_of(&self, typed: &str, last_taken: i64, now: UtcMs) -> Option<i64> {
        let typed = digits(typed)?;
        // Each is looked at, so that time does not tell which.
        let mut found = None;
        for step in steps_at(now.0, last_taken) {
            let same = constant_time::verify_slices_are_equal(self.code(step).as_bytes(), typed.as_bytes());
            found = if same.is_ok() { Some(step) } else { found };
        }
        found
    }

    fn base32(&self) -> String {
        let mut text = String::new();
        let (mut bits, mut held) = (0_u32, 0_u32);
        for byte in &self.0 {
            bits = (bits << 8) | u32::from(*byte);
            held += 8;
            while held >= 5 {
                held -= 5;
                let index = (bits >> held) & 31;
                text.extend(
                    usize::try_from(index).ok().and_then(|at| BASE32.get(at)).map(|c| char::from(*c)),
                );
            }
            bits &= (1 << held) - 1;
        }
        if held > 0 {
            let index = (bits << (5 - held)) & 31;
            text.extend(usize::try_from(index).ok().and_then(|at| BASE32.get(at)).map(|c| char::from(*c)));
        }
        text
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A code as people type it, spaces and all: exactly six digits.
#[must_use]
pub fn digits(typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(|character| !character.is_whitespace()).collect();
    (digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::factors::STEP_MS;

    fn secret() -> Secret {
        Secret::from_bytes(b"12345678901234567890".to_vec())
    }

    /// RFC 6238, appendix B, the last six of its eight digits; RFC 4226, appendix D.
    /// ASVS 5.0: 11.2.1.
    #[test]
    fn codes_are_those_of_the_rfcs() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret().code(seconds / 30), code, "{seconds}");
        }
        for (step, code) in [(0, "755224"), (1, "287082"), (2, "359152"), (9, "520489")] {
            assert_eq!(secret().code(step), code, "{step}");
        }
    }

    #[test]
    fn a_code_is_taken_a_step_early_and_late_and_once() {
        let (step, now) = (1_000_000, UtcMs(1_000_000 * STEP_MS + 15_000));
        for (of, expect) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let found = secret().step_of(&secret().code(step + of), 0, now);
            assert_eq!(found, expect.then_some(step + of), "{of}");
        }
        assert_eq!(secret().step_of(&secret().code(step), step, now), None, "taken already");
        assert_eq!(secret().step_of(&secret().code(step - 1), step, now), None, "older than taken");
        assert_eq!(secret().step_of(&secret().code(step + 1), step, now), Some(step + 1));
        let typed = secret().code(step);
        assert_eq!(secret().step_of(&format!(" {} {} ", &typed[..3], &typed[3..]), 0, now), Some(step));
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(secret().step_of(wrong, 0, now), None, "{wrong:?}");
        }
    }

    /// ASVS 5.0: 6.5.3.
    #[test]
    fn secrets_are_written_as_apps_read_them() {
        assert_eq!(secret().grouped(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        // RFC 4648, section 10, without the padding that apps do not want.
        for (bytes, expect) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(Secret::from_bytes(bytes.as_bytes().to_vec()).base32(), expect);
        }
        assert_eq!(
            secret().address("a+b@x.test"),
            "otpauth://totp/Inverter%20Connect:a%2Bb@x.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Inverter%20Connect&algorithm=SHA1&digits=6&period=30"
        );
        assert!(!format!("{:?}", secret()).contains("49"));
        assert_ne!(Secret::new().unwrap(), Secret::new().unwrap());
    }
}
