//! Serial streams: any split gives the same, counters add up, memory stays bounded.

use wire::mate::{Address, MateDecoder, encode_page};
use wire::native::{self, NativeDecoder};
use wire::ve_direct::VeDirectDecoder;
use wire::{Decoder, Observation, StreamCounts};

use crate::fate;

/// The native link, the input taken as the line's bytes and again as a frame's body with a good CRC. What was read is the
/// same after writing and reading it again.
pub fn native(input: &[u8]) -> u64 {
    let decoder: fn() -> Box<dyn Decoder + Send> = || Box::new(NativeDecoder::new());
    check(input, decoder, native_again) ^ check(&framed(input), decoder, native_again).rotate_left(1)
}

fn native_again(observation: &Observation) {
    let mut again = Vec::new();
    native::encode(observation, &mut again);
    let (mut back, _) = decode(Box::new(NativeDecoder::new()), &[&again]);
    if let [back] = &mut back[..] {
        // Codes may have been left out to keep the frame within its bound.
        back.sample.unknown.clone_from(&observation.sample.unknown);
    }
    assert_eq!(back, std::slice::from_ref(observation));
}

/// A frame around any body, by hand.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in body {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)));
    }
    let mut frame = vec![0];
    let content = [body, &(!crc).to_le_bytes()].concat();
    for run in content.split(|byte| *byte == 0) {
        let mut chunks = run.chunks(254).peekable();
        if chunks.peek().is_none() {
            frame.push(1);
        }
        while let Some(chunk) = chunks.next() {
            // A full stretch stands for 254 bytes without a zero behind it; the run's zero needs a stretch of its own.
            frame.push(chunk.len() as u8 + 1);
            frame.extend_from_slice(chunk);
            if chunk.len() == 254 && chunks.peek().is_none() {
                frame.push(1);
            }
        }
    }
    frame.push(0);
    frame
}

/// VE.Direct TEXT, the input taken as the line's bytes and again as a block to which a good checksum is added.
pub fn ve_direct(input: &[u8]) -> u64 {
    let decoder: fn() -> Box<dyn Decoder + Send> = || Box::new(VeDirectDecoder::new());
    let text: Vec<u8> = input.iter().copied().filter(|byte| *byte != b':').collect();
    let mut block = [&text, &b"\r\nChecksum\t"[..]].concat();
    block.push(block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg());
    check(input, decoder, |_| {}) ^ check(&block, decoder, |_| {}).rotate_left(1)
}

/// MATE pages, the input taken as the line's bytes and again as pages whose digit sums are made good.
pub fn mate(input: &[u8]) -> u64 {
    let decoder: fn() -> Box<dyn Decoder + Send> = || Box::new(MateDecoder::new(&[]));
    let mut pages = Vec::new();
    for line in String::from_utf8_lossy(input).split(['\n', '\r']) {
        let mut fields: Vec<&str> = line.split(',').collect();
        let address = fields.remove(0).chars().next().and_then(Address::from_char);
        fields.pop();
        address.into_iter().for_each(|address| encode_page(address, &fields, &mut pages));
    }
    check(input, decoder, |_| {}) ^ check(&pages, decoder, |_| {}).rotate_left(1)
}

fn check(input: &[u8], decoder: fn() -> Box<dyn Decoder + Send>, each: fn(&Observation)) -> u64 {
    let (observations, counts) = decode(decoder(), &[input]);
    // Where to split is derived from the input, so that a failure can be repeated.
    let step =
        1 + input.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)))
            % 64;
    let (split, split_counts) = decode(decoder(), &input.chunks(step).collect::<Vec<_>>());
    assert_eq!((&observations, counts), (&split, split_counts), "portions of {step} bytes");
    assert!(counts.dropped_bytes <= input.len() as u64);
    assert!(counts.good >= observations.len() as u64);
    observations.iter().for_each(each);
    let unknown = observations.iter().map(|one| one.sample.unknown.len()).max();
    let [seen, good, bad] = [observations.len() as u64, counts.good, counts.bad].map(|count| count.min(4));
    fate(&format!("{seen} {good} {bad} {unknown:?}"))
}

fn decode(mut decoder: Box<dyn Decoder + Send>, portions: &[&[u8]]) -> (Vec<Observation>, StreamCounts) {
    let mut observations = Vec::new();
    for portion in portions {
        decoder.push(portion, 0, &mut |observation| observations.push(observation));
    }
    // Buffers show in Debug with at most "255, " a byte; labels held back are bounded by their own limits.
    let held = wire::sample::MAX_UNKNOWN * wire::sample::MAX_UNKNOWN_BYTES * 10;
    assert!(format!("{decoder:?}").len() < 1024 * 5 + 8192 + held);
    decoder.flush(&mut |observation| observations.push(observation));
    let counts = decoder.counts();
    (observations, counts)
}
