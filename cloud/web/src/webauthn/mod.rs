//! Passkeys: the relying party's part of WebAuthn (Web Authentication Level 3, sections 7.1 and 7.2), by its steps.
//!
//! In: what a browser got from an authenticator, a challenge of ours. Out: a key to keep, or the proof that a kept key
//! signed. Signatures are aws-lc-rs's work. Attestation is not asked for and not believed: what make an authenticator
//! is, does not matter here (docs/adr). User verification always is: a passkey counts as both factors.

pub mod assertion;
mod authenticator_data;
pub mod challenge;
mod client_data;
pub mod key;
pub mod options;
pub mod registration;
#[cfg(test)]
mod vectors;

/// Where passkeys of this site belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// `https://host:port`.
    pub origin: String,
    /// The host, without the port: what passkeys are bound to.
    pub id: String,
}

impl RelyingParty {
    /// For an origin as `Context` has it.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        let id = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        Self { origin: origin.to_owned(), id: id.to_owned() }
    }
}

/// Why an answer of an authenticator is not taken. For the log and for tests; people read one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not base64url, not CBOR, not JSON, too long, or with something left over.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// Made for something else: registration for sign-in, or the other way.
    #[error("it was made for another purpose")]
    Type,
    /// Not a challenge that this server made for this purpose and account.
    #[error("the challenge is not ours")]
    Challenge,
    /// Five minutes are over.
    #[error("the challenge expired")]
    Expired,
    /// The challenge was answered before.
    #[error("the challenge was answered already")]
    Replayed,
    /// The browser was at another address.
    #[error("it was made at another origin")]
    Origin,
    /// The page was inside another's.
    #[error("it was made inside another site's page")]
    CrossOrigin,
    /// The authenticator signed for another site.
    #[error("it was made for another site")]
    RelyingPartyId,
    /// Nobody touched the authenticator.
    #[error("nobody was present")]
    UserPresence,
    /// No PIN, fingerprint or face was asked.
    #[error("nobody was verified")]
    UserVerification,
    /// The flags on backups contradict each other, or what was said when the passkey was made.
    #[error("the flags on backups contradict each other")]
    Backup,
    /// A kind of key that was not asked for.
    #[error("the key is of a kind that was not asked for")]
    Algorithm,
    /// The signature is not by that key.
    #[error("the signature is wrong")]
    Signature,
    /// The user handle is not that of the passkey's account.
    #[error("the passkey is not of that account")]
    UserHandle,
    /// The counter stood still or went back.
    #[error("the counter went back")]
    Counter,
    /// No such passkey, or one that counts no more.
    #[error("this passkey is not known")]
    Unknown,
}

/// Bytes of base64url without padding, of at most `most` bytes.
pub(crate) fn decode(text: &str, what: &'static str, most: usize) -> Result<Vec<u8>, Refused> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    if text.len() > most.saturating_mul(4).div_ceil(3) {
        return Err(Refused::Malformed(what));
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed(what))
}
