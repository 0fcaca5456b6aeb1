//! How long the hot paths take: `cargo test -p wire --release -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::time::Instant;

use wire::report::{cbor, decode, json};

use crate::strategies::everyday_report;

/// Nanoseconds of one call, the best of seven rounds.
fn nanoseconds(mut call: impl FnMut()) -> u128 {
    const CALLS: u32 = 20_000;
    let round = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        start.elapsed().as_nanos() / u128::from(CALLS)
    };
    (0..7).map(|_| round(&mut call)).min().unwrap_or(0)
}

#[test]
#[ignore = "a measurement, meaningful in release builds alone"]
fn speed() {
    let report = everyday_report();
    let (mut small, mut text) = (Vec::new(), Vec::new());
    cbor::encode(&report, &mut small);
    json::encode(&report, &mut text);
    let decode_cbor = nanoseconds(|| drop(black_box(decode(black_box(&small)))));
    let decode_json = nanoseconds(|| drop(black_box(decode(black_box(&text)))));
    let mut out = Vec::new();
    let encode_cbor = nanoseconds(|| {
        out.clear();
        cbor::encode(black_box(&report), &mut out);
    });
    println!("CBOR, {} bytes: decode {decode_cbor} ns, encode {encode_cbor} ns", small.len());
    println!("JSON, {} bytes: decode {decode_json} ns", text.len());
    assert!(decode_cbor < 2000, "{decode_cbor} ns");
}
