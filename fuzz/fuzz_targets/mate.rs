//! libFuzzer's entry to [`fuzz::mate`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::mate(input);
});
