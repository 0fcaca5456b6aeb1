//! What a browser is asked (WebAuthn 5.4 and 5.5), as the page's script reads it.
//!
//! In: a challenge, who it is for. Out: JSON with bytes as base64url. A passkey must be one that is found without a name
//! being typed, and its owner must be verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::factors::CHALLENGE_MS;
use serde::Serialize;

use super::RelyingParty;
use super::key::ALGORITHMS;

/// For `navigator.credentials.get`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Get {
    challenge: String,
    rp_id: String,
    timeout: i64,
    user_verification: &'static str,
}

/// For `navigator.credentials.create`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    challenge: String,
    rp: Party,
    user: User,
    pub_key_cred_params: Vec<Parameters>,
    timeout: i64,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    attestation: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Party {
    id: String,
    name: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Clone, Debug, Serialize)]
struct Parameters {
    r#type: &'static str,
    alg: i64,
}

#[derive(Clone, Debug, Serialize)]
struct Descriptor {
    r#type: &'static str,
    id: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

const PUBLIC_KEY: &str = "public-key";
const REQUIRED: &str = "required";

impl Get {
    /// For any passkey of this site.
    #[must_use]
    pub fn new(challenge: &[u8], party: &RelyingParty) -> Self {
        Self {
            challenge: URL_SAFE_NO_PAD.encode(challenge),
            rp_id: party.id.clone(),
            timeout: CHALLENGE_MS,
            user_verification: REQUIRED,
        }
    }
}

/// Whose passkey is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The account's name to authenticators.
    pub handle: &'a [u8],
    /// Its address.
    pub email: &'a str,
    /// What people call them.
    pub name: &'a str,
}

impl Create {
    /// For a passkey on an authenticator that has none of `known`.
    #[must_use]
    pub fn new(challenge: &[u8], party: &RelyingParty, owner: Owner<'_>, known: &[&[u8]]) -> Self {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let name = if owner.name.is_empty() { owner.email } else { owner.name };
        let parameters = ALGORITHMS.map(|alg| Parameters { r#type: PUBLIC_KEY, alg });
        Self {
            challenge: encode(challenge),
            rp: Party { id: party.id.clone(), name: "Inverter Connect" },
            user: User {
                id: encode(owner.handle),
                name: owner.email.to_owned(),
                display_name: name.to_owned(),
            },
            pub_key_cred_params: parameters.to_vec(),
            timeout: CHALLENGE_MS,
            exclude_credentials: known
                .iter()
                .map(|id| Descriptor { r#type: PUBLIC_KEY, id: encode(id) })
                .collect(),
            authenticator_selection: Selection {
                resident_key: REQUIRED,
                require_resident_key: true,
                user_verification: REQUIRED,
            },
            attestation: "none",
        }
    }
}
