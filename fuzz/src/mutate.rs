//! Changes good inputs at random, by a seed: bits, bytes, stretches, splices of two.
//!
//! In: inputs to begin from. Out: a changed one. The same seed gives the same run.

/// SplitMix64 (Steele, Lea, Flood 2014) and what it is used for.
pub struct Mutator(u64);

/// Bytes on which parsers turn.
const INTERESTING: &[u8] =
    b"\x00\x01\x17\x18\x1b\x20\x3b\x40\x5f\x60\x7f\x80\x9f\xa0\xbf\xc1\xf5\xf9\xfb\xff\r\n\t:,{}[]\"\\0-.eN";

/// Longest input.
const MOST_BYTES: usize = 8192;

impl Mutator {
    pub fn new(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(seed, |state, byte| state.wrapping_mul(257).wrapping_add(u64::from(byte))))
    }

    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random() % bound.max(1) as u64) as usize
    }

    /// A changed copy of one of `kept`.
    pub fn next(&mut self, kept: &[Vec<u8>]) -> Vec<u8> {
        let mut input = kept[self.below(kept.len())].clone();
        for _ in 0..1 + self.below(4) {
            let other = self.below(kept.len());
            self.change(&mut input, &kept[other]);
        }
        input.truncate(MOST_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        let byte = INTERESTING[self.below(INTERESTING.len())];
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.random() as u8,
            2 if at < input.len() => input[at] = byte,
            3 => input.insert(at, byte),
            4 => drop(input.drain(at..end)),
            5 => {
                let stretch = input[at..end].to_vec();
                let times = 1 + self.below(40);
                input.splice(at..at, stretch.repeat(times));
            }
            6 => input.truncate(at),
            7 => {
                let from = self.below(other.len() + 1);
                let to = (from + self.below(64)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                input.truncate(at);
                input.extend_from_slice(&other[self.below(other.len() + 1)..]);
            }
        }
    }
}
