//! The test vectors of Web Authentication Level 3, section 16, for the kinds of keys that are taken. Their challenges are
//! not ours, so what comes after the challenge is checked; the flags of most lack user verification, which must be seen.

use super::authenticator_data::AuthenticatorData;
use super::registration::made;
use super::{Refused, RelyingParty, assertion, client_data};

/// `a363666d74…`: authenticator data follows each attestation's own head.
struct Vector {
    name: &'static str,
    /// The attestation object of 7.1; empty where only its key is here.
    attestation: &'static str,
    verified: bool,
    public_key: String,
    data: &'static str,
    json: &'static str,
    signature: &'static str,
}

const NONE_ES256: &str = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220";
const SELF_ES256: &str = "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2";

/// The product of two Mersenne primes, 2^1279 - 1 and 2^2203 - 1, as a COSE key.
fn rsa() -> String {
    let modulus = format!("03{}7{}8{}1", "f".repeat(319), "f".repeat(230), "0".repeat(318));
    assert_eq!(modulus.len(), 436 * 2);
    format!("a4010303390100205901b4{modulus}2143010001")
}

fn vectors() -> Vec<Vector> {
    vec![
        Vector {
            name: "none.ES256",
            attestation: NONE_ES256,
            verified: false,
            public_key: "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220".to_owned(),
            data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
            json: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            signature: "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
        },
        Vector {
            name: "packed-self.ES256",
            attestation: SELF_ES256,
            verified: true,
            public_key: "a5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2".to_owned(),
            data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
            json: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225248696843784e534e493352594d45314f7731476d3132786e726b634a5f6666707637546e2d4a71386773222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a206754623533727a36456853576f6d58477a696d433151227d",
            signature: "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
        },
        Vector {
            name: "packed.RS256",
            attestation: "",
            verified: true,
            public_key: rsa(),
            data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
            json: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224b56395a39667150356978617970346e596d7834794e6f33617562597a5333536d75757459423462784d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            signature: "01063d52d7c39b4d432fc7063c5d93e582bdcb16889cd71f888d67d880ea730a428498d3bc8e1ee11f2b1ecbe6c292b118c55ffaaddefa8cad0a54dd137c51f1eec673f1bb6c4d1789d6826a222b22d0f585fc901fdc933212e579d199b89d672aa44891333e6a1355536025e82b25590256c3538229b55737083b2f6b9377e49e2472f11952f79fdd0da180b5ffd901b4049a8f081bb40711bef76c62aed943571f2d0575304cb549d68d8892f95086a30f93716aee818f8dc06e96c0d5e0ed4cfa9fd8773d90464b68cf140f7986666ff9c9e3302acd0535d60d769f465e2ab57ef8aabc89fccfef7ba32a64154a8b3d26be2298f470b8cc5377dbe3dfd4b0b45f8f01e63bde6cfc76b62771f9b70aa27cf40152cad93aa5acd784fd4b90f676e2ea828d0bf2400aebbaae4153e5838f537f88b6228346782a93a899be66ec77de45b3efcf311da6321c92e6b0cd11bfe653bf3e98cee8e341f02d67dbb6f9c98d9e8178090cfb5b70fbc6d541599ac794ae2f1d4de1286ec8de8c2daf7b1d15c8438e90d924df5c19045220a4c8438c1b979bbe016cf3d0eeec23c3999d4882cc645b776de930756612cdc6dd398160ff02a6",
        },
        Vector {
            name: "packed.EdDSA",
            attestation: "",
            verified: false,
            public_key: "a401010327200621582044e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832".to_owned(),
            data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
            json: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            signature: "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
        },
    ]
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// ASVS 5.0: 11.2.1.
#[test]
fn signatures_of_the_standard_are_verified_and_changed_ones_are_not() {
    let party = RelyingParty::new("https://example.org");
    for vector in vectors() {
        let (key, data, json) = (hex(&vector.public_key), hex(vector.data), hex(vector.json));
        let signature = hex(vector.signature);
        assert_eq!(assertion::signed(&key, &data, &json, &signature), Ok(()), "{}", vector.name);
        assert!(client_data::challenge(&json, "webauthn.get", &party).is_ok(), "{}", vector.name);
        // None of them was made with user verification.
        let parsed = AuthenticatorData::parse(&data).unwrap();
        assert_eq!(parsed.check(&party), Err(Refused::UserVerification), "{}", vector.name);
        for at in [0, data.len() - 1] {
            let mut changed = data.clone();
            changed[at] ^= 1;
            let verified = assertion::signed(&key, &changed, &json, &signature);
            assert_eq!(verified, Err(Refused::Signature), "{} byte {at}", vector.name);
        }
        let mut changed = signature.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(assertion::signed(&key, &data, &json, &changed), Err(Refused::Signature));
        for length in 0..key.len() {
            let cut = assertion::signed(&key[..length], &data, &json, &signature);
            assert!(matches!(cut, Err(Refused::Malformed(_))), "{} {length}: {cut:?}", vector.name);
        }
    }
}

#[test]
fn registrations_of_the_standard_give_their_keys_where_somebody_was_verified() {
    let party = RelyingParty::new("https://example.org");
    for vector in vectors().iter().filter(|vector| !vector.attestation.is_empty()) {
        let attestation = hex(vector.attestation);
        match made(&attestation, &party) {
            Ok(made) => {
                assert!(vector.verified, "{}", vector.name);
                assert_eq!(made.public_key, hex(&vector.public_key));
                assert_eq!((made.credential_id.len(), made.counter, made.backed_up), (32, 0, true));
            }
            Err(refused) => {
                assert_eq!((refused, vector.verified), (Refused::UserVerification, false), "{}", vector.name);
            }
        }
        let elsewhere = made(&attestation, &RelyingParty::new("https://example.com"));
        assert_eq!(elsewhere, Err(Refused::RelyingPartyId));
        for length in 0..attestation.len() {
            assert!(made(&attestation[..length], &party).is_err(), "{} {length}", vector.name);
        }
    }
}

/// ASVS 5.0: 15.3.5.
#[test]
fn other_kinds_of_keys_are_refused() {
    let es256 = vectors().remove(0).public_key;
    for (from, to, expect) in [
        // ES384 as the algorithm, P-384 as the curve, an octet key pair with P-256.
        ("a501020326", "a50102033822", Refused::Algorithm),
        ("2001215820", "2002215820", Refused::Algorithm),
        ("a501020326", "a501010326", Refused::Algorithm),
        // A member twice; one too many; text where a number belongs.
        ("a501020326", "a6010203260326", Refused::Malformed("the public key")),
        ("a501020326", "a601020326", Refused::Malformed("the public key")),
        ("a501020326", "a501020361", Refused::Malformed("the public key")),
    ] {
        let changed = hex(&es256.replacen(from, to, 1));
        assert_ne!(changed, hex(&es256));
        assert_eq!(super::key::Key::parse(&changed), Err(expect), "{to}");
    }
}
