//! libFuzzer's entry to [`fuzz::mqtt_client`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::mqtt_client(input);
});
