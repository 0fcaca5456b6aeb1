//! Writes down when the gateway was built: the floor under which no certificate's end is accepted.
//!
//! In: `SOURCE_DATE_EPOCH` (reproducible builds) or the machine's clock. Out: one environment variable for rustc.

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    #[expect(
        clippy::disallowed_methods,
        reason = "a build script, not the product: the build's time is its output"
    )]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    #[expect(clippy::disallowed_methods, reason = "a build script, not the product")]
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok()).unwrap_or(now);
    println!("cargo::rustc-env=INVERTER_GATEWAY_BUILT_AT_MS={}", seconds.saturating_mul(1000));
}
