//! One line: a JSON object whose last two members are the key and the signature of all bytes before it.
//!
//! In: a statement, a signer; or bytes from anywhere. Out: a line; or what it says, once the signature held. Nothing of a line is
//! read as JSON before that.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::hex;
use super::key::{PublicKey, Signer, Unsigned};

/// Longest line that is read, bytes.
pub const MOST_LINE: usize = 16 * 1024;
/// The form of this version.
const VERSION: u8 = 1;
/// What stands between what is signed and the signature.
const SIGNATURE: &[u8] = br#","signature":""#;
/// What stands between what is said and the key.
const KEY: &[u8] = br#","key":""#;
/// The end of a line.
const END: &[u8] = br#""}"#;

/// What a line may state.
pub trait Statement: Serialize + DeserializeOwned {
    /// Its name in the line.
    const KIND: &'static str;
}

/// A line whose signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The key that it is signed with. Whose that is, the caller knows.
    pub key: PublicKey,
    kind: &'a str,
    line: &'a [u8],
}

/// Why a line is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It does not end as a line does.
    #[error("is not a signed line")]
    Form,
    /// It is not what was signed.
    #[error("was changed after it was signed")]
    Signature,
    /// What it says is of a later version of this program, or of none.
    #[error("says something that this version does not know")]
    Unknown,
}

#[derive(Serialize)]
struct Written<'a, Said: Serialize> {
    logbook: u8,
    kind: &'static str,
    #[serde(flatten)]
    said: &'a Said,
}

#[derive(Deserialize)]
struct Header<'a> {
    logbook: u8,
    kind: &'a str,
}

/// The line of a statement, without its line feed. The same statement by the same key is the same bytes.
///
/// # Errors
/// [`Unsigned`].
pub fn seal<Said: Statement>(said: &Said, signer: &Signer) -> Result<String, Unsigned> {
    let mut line =
        serde_json::to_string(&Written { logbook: VERSION, kind: Said::KIND, said }).map_err(|_| Unsigned)?;
    line.pop();
    line.push_str(&format!(r#","key":"{}""#, signer.public()));
    let signature = signer.sign(line.as_bytes())?;
    line.push_str(r#","signature":""#);
    signature.iter().for_each(|byte| line.push_str(&format!("{byte:02x}")));
    line.push_str(r#""}"#);
    Ok(line)
}

/// Checks a line, without its line feed.
///
/// # Errors
/// [`Flaw`].
pub fn open(line: &[u8]) -> Result<Opened<'_>, Flaw> {
    let (signed, signature) = tail::<64>(line.strip_suffix(END), SIGNATURE).ok_or(Flaw::Form)?;
    let (_, key) = tail::<32>(signed.strip_suffix(b"\""), KEY).ok_or(Flaw::Form)?;
    let key = PublicKey::from_bytes(key);
    if line.len() > MOST_LINE {
        return Err(Flaw::Form);
    }
    if !key.signed(signed, &signature) {
        return Err(Flaw::Signature);
    }
    let header: Header<'_> = serde_json::from_slice(line).map_err(|_| Flaw::Unknown)?;
    if header.logbook != VERSION {
        return Err(Flaw::Unknown);
    }
    Ok(Opened { key, kind: header.kind, line })
}

/// What stands before `mark` and `LENGTH` bytes in digits.
fn tail<'a, const LENGTH: usize>(text: Option<&'a [u8]>, mark: &[u8]) -> Option<(&'a [u8], [u8; LENGTH])> {
    let text = text?;
    let (before, digits) = text.split_at_checked(text.len().checked_sub(LENGTH * 2)?)?;
    Some((before.strip_suffix(mark)?, hex::decode(digits)?))
}

impl Opened<'_> {
    /// What it says, if it is of that kind.
    ///
    /// # Errors
    /// [`Flaw::Unknown`] where it is of that kind and not understood.
    pub fn says<Said: Statement>(&self) -> Result<Option<Said>, Flaw> {
        if self.kind != Said::KIND {
            return Ok(None);
        }
        serde_json::from_slice(self.line).map(Some).map_err(|_| Flaw::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Hello {
        to: String,
    }

    impl Statement for Hello {
        const KIND: &'static str = "hello";
    }

    #[test]
    fn a_line_is_opened_by_nothing_but_its_own_bytes() {
        let signer = Signer::from_seed(&[1; 32]).unwrap();
        let hello = Hello { to: "Zoë \"Dock\"\n".to_owned() };
        let line = seal(&hello, &signer).unwrap();
        assert_eq!(line, seal(&hello, &signer).unwrap());
        assert!(line.starts_with(r#"{"logbook":1,"kind":"hello","to":"Zoë \"Dock\"\n","key":""#), "{line}");
        let opened = open(line.as_bytes()).unwrap();
        assert_eq!(opened.key, signer.public());
        assert_eq!(opened.says::<Hello>(), Ok(Some(hello)));
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 0x20;
            assert!(open(&bytes).is_err(), "byte {at}");
            bytes.remove(at);
            assert!(open(&bytes).is_err(), "without byte {at}");
        }
        for bad in ["", "{}", r#""}"#, &format!("{line}\n"), &format!(" {line}")] {
            assert!(open(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_later_version_says_is_not_guessed_at() {
        let signer = Signer::from_seed(&[1; 32]).unwrap();
        let mut line = r#"{"logbook":2,"kind":"hello","to":""#.to_owned();
        line.push_str(&format!(r#"","key":"{}""#, signer.public()));
        let signature = signer.sign(line.as_bytes()).unwrap();
        let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!(r#"{line},"signature":"{digits}"}}"#);
        assert_eq!(open(line.as_bytes()), Err(Flaw::Unknown));
    }
}
