//! A browser that takes push messages: its keys, and the decryption of RFC 8291 as a browser does it.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hmac;

pub struct Browser {
    key: PrivateKey,
    pub secret: [u8; 16],
}

impl Browser {
    pub fn new() -> Self {
        let mut secret = [0; 16];
        aws_lc_rs::rand::fill(&mut secret).unwrap();
        Self { key: PrivateKey::generate(&ECDH_P256).unwrap(), secret }
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.key.compute_public_key().unwrap().as_ref().to_vec()
    }

    /// The text of a body, by the formulas of the standard written out with HMAC alone: another way than the sender's.
    pub fn decrypt(&self, body: &[u8]) -> String {
        let (salt, rest) = body.split_at(16);
        let record = u32::from_be_bytes(rest[..4].try_into().unwrap());
        let (length, rest) = (usize::from(rest[4]), &rest[5..]);
        let (theirs, sealed) = rest.split_at(length);
        assert_eq!((length, theirs[0]), (65, 4));
        assert!(sealed.len() <= record as usize && body.len() <= 4096);
        let peer = UnparsedPublicKey::new(&ECDH_P256, theirs);
        let shared = agree(&self.key, peer, (), |shared| Ok(shared.to_vec())).unwrap();
        let key_info = [b"WebPush: info\0".as_slice(), &self.public_key(), theirs, &[1]].concat();
        let material = mac(&mac(&self.secret, &shared), &key_info);
        let derived = mac(salt, &material);
        let key = &mac(&derived, b"Content-Encoding: aes128gcm\0\x01")[..16];
        let nonce = &mac(&derived, b"Content-Encoding: nonce\0\x01")[..12];
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
        let mut opened = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let text = key.open_in_place(nonce, Aad::empty(), &mut opened).unwrap();
        let end = text.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(text[end], 2, "the delimiter of the last record");
        String::from_utf8(text[..end].to_vec()).unwrap()
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}
