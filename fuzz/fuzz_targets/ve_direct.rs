//! libFuzzer's entry to [`fuzz::ve_direct`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::ve_direct(input);
});
