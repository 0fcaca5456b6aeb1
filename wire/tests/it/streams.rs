//! What every decoder must do, whatever it decodes.

use proptest::prelude::*;
use wire::mate::{Address, MateDecoder};
use wire::native::NativeDecoder;
use wire::ve_direct::VeDirectDecoder;
use wire::{Decoder, Observation, StreamCounts};

use crate::strategies;

/// Observations and counters of a stream pushed in portions that end at `cuts`.
pub fn decode(
    mut decoder: Box<dyn Decoder + Send>,
    bytes: &[u8],
    cuts: &[usize],
) -> (Vec<Observation>, StreamCounts) {
    let mut observations = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts {
        decoder.push(&bytes[from..cut], 0, &mut |observation| observations.push(observation));
        from = cut;
    }
    decoder.flush(&mut |observation| observations.push(observation));
    let counts = decoder.counts();
    (observations, counts)
}

pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(any::<usize>(), 0..20)
}

/// One decoder of each protocol.
pub fn decoders() -> [Box<dyn Decoder + Send>; 3] {
    [Box::new(NativeDecoder::new()), Box::new(VeDirectDecoder::new()), Box::new(MateDecoder::new(&[]))]
}

/// A good stream of each protocol, in the order of [`decoders`].
fn streams(observations: &[Observation]) -> [Vec<u8>; 3] {
    let (mut native, mut ve_direct, mut mate) = (Vec::new(), Vec::new(), Vec::new());
    for (at, observation) in observations.iter().enumerate() {
        wire::native::encode(observation, &mut native);
        let volts = format!("{}", 12_000 + at);
        wire::ve_direct::encode(&[("MODE", "2"), ("CS", "9"), ("V", &volts), ("AR", "0")], &mut ve_direct);
        ve_direct.extend_from_slice(b":7F0ED009698\n");
        let volts = format!("{:03}", at % 1000);
        let fields = ["00", "00", "00", "119", "000", "00", "02", "000", "01", &volts, "008", "000"];
        wire::mate::encode_page(Address::from_char('1').unwrap(), &fields, &mut mate);
    }
    [native, ve_direct, mate]
}

/// Bytes that make decoders stumble: their own marks among anything.
pub fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let marks = b"\0\r\n:\tChecksum,0Aa1".to_vec();
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(marks)];
    proptest::collection::vec(byte, 0..400)
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        observations in proptest::collection::vec(strategies::observation(), 1..6),
        noise in garbage(), at in any::<usize>(), cuts in cuts(),
    ) {
        for (index, mut stream) in streams(&observations).into_iter().enumerate() {
            let at = at % (stream.len() + 1);
            stream.splice(at..at, noise.iter().copied());
            let [whole, split, bytewise] = [&[][..], &cuts, &(0..stream.len()).collect::<Vec<_>>()]
                .map(|cuts| decode(decoders().into_iter().nth(index).unwrap(), &stream, cuts));
            prop_assert_eq!(&whole, &split);
            prop_assert_eq!(&whole, &bytewise);
        }
    }

    #[test]
    fn after_garbage_the_stream_is_found_again(
        noise in garbage(), observations in proptest::collection::vec(strategies::observation(), 4..6),
    ) {
        for (index, stream) in streams(&observations).into_iter().enumerate() {
            let bytes = [noise.clone(), stream].concat();
            let (_, counts) = decode(decoders().into_iter().nth(index).unwrap(), &bytes, &[]);
            // The first frame after the noise may be lost with it, a VE.Direct block too many when the noise held a
            // checksum label.
            prop_assert!(counts.good + 2 >= observations.len() as u64, "{index}: {counts:?}");
        }
    }

    #[test]
    fn garbage_is_counted_and_costs_no_memory(noise in garbage()) {
        for mut decoder in decoders() {
            let mut seen = 0_u64;
            for _ in 0..40 {
                decoder.push(&noise, 0, &mut |_| seen += 1);
                // Buffers show in Debug, at most "255, " a byte.
                let shown = format!("{decoder:?}").len();
                prop_assert!(shown < 1024 * 5 + 4096, "{} bytes", shown);
            }
            let counts = decoder.counts();
            prop_assert!(counts.good >= seen);
            prop_assert!(counts.dropped_bytes <= 40 * noise.len() as u64);
        }
    }
}

/// Every single bit of a good stream flipped: a wrong reading never comes out, and the frames around the flip do.
#[test]
fn no_flipped_bit_makes_a_wrong_reading() {
    let observations: Vec<_> = (0..3_u64)
        .map(|sequence| Observation { sequence: Some(sequence), boot: Some(7), ..Observation::default() })
        .collect();
    for (index, stream) in streams(&observations).into_iter().enumerate() {
        let decoder = || decoders().into_iter().nth(index).unwrap();
        let (truth, counts) = decode(decoder(), &stream, &[]);
        assert_eq!((counts.good, counts.bad), (3, 0));
        for bit in 0..stream.len() * 8 {
            let mut flipped = stream.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (seen, counts) = decode(decoder(), &flipped, &[]);
            assert!(seen.iter().all(|one| truth.contains(one)), "stream {index}, bit {bit}: {seen:?}");
            assert!(counts.good >= 1, "stream {index}, bit {bit}: {counts:?}");
            // Flips in a HEX frame of VE.Direct, the stream in the middle, need not cost a block.
            assert!(counts.good < 3 || index == 1, "stream {index}, bit {bit} passed: {counts:?}");
        }
    }
}
