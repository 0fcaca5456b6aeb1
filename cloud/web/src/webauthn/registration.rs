//! A new passkey (WebAuthn 7.1).
//!
//! In: what `navigator.credentials.create` gave, a challenge of ours. Out: the key to keep. The caller stores it, which
//! fails where the credential is known already (step 26).

use minicbor::Decoder;
use wire::UtcMs;

use super::authenticator_data::AuthenticatorData;
use super::challenge::{Challenges, Purpose};
use super::key::Key;
use super::{Refused, RelyingParty, client_data, decode};

/// Longest attestation object: with a certificate chain that nobody asked for.
const MOST_ATTESTATION: usize = 8_192;

/// What a browser sends, base64url.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// `response.clientDataJSON`
    pub client_data: &'a str,
    /// `response.attestationObject`
    pub attestation: &'a str,
}

/// A passkey to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its name to the authenticator.
    pub credential_id: Vec<u8>,
    /// A COSE key of a kind that we take.
    pub public_key: Vec<u8>,
    /// Its counter.
    pub counter: u32,
    /// May be copied to its owner's other devices.
    pub backed_up: bool,
}

/// Verifies the answer and uses its challenge up.
///
/// # Errors
/// [`Refused`].
pub fn verify(
    answer: Answer<'_>,
    purpose: Purpose,
    party: &RelyingParty,
    challenges: &Challenges,
    now: UtcMs,
) -> Result<Made, Refused> {
    let json = decode(answer.client_data, "clientDataJSON", client_data::MOST)?;
    let challenge = client_data::challenge(&json, "webauthn.create", party)?;
    challenges.check(&challenge, purpose, now)?;
    let attestation = decode(answer.attestation, "attestationObject", MOST_ATTESTATION)?;
    let made = made(&attestation, party)?;
    challenges.take(&challenge, now)?;
    Ok(made)
}

/// Steps 13 to 25. The attestation statement proves the authenticator's make, which nobody asked: it is not read.
pub(super) fn made(attestation: &[u8], party: &RelyingParty) -> Result<Made, Refused> {
    let data = authenticator_data(attestation)?;
    let data = AuthenticatorData::parse(data)?;
    data.check(party)?;
    let credential = data.credential.ok_or(Refused::Malformed("authenticatorData"))?;
    Key::parse(credential.public_key)?;
    Ok(Made {
        credential_id: credential.id.to_vec(),
        public_key: credential.public_key.to_vec(),
        counter: data.counter,
        backed_up: data.backup_eligible(),
    })
}

/// `authData` of an attestation object (WebAuthn 6.5.4).
fn authenticator_data(cbor: &[u8]) -> Result<&[u8], Refused> {
    const WHAT: Refused = Refused::Malformed("attestationObject");
    let mut decoder = Decoder::new(cbor);
    let mut data = None;
    let count = decoder.map().ok().flatten().ok_or(WHAT)?;
    for _ in 0..count {
        match decoder.str().map_err(|_| WHAT)? {
            "authData" if data.is_none() => data = Some(decoder.bytes().map_err(|_| WHAT)?),
            "authData" => return Err(WHAT),
            _ => decoder.skip().map_err(|_| WHAT)?,
        }
    }
    if decoder.position() == cbor.len() { data.ok_or(WHAT) } else { Err(WHAT) }
}
