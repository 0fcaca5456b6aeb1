//! Encryption of a push message (RFC 8291 on RFC 8188): only the browser that subscribed can read it.
//!
//! In: the browser's public key and what it shares with us, a message. Out: the body of the request. The key of our side
//! and the salt are new for each message.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;

/// Bytes of an uncompressed point of P-256.
pub const POINT: usize = 65;
/// Bytes of what browser and server share.
pub const SECRET: usize = 16;
/// The record size that we name: the only record is shorter.
const RECORD: u32 = 4096;
/// Messages are filled up to a multiple of this, so that their length tells little.
const STEP: usize = 256;
/// What a push service must take (RFC 8030, 7.2), less the head and the tag.
pub const MOST_BYTES: usize = 3_800;
const SALT: usize = 16;
const KEY: usize = 16;
/// Ends the text of the last record; zeros follow.
const LAST: u8 = 2;

/// A key of the browser does not do, the message is too long, or there is no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be encrypted for this browser")]
pub struct NotEncrypted;

/// A browser's side.
#[derive(Clone, Copy)]
pub struct Receiver<'a> {
    /// Its public key, an uncompressed point.
    pub public_key: &'a [u8],
    /// What it shares with us.
    pub secret: &'a [u8],
}

/// The body of the request.
///
/// # Errors
/// [`NotEncrypted`].
pub fn encrypt(receiver: Receiver<'_>, message: &[u8]) -> Result<Vec<u8>, NotEncrypted> {
    let ours = PrivateKey::generate(&ECDH_P256).map_err(|_| NotEncrypted)?;
    let mut salt = [0; SALT];
    rand::fill(&mut salt).map_err(|_| NotEncrypted)?;
    let filled = (message.len() + 1).next_multiple_of(STEP) - 1;
    sealed(receiver, &ours, salt, message, filled)
}

fn sealed(
    receiver: Receiver<'_>,
    ours: &PrivateKey,
    salt: [u8; SALT],
    message: &[u8],
    filled: usize,
) -> Result<Vec<u8>, NotEncrypted> {
    let fits =
        receiver.public_key.len() == POINT && receiver.secret.len() == SECRET && message.len() <= MOST_BYTES;
    if !fits {
        return Err(NotEncrypted);
    }
    let our_public = ours.compute_public_key().map_err(|_| NotEncrypted)?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, receiver.public_key);
    let shared = agree(ours, theirs, NotEncrypted, |shared| {
        Ok(Salt::new(HKDF_SHA256, receiver.secret).extract(shared))
    })?;
    let info = [b"WebPush: info\0", receiver.public_key, our_public.as_ref()];
    let material: [u8; 32] = expanded(&shared, &info)?;
    let record = Salt::new(HKDF_SHA256, &salt).extract(&material);
    let key: [u8; KEY] = expanded(&record, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; NONCE_LEN] = expanded(&record, &[b"Content-Encoding: nonce\0"])?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).map_err(|_| NotEncrypted)?);
    let mut text = message.to_vec();
    text.push(LAST);
    text.resize(filled.max(message.len()) + 1, 0);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text).map_err(|_| NotEncrypted)?;
    let mut body = salt.to_vec();
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(u8::try_from(POINT).map_err(|_| NotEncrypted)?);
    body.extend_from_slice(our_public.as_ref());
    body.extend_from_slice(&text);
    Ok(body)
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expanded<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N], NotEncrypted> {
    let mut bytes = [0; N];
    let okm = key.expand(info, Bytes(N)).map_err(|_| NotEncrypted)?;
    okm.fill(&mut bytes).map_err(|_| NotEncrypted)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291, appendix A.
    const THEIRS: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const SECRET_TEXT: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    /// ASVS 5.0: 11.2.1, 11.3.2.
    #[test]
    fn the_standards_example_comes_out_byte_for_byte() {
        let ours =
            PrivateKey::from_private_key(&ECDH_P256, &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
                .unwrap();
        let (public_key, secret) = (bytes(THEIRS), bytes(SECRET_TEXT));
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let message = b"When I grow up, I want to be a watermelon";
        let receiver = Receiver { public_key: &public_key, secret: &secret };
        let body = sealed(receiver, &ours, salt, message, message.len()).unwrap();
        let expect = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w\
                      EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expect);
    }

    #[test]
    fn no_two_bodies_are_alike_and_lengths_tell_little() {
        let (public_key, secret) = (bytes(THEIRS), bytes(SECRET_TEXT));
        let receiver = Receiver { public_key: &public_key, secret: &secret };
        let body = |message: &[u8]| encrypt(receiver, message).unwrap();
        assert_ne!(body(b"x"), body(b"x"));
        assert_eq!(body(b"").len(), body(&[b'x'; 255]).len());
        assert!(body(&[b'x'; MOST_BYTES]).len() <= 4096);
    }

    #[test]
    fn what_is_no_key_or_no_point_of_the_curve_is_refused() {
        let (public_key, secret) = (bytes(THEIRS), bytes(SECRET_TEXT));
        let mut off = public_key.clone();
        off[64] ^= 1;
        for (public_key, secret) in [
            (&off[..], &secret[..]),
            (&public_key[..64], &secret[..]),
            (&public_key[..], &secret[..15]),
            (&[][..], &[][..]),
        ] {
            assert_eq!(encrypt(Receiver { public_key, secret }, b"x"), Err(NotEncrypted));
        }
        let receiver = Receiver { public_key: &public_key, secret: &secret };
        assert_eq!(encrypt(receiver, &[b'x'; MOST_BYTES + 1]), Err(NotEncrypted));
    }
}
