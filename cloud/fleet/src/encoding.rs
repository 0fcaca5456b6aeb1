//! CBOR of types that have no encoding of their own, for the snapshots and the journal.
//!
//! In and out: minicbor. Never panics on foreign bytes.

/// A boot id as 16 bytes.
pub mod boot {
    use minicbor::{Decoder, Encoder};
    use wire::BootId;

    pub fn encode<C, W: minicbor::encode::Write>(
        boot: &BootId,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&boot.0)?.ok()
    }

    pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<BootId, minicbor::decode::Error> {
        let bytes = d.bytes()?;
        bytes.try_into().map(BootId).map_err(|_| minicbor::decode::Error::message("a boot id is 16 bytes"))
    }
}

/// An account's number as an integer.
pub mod account {
    use minicbor::{Decoder, Encoder};

    use crate::AccountKey;

    pub fn encode<C, W: minicbor::encode::Write>(
        account: &AccountKey,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.i64(account.0)?.ok()
    }

    pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<AccountKey, minicbor::decode::Error> {
        d.i64().map(AccountKey)
    }
}
