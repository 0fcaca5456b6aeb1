//! Public keys of passkeys (COSE, RFC 9052 and 9053) and their signatures: ES256, EdDSA with Ed25519, RS256.
//!
//! In: CBOR as the authenticator wrote it, a message, a signature. Out: whether the key signed the message. A key of any
//! other kind, with a member missing, repeated or left over in its bytes, is refused when the passkey is made.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use minicbor::Decoder;
use minicbor::data::Type;

use super::Refused;

/// COSE names of what is taken, the most wanted first (IANA COSE Algorithms).
pub const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
/// Key types: octet key pair, elliptic curve with two coordinates, RSA.
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE_ED25519: i64 = 6;
/// Longest modulus, bytes: RSA with 4,096 bits.
const MOST_MODULUS: usize = 512;
const WHAT: Refused = Refused::Malformed("the public key");

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// ECDSA on P-256 with SHA-256: the point's coordinates.
    Es256(&'a [u8; 32], &'a [u8; 32]),
    /// Ed25519.
    EdDsa(&'a [u8; 32]),
    /// RSA PKCS #1 v1.5 with SHA-256: modulus and exponent.
    Rs256(&'a [u8], &'a [u8]),
}

/// Members of a COSE key that we know.
#[derive(Default)]
struct Members<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    /// Label -1: the curve, or the modulus.
    curve: Option<i64>,
    modulus: Option<&'a [u8]>,
    /// Label -2: x, or the exponent.
    x: Option<&'a [u8]>,
    /// Label -3: y.
    y: Option<&'a [u8]>,
}

impl<'a> Key<'a> {
    /// Reads a key.
    ///
    /// # Errors
    /// [`Refused::Malformed`], [`Refused::Algorithm`].
    pub fn parse(cbor: &'a [u8]) -> Result<Self, Refused> {
        let members = Members::parse(cbor)?;
        let kind = (members.kind.ok_or(WHAT)?, members.algorithm.ok_or(WHAT)?, members.curve);
        match kind {
            (EC2, ES256, Some(P256)) => Ok(Self::Es256(coordinate(members.x)?, coordinate(members.y)?)),
            (OKP, EDDSA, Some(CURVE_ED25519)) => Ok(Self::EdDsa(coordinate(members.x)?)),
            (RSA, RS256, None) => {
                let modulus = members.modulus.ok_or(WHAT)?;
                let exponent = members.x.ok_or(WHAT)?;
                if modulus.len() > MOST_MODULUS || exponent.len() > 8 {
                    return Err(WHAT);
                }
                Ok(Self::Rs256(modulus, exponent))
            }
            _ => Err(Refused::Algorithm),
        }
    }

    /// Whether this key signed `message`.
    ///
    /// # Errors
    /// [`Refused::Signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match self {
            Self::Es256(x, y) => {
                // An uncompressed point, SEC 1, 2.3.3.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Self::Rs256(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| Refused::Signature)
    }
}

impl<'a> Members<'a> {
    fn parse(cbor: &'a [u8]) -> Result<Self, Refused> {
        let mut decoder = Decoder::new(cbor);
        let mut members = Self::default();
        let count = decoder.map().ok().flatten().ok_or(WHAT)?;
        for _ in 0..count {
            let label = decoder.i64().map_err(|_| WHAT)?;
            let bytes = decoder.datatype().map_err(|_| WHAT)? == Type::Bytes;
            let fresh = match (label, bytes) {
                (1, false) => fill(&mut members.kind, decoder.i64()),
                (3, false) => fill(&mut members.algorithm, decoder.i64()),
                (-1, false) => fill(&mut members.curve, decoder.i64()),
                (-1, true) => fill(&mut members.modulus, decoder.bytes()),
                (-2, true) => fill(&mut members.x, decoder.bytes()),
                (-3, true) => fill(&mut members.y, decoder.bytes()),
                _ => decoder.skip().is_ok(),
            };
            if !fresh {
                return Err(WHAT);
            }
        }
        if decoder.position() == cbor.len() { Ok(members) } else { Err(WHAT) }
    }
}

/// Whether a member was read, and for the first time.
fn fill<T>(place: &mut Option<T>, read: Result<T, minicbor::decode::Error>) -> bool {
    read.is_ok_and(|value| place.replace(value).is_none())
}

fn coordinate(bytes: Option<&[u8]>) -> Result<&[u8; 32], Refused> {
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(WHAT)
}
