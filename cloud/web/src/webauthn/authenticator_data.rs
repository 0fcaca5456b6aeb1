//! What the authenticator says (authenticator data, WebAuthn 6.1): bytes with flags, parsed to the last of them.
//!
//! In: bytes. Out: flags, counter, and the new credential where there is one. What is left over is refused.

use aws_lc_rs::digest::{SHA256, digest};
use minicbor::Decoder;

use super::{Refused, RelyingParty};

const WHAT: Refused = Refused::Malformed("authenticatorData");
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;
const AAGUID: usize = 16;
/// Longest credential id (WebAuthn 7.1, step 25).
const MOST_CREDENTIAL_ID: u16 = 1_023;

/// Authenticator data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    /// Signatures counted; 0 where it does not count.
    pub counter: u32,
    /// The new credential, when a passkey is made.
    pub credential: Option<Credential<'a>>,
}

/// A new credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// Its name.
    pub id: &'a [u8],
    /// A COSE key, as bytes of CBOR.
    pub public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Parses.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refused> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(WHAT)?;
        let ([flags], rest) = rest.split_first_chunk::<1>().ok_or(WHAT)?;
        let (counter, rest) = rest.split_first_chunk::<4>().ok_or(WHAT)?;
        let (credential, rest) = if flags & ATTESTED == 0 {
            (None, rest)
        } else {
            let (credential, rest) = attested(rest)?;
            (Some(credential), rest)
        };
        let rest = if flags & EXTENDED == 0 { rest } else { item(rest)?.1 };
        if !rest.is_empty() {
            return Err(WHAT);
        }
        let counter = u32::from_be_bytes(*counter);
        Ok(Self { rp_id_hash, flags: *flags, counter, credential })
    }

    /// For this site, by somebody present and verified, with flags that fit together. Steps 14 to 18 of 7.1, 16 to 20
    /// of 7.2.
    pub fn check(&self, party: &RelyingParty) -> Result<(), Refused> {
        let says = |flag: u8| self.flags & flag != 0;
        if self.rp_id_hash != digest(&SHA256, party.id.as_bytes()).as_ref() {
            return Err(Refused::RelyingPartyId);
        }
        if !says(USER_PRESENT) {
            return Err(Refused::UserPresence);
        }
        if !says(USER_VERIFIED) {
            return Err(Refused::UserVerification);
        }
        if says(BACKED_UP) && !says(BACKUP_ELIGIBLE) {
            return Err(Refused::Backup);
        }
        Ok(())
    }

    /// Whether the passkey may be copied to its owner's other devices. Fixed when it is made.
    pub fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}

fn attested(bytes: &[u8]) -> Result<(Credential<'_>, &[u8]), Refused> {
    let (_, rest) = bytes.split_first_chunk::<AAGUID>().ok_or(WHAT)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(WHAT)?;
    let length = u16::from_be_bytes(*length);
    if length == 0 || length > MOST_CREDENTIAL_ID {
        return Err(WHAT);
    }
    let (id, rest) = rest.split_at_checked(length.into()).ok_or(WHAT)?;
    let (public_key, rest) = item(rest)?;
    Ok((Credential { id, public_key }, rest))
}

/// The first item of CBOR, and what follows it.
fn item(bytes: &[u8]) -> Result<(&[u8], &[u8]), Refused> {
    let mut decoder = Decoder::new(bytes);
    decoder.skip().map_err(|_| WHAT)?;
    bytes.split_at_checked(decoder.position()).ok_or(WHAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty::new("https://inverters.test:8443")
    }

    fn bytes(flags: u8, rest: &[u8]) -> Vec<u8> {
        let hash = digest(&SHA256, b"inverters.test");
        [hash.as_ref(), &[flags], &7_u32.to_be_bytes(), rest].concat()
    }

    #[test]
    fn flags_are_required_and_must_fit_together() {
        for (flags, expect) in [
            (0x05, Ok(())),
            (0x0d, Ok(())),
            (0x1d, Ok(())),
            (0x04, Err(Refused::UserPresence)),
            (0x01, Err(Refused::UserVerification)),
            (0x00, Err(Refused::UserPresence)),
            (0x15, Err(Refused::Backup)),
        ] {
            let bytes = bytes(flags, &[]);
            let data = AuthenticatorData::parse(&bytes).unwrap();
            assert_eq!(data.check(&party()), expect, "{flags:#x}");
            assert_eq!(data.counter, 7);
        }
        let bytes = bytes(0x05, &[]);
        let other = RelyingParty::new("https://evil.test");
        let data = AuthenticatorData::parse(&bytes).unwrap();
        assert_eq!(data.check(&other), Err(Refused::RelyingPartyId));
    }

    #[test]
    fn every_byte_is_accounted_for() {
        let mut credential = vec![0; 16];
        credential.extend([0, 2, b'i', b'd', 0xa1, 0x01, 0x02]);
        let whole = bytes(0x45, &credential);
        let parsed = AuthenticatorData::parse(&whole).unwrap();
        let expect = Credential { id: b"id", public_key: &[0xa1, 0x01, 0x02] };
        assert_eq!(parsed.credential, Some(expect));
        for length in 0..whole.len() {
            assert_eq!(AuthenticatorData::parse(&whole[..length]), Err(WHAT), "{length} bytes");
        }
        let more = [whole.as_slice(), &[0]].concat();
        assert_eq!(AuthenticatorData::parse(&more), Err(WHAT), "something left over");
        // With extensions: one more item of CBOR, and no more than one.
        let extended = bytes(0xc5, &[credential.as_slice(), &[0xa0]].concat());
        assert!(AuthenticatorData::parse(&extended).is_ok());
        let missing = bytes(0xc5, &credential);
        assert_eq!(AuthenticatorData::parse(&missing), Err(WHAT));
        // A length that is longer than allowed, or nothing.
        for length in [[0, 0], [0x04, 0x00], [0xff, 0xff]] {
            let mut long = vec![0; 16];
            long.extend(length);
            long.extend(vec![0; 70_000]);
            assert_eq!(AuthenticatorData::parse(&bytes(0x45, &long)), Err(WHAT), "{length:?}");
        }
    }
}
