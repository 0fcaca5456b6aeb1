//! libFuzzer's entry to [`fuzz::native`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::native(input);
});
