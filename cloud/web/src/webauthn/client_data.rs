//! What the browser says about the request (`clientDataJSON`, WebAuthn 5.8.1).
//!
//! In: the bytes that the authenticator signed the hash of. Out: the challenge in them, if type and origin are right.

use serde::Deserialize;

use super::{Refused, RelyingParty, decode};

/// Longest JSON that a browser needs; a challenge of ours makes some 250 bytes.
pub const MOST: usize = 2_048;
const MOST_CHALLENGE: usize = 128;

/// Members that we look at; browsers may add others.
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<String>,
}

/// Checks type and origin; the challenge is for the caller to check. Steps 7 to 12 of 7.1, 10 to 14 of 7.2.
pub fn challenge(json: &[u8], expected: &str, party: &RelyingParty) -> Result<Vec<u8>, Refused> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Refused::Malformed("clientDataJSON"))?;
    if data.r#type != expected {
        return Err(Refused::Type);
    }
    if data.origin != party.origin {
        return Err(Refused::Origin);
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err(Refused::CrossOrigin);
    }
    decode(&data.challenge, "the challenge", MOST_CHALLENGE)
}
