//! The examples of `docs/wire` are read by the decoders they describe.
