//! A software authenticator and its browser: what a person's device does when a page asks for a passkey. Each thing that
//! it may get wrong is a field.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::house::ORIGIN;

pub struct Authenticator {
    key: EcdsaKeyPair,
    pub id: Vec<u8>,
    handle: String,
    /// The counter before the next signature.
    pub counter: u32,
    /// Where the browser says it is.
    pub origin: String,
    /// Which site the authenticator signs for.
    pub rp_id: String,
    /// User present, user verified.
    pub flags: u8,
    pub cross_origin: bool,
}

/// A form's fields.
pub type Form = Vec<(&'static str, String)>;

impl Authenticator {
    pub fn new(id: &[u8]) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: id.to_vec(),
            handle: String::new(),
            counter: 0,
            origin: ORIGIN.to_owned(),
            rp_id: "inverters.test".to_owned(),
            flags: 0x05,
            cross_origin: false,
        }
    }

    /// `navigator.credentials.create`.
    pub fn create(&mut self, asked: &Value) -> Form {
        assert_eq!(asked["rp"]["id"], "inverters.test");
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(asked["attestation"], "none");
        self.handle = asked["user"]["id"].as_str().unwrap().to_owned();
        let mut credential = vec![0; 16];
        credential.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        credential.extend(&self.id);
        credential.extend(self.cose());
        let data = self.data(0x40, &credential);
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend(data);
        vec![
            ("client_data", encode(&self.client_data("webauthn.create", asked))),
            ("attestation", encode(&attestation)),
        ]
    }

    /// `navigator.credentials.get`.
    pub fn get(&self, asked: &Value) -> Form {
        assert_eq!(asked["userVerification"], "required");
        assert_eq!(asked["rpId"], "inverters.test");
        let client_data = self.client_data("webauthn.get", asked);
        let data = self.data(0, &[]);
        let message = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        vec![
            ("id", encode(&self.id)),
            ("client_data", encode(&client_data)),
            ("authenticator_data", encode(&data)),
            ("signature", encode(signature.as_ref())),
            ("user_handle", self.handle.clone()),
        ]
    }

    fn client_data(&self, kind: &str, asked: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": self.cross_origin,
        });
        data.to_string().into_bytes()
    }

    fn data(&self, more: u8, credential: &[u8]) -> Vec<u8> {
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        [hash.as_ref(), &[self.flags | more], &self.counter.to_be_bytes(), credential].concat()
    }

    /// The public key as COSE: EC2, ES256, P-256, x, y.
    fn cose(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..65]);
        cose
    }
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// As a browser sends it.
pub fn urlencoded(form: &[(&str, String)]) -> String {
    let pairs = form.iter().map(|(name, value)| {
        let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}
