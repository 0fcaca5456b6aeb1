//! Reports: what was read once is the same after writing and reading it again, in both formats.

use wire::report::{MAX_PACKET_BYTES, MAX_RECORDS, cbor, json};
use wire::{Report, ReportError};

use crate::fate;

/// CBOR. Times outside the years 1 to 9999 have no JSON, so only CBOR is written again.
pub fn report_cbor(input: &[u8]) -> u64 {
    check(input, cbor::decode(input), |report| same(report, cbor::encode, cbor::decode))
}

/// JSON, written again in both formats.
pub fn report_json(input: &[u8]) -> u64 {
    check(input, json::decode(input), |report| {
        same(report, json::encode, json::decode);
        same(report, cbor::encode, cbor::decode);
    })
}

fn check(input: &[u8], result: Result<Report, ReportError>, same: fn(&Report)) -> u64 {
    match result {
        Ok(report) => {
            assert!(report.readings.len() + report.events.len() <= MAX_RECORDS);
            for reading in &report.readings {
                assert!(reading.sample.unknown.len() <= wire::sample::MAX_UNKNOWN);
                assert!(
                    reading.sample.unknown.iter().all(|text| text.len() <= wire::sample::MAX_UNKNOWN_BYTES)
                );
            }
            same(&report);
            fate(&format!("{} {}", report.readings.len(), report.events.len()))
        }
        Err(error) => {
            assert!(error.offset <= input.len() + 1, "{error}");
            // The beginning of the problem; the rest may quote the input.
            fate(&format!("{} {:.20}", error.key, error.problem))
        }
    }
}

fn same(
    report: &Report,
    encode: fn(&Report, &mut Vec<u8>),
    decode: fn(&[u8]) -> Result<Report, ReportError>,
) {
    let mut bytes = Vec::new();
    encode(report, &mut bytes);
    if bytes.len() <= MAX_PACKET_BYTES {
        assert_eq!(decode(&bytes).as_ref(), Ok(report), "{}", String::from_utf8_lossy(&bytes));
    }
}
