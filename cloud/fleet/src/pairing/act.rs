//! What people do to an attempt, as the journal keeps it.
//!
//! In: an act. Out: bytes (CBOR, an array that begins with the act's number), and back; what another version wrote is an
//! error. When it was done is the journal record's received-at.

use minicbor::{Decode, Encode};

use super::AttemptKey;
use crate::AccountKey;

/// An act of a person that changes what is true of an inverter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Act {
    /// Waits for the button.
    #[n(0)]
    Claim {
        /// Which attempt.
        #[n(0)]
        attempt: AttemptKey,
        /// Whose.
        #[cbor(n(1), with = "crate::encoding::account")]
        account: AccountKey,
    },
    /// Waits no longer.
    #[n(1)]
    Cancel {
        /// Which attempt.
        #[n(0)]
        attempt: AttemptKey,
    },
}

impl Act {
    /// The bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        // Writing to memory cannot fail; were it to, `from_bytes` refuses the empty result.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The act of the bytes.
    ///
    /// # Errors
    /// They are not an act of this or an earlier version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_as_they_are_and_lead_back() {
        let check = |act: Act, hex: &str| {
            let bytes = act.to_bytes();
            let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(written, hex, "a journal of this version must be readable by the next");
            assert_eq!(Act::from_bytes(&bytes).unwrap(), act);
        };
        check(Act::Claim { attempt: AttemptKey(7), account: AccountKey(300) }, "8200820719012c");
        check(Act::Cancel { attempt: AttemptKey(7) }, "82018107");
        assert!(Act::from_bytes(&[]).is_err());
        assert!(Act::from_bytes(&[0x82, 9, 0x80]).is_err());
    }
}
