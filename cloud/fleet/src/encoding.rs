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

/// The record that told of something, as an array of its gateway start and its number, either absent.
pub mod cause {
    use minicbor::{Decoder, Encoder};
    use wire::BootId;

    use crate::event::Cause;

    pub fn encode<C, W: minicbor::encode::Write>(
        cause: &Cause,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(2)?;
        match cause.boot {
            Some(boot) => e.bytes(&boot.0)?,
            None => e.null()?,
        };
        e.encode(cause.sequence)?.ok()
    }

    pub fn decode<C>(d: &mut Decoder<'_>, c: &mut C) -> Result<Cause, minicbor::decode::Error> {
        if d.array()? != Some(2) {
            return Err(minicbor::decode::Error::message("a cause is an array of two"));
        }
        let boot = if d.datatype()? == minicbor::data::Type::Null {
            d.null()?;
            None
        } else {
            let bytes = d.bytes()?.try_into().map(BootId);
            Some(bytes.map_err(|_| minicbor::decode::Error::message("a boot id is 16 bytes"))?)
        };
        Ok(Cause { boot, sequence: d.decode_with(c)? })
    }
}
