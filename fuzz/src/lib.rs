//! One function per parser: it must survive any input and keep the promises that the parser documents.
//!
//! In: any bytes. Out: a small number that tells inputs with different fates apart, so that the smoke run can keep the
//! interesting ones. A broken promise is a panic. Used by `src/main.rs` (stable) and `fuzz_targets/` (libFuzzer).
#![forbid(unsafe_code)]

mod mqtt;
mod report;
pub mod samples;
mod stream;

pub use mqtt::{mqtt_client, mqtt_server};
pub use report::{report_cbor, report_json};
pub use stream::{mate, native, ve_direct};

/// A target by name, with good inputs to begin from.
#[derive(Debug)]
pub struct Target {
    /// The name, also of the file in `fuzz_targets/`.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]) -> u64,
    /// Good inputs.
    pub samples: fn() -> Vec<Vec<u8>>,
}

/// Every target. A new parser is one line here, one function, one file in `fuzz_targets/`.
pub static TARGETS: &[Target] = &[
    Target { name: "report_cbor", run: report_cbor, samples: samples::report_cbor },
    Target { name: "report_json", run: report_json, samples: samples::report_json },
    Target { name: "native", run: native, samples: samples::native },
    Target { name: "ve_direct", run: ve_direct, samples: samples::ve_direct },
    Target { name: "mate", run: mate, samples: samples::mate },
    Target { name: "mqtt_server", run: mqtt_server, samples: samples::mqtt_server },
    Target { name: "mqtt_client", run: mqtt_client, samples: samples::mqtt_client },
];

/// A stable hash of what happened.
fn fate(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
