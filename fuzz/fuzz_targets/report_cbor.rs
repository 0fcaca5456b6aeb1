//! libFuzzer's entry to [`fuzz::report_cbor`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::report_cbor(input);
});
