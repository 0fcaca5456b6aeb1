//! Who pushes (VAPID, RFC 8292): each request is signed, so that a push service can tell our messages from anybody's.
//!
//! In: the key in its file, the push service, now. Out: the header `Authorization`; the public key, which browsers
//! subscribe with. The key is made once: another one would end every subscription.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use url::Url;
use wire::UtcMs;

/// A token is good for this long; services take up to a day.
const TOKEN_S: i64 = 12 * 3_600;
/// Header of every token: `{"typ":"JWT","alg":"ES256"}`.
const HEAD: &str = r#"{"typ":"JWT","alg":"ES256"}"#;

/// The key.
pub struct Vapid {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    subject: String,
}

/// The key cannot be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of push messages does not do")]
pub struct Unusable;

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl Vapid {
    /// A new key, for its file.
    ///
    /// # Errors
    /// [`Unusable`]: no randomness.
    pub fn new_key() -> Result<String, Unusable> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| Unusable)?;
        let document = pair.to_pkcs8v1().map_err(|_| Unusable)?;
        Ok(URL_SAFE_NO_PAD.encode(document.as_ref()))
    }

    /// Reads what [`Vapid::new_key`] made. `subject`: an https address of ours, for who runs a push service.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn parse(text: &str, subject: &str) -> Result<Self, Unusable> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| Unusable)?;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes).map_err(|_| Unusable)?;
        Ok(Self { pair, random: SystemRandom::new(), subject: subject.to_owned() })
    }

    /// What browsers subscribe with.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    /// The header `Authorization` for a request to `endpoint`.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn authorization(&self, endpoint: &Url, now: UtcMs) -> Result<String, Unusable> {
        let audience = endpoint.origin().ascii_serialization();
        let claims = Claims { aud: &audience, exp: now.0 / 1000 + TOKEN_S, sub: &self.subject };
        let claims = serde_json::to_vec(&claims).map_err(|_| Unusable)?;
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEAD), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).map_err(|_| Unusable)?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        Ok(format!("vapid t={signed}.{signature}, k={}", self.public_key()))
    }
}

impl std::fmt::Debug for Vapid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vapid(…)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// ASVS 5.0: 9.1.2, 9.2.4.
    #[test]
    fn a_token_names_the_service_and_is_signed_by_the_key_that_browsers_know() {
        let key = Vapid::new_key().unwrap();
        let vapid = Vapid::parse(&format!("{key}\n"), "https://inverters.example").unwrap();
        let endpoint = Url::parse("https://push.example:8443/send/abc?x=1").unwrap();
        let header = vapid.authorization(&endpoint, UtcMs(1_800_000_000_000)).unwrap();
        let (token, public_key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(public_key, vapid.public_key());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public_key = URL_SAFE_NO_PAD.decode(public_key).unwrap();
        assert_eq!((public_key.len(), public_key[0]), (65, 4));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public_key)
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let expect =
            r#"{"aud":"https://push.example:8443","exp":1800043200,"sub":"https://inverters.example"}"#;
        assert_eq!(String::from_utf8(claims).unwrap(), expect);
        assert_eq!(format!("{vapid:?}"), "Vapid(…)");
        assert!(Vapid::parse("AAAA", "").is_err() && Vapid::parse("?", "").is_err());
    }
}
