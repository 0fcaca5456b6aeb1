//! Proof by a passkey (WebAuthn 7.2).
//!
//! In: what `navigator.credentials.get` gave, the kept passkey with its account's handle, a challenge of ours. Out: the
//! counter's new value. Whether the counter went back is said apart from all else: then everything else was right, and a
//! copy of the passkey may be about.

use aws_lc_rs::digest::{SHA256, digest};
use fleet::factors::counts_on;
use wire::UtcMs;

use super::authenticator_data::AuthenticatorData;
use super::challenge::{Challenges, Purpose};
use super::key::Key;
use super::{Refused, RelyingParty, client_data, decode};

const MOST_AUTHENTICATOR_DATA: usize = 1_024;
/// Of RSA with 4,096 bits.
const MOST_SIGNATURE: usize = 512;
const MOST_HANDLE: usize = 64;

/// What a browser sends, base64url.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// `response.clientDataJSON`
    pub client_data: &'a str,
    /// `response.authenticatorData`
    pub authenticator_data: &'a str,
    /// `response.signature`
    pub signature: &'a str,
    /// `response.userHandle`
    pub user_handle: &'a str,
}

/// What is kept of a passkey.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// A COSE key.
    pub public_key: &'a [u8],
    /// Its account's name to authenticators.
    pub handle: &'a [u8],
    /// The counter as it was last seen.
    pub counter: u32,
    /// As was said when it was made.
    pub backed_up: bool,
}

/// Verifies the answer and uses its challenge up; the counter.
///
/// # Errors
/// [`Refused`].
pub fn verify(
    answer: Answer<'_>,
    kept: Kept<'_>,
    purpose: Purpose,
    party: &RelyingParty,
    challenges: &Challenges,
    now: UtcMs,
) -> Result<u32, Refused> {
    // A passkey that was found without a name being typed must say whose it is (step 6).
    if decode(answer.user_handle, "userHandle", MOST_HANDLE)? != kept.handle || kept.handle.is_empty() {
        return Err(Refused::UserHandle);
    }
    let json = decode(answer.client_data, "clientDataJSON", client_data::MOST)?;
    let challenge = client_data::challenge(&json, "webauthn.get", party)?;
    challenges.check(&challenge, purpose, now)?;
    let data = decode(answer.authenticator_data, "authenticatorData", MOST_AUTHENTICATOR_DATA)?;
    let signature = decode(answer.signature, "the signature", MOST_SIGNATURE)?;
    let parsed = AuthenticatorData::parse(&data)?;
    parsed.check(party)?;
    if parsed.backup_eligible() != kept.backed_up {
        return Err(Refused::Backup);
    }
    signed(kept.public_key, &data, &json, &signature)?;
    challenges.take(&challenge, now)?;
    if counts_on(kept.counter, parsed.counter) { Ok(parsed.counter) } else { Err(Refused::Counter) }
}

/// Step 21: the key signed the authenticator data and the hash of the client data.
pub(super) fn signed(public_key: &[u8], data: &[u8], json: &[u8], signature: &[u8]) -> Result<(), Refused> {
    let message = [data, digest(&SHA256, json).as_ref()].concat();
    Key::parse(public_key)?.verify(&message, signature)
}
