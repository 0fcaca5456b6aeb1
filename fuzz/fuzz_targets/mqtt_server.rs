//! libFuzzer's entry to [`fuzz::mqtt_server`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::mqtt_server(input);
});
