//! Logbooks as files: whoever changes, takes out, swaps or adds anything is found, and where is said.

use fleet::logbook::{
    Checkpoint, Closing, Finding, Flaw, Hash, Inverter, Note, Opening, Place, Signer, Verdict, Verifier,
    What, open, seal,
};
use proptest::prelude::*;
use wire::UtcMs;

const BOOK: &str = "00112233445566778899aabbccddeeff";
const AT: UtcMs = UtcMs(1_800_000_000_000);

fn signer() -> Signer {
    Signer::from_seed(&[5; 32]).unwrap()
}

fn note(number: u64) -> What {
    What::Note(Note {
        about: format!("test/{number}"),
        text: "Changed the fuse".to_owned(),
        by: "Ann".to_owned(),
    })
}

/// A file of `entries`, of which the first `gone` went.
fn file(entries: u64, gone: u64) -> Vec<String> {
    let signer = signer();
    let (book, organization) = (BOOK.to_owned(), "Pier 4".to_owned());
    let opening = Opening { book: book.clone(), organization, begun_at: AT, years: 5, made_at: AT };
    let mut lines = vec![seal(&opening, &signer).unwrap()];
    let mut place = Place::first(book.clone());
    for number in 1..=entries {
        let inverter = Inverter { serial: "2311-0042".to_owned(), ..Inverter::default() };
        let line = place.append(inverter, note(number), None, AT, &signer).unwrap();
        if number == gone {
            let (last, hash) = (place.last, place.hash);
            let gone = Checkpoint { book: book.clone(), last, hash, before: AT, gone_at: AT };
            lines.push(seal(&gone, &signer).unwrap());
        } else if number > gone {
            lines.push(line);
        }
    }
    lines.push(seal(&Closing { book, last: place.last, hash: place.hash, made_at: AT }, &signer).unwrap());
    lines
}

fn verify<Line: AsRef<[u8]>>(lines: impl IntoIterator<Item = Line>) -> Verdict {
    let mut verifier = Verifier::new(vec![signer().public().fingerprint()]);
    lines.into_iter().for_each(|line| verifier.line(line.as_ref()));
    verifier.finish()
}

fn findings(lines: &[String]) -> Vec<String> {
    verify(lines).findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_file_holds_with_its_years_that_went_or_without() {
    for (entries, gone) in [(0, 0), (1, 0), (20, 0), (20, 7), (7, 7)] {
        let verdict = verify(file(entries, gone));
        assert!(verdict.holds(), "{entries} {gone}: {:?}", verdict.findings);
        assert_eq!(verdict.entries, entries - gone);
        assert_eq!(verdict.checkpoint.map_or(0, |checkpoint| checkpoint.last), gone);
        assert_eq!(verdict.closing.unwrap().last, entries);
        assert_eq!(verdict.opening.unwrap().organization, "Pier 4");
        assert_eq!(verdict.keys.len(), 1);
    }
}

#[test]
fn what_is_wrong_is_said_by_its_place() {
    // Line 1 is the opening: entry n is line n + 1, at the index n.
    let whole = file(20, 0);
    let check = |change: fn(&mut Vec<String>), expect: &[&str]| {
        let mut lines = whole.clone();
        change(&mut lines);
        assert_eq!(findings(&lines), expect);
    };
    check(
        |lines| lines[17] = lines[17].replace("fuse", "lamp"),
        &["line 18 was changed after it was signed (by its place, entry 17)"],
    );
    check(|lines| drop(lines.remove(17)), &["entry 17 is missing"]);
    check(|lines| drop(lines.drain(5..9)), &["entries 5 to 8 are missing"]);
    check(|lines| lines.swap(17, 18), &["entry 17 stands after entry 18"]);
    check(|lines| lines.insert(18, lines[17].clone()), &["entry 17 is there more than once (line 19)"]);
}

#[test]
fn an_end_or_a_beginning_that_was_cut_off_is_missed() {
    let whole = file(20, 0);
    assert_eq!(
        findings(&whole[..15]),
        ["the end is missing: there is no closing line, so entries after 14 may have been there"]
    );
    let mut cut = whole.clone();
    cut.drain(15..21);
    assert_eq!(findings(&cut), ["entries 15 to 20 are missing"]);
    assert_eq!(findings(&whole[1..]), ["the beginning is missing: there is no opening line"]);
    let later = file(20, 7);
    let mut without = later.clone();
    without.remove(1);
    assert_eq!(findings(&without), ["entries 1 to 7 are missing"]);
    let mut broken = whole.clone();
    broken[21].replace_range(30..31, "x");
    assert_eq!(verify(&broken).findings.len(), 2, "{:?}", findings(&broken));
    assert_eq!(findings(&[]), ["the file is empty"]);
}

#[test]
fn another_key_is_a_forger_unless_it_was_named() {
    let forger = Signer::from_seed(&[6; 32]).unwrap();
    let mut lines = file(3, 0);
    // Who forges one entry can follow the chain, and not sign.
    let mut place = Place { book: BOOK.to_owned(), last: 1, hash: Hash::of(lines[1].as_bytes()) };
    lines[2] = place.append(Inverter::default(), note(2), None, AT, &forger).unwrap();
    let key = forger.public().fingerprint();
    assert_eq!(verify(&lines).findings[0], Finding::Foreign { line: 3, key });
    let mut anybody = Verifier::new(Vec::new());
    lines.iter().for_each(|line| anybody.line(line.as_bytes()));
    let verdict = anybody.finish();
    assert_eq!(verdict.findings, [Finding::Chain { number: 3 }], "even where nobody says whose key it is");
    assert_eq!(
        verdict.keys.iter().map(|used| used.entries).collect::<Vec<_>>(),
        [Some((1, 3)), Some((2, 2))]
    );
}

#[test]
fn entries_of_another_logbook_or_an_older_chain_do_not_pass() {
    let mut lines = file(3, 0);
    let signer = signer();
    let mut place = Place { book: "another".to_owned(), last: 1, hash: Hash::of(lines[1].as_bytes()) };
    lines[2] = place.append(Inverter::default(), note(2), None, AT, &signer).unwrap();
    assert_eq!(verify(&lines).findings, [Finding::OtherBook { line: 3 }]);
    let mut lines = file(3, 0);
    let mut place = Place { book: BOOK.to_owned(), last: 1, hash: Hash::NONE };
    lines[2] = place.append(Inverter::default(), note(2), None, AT, &signer).unwrap();
    assert_eq!(verify(&lines).findings, [Finding::Chain { number: 2 }, Finding::Chain { number: 3 }]);
}

#[test]
fn an_entry_alone_holds_alone() {
    let lines = file(5, 0);
    let verdict = verify([&lines[3]]);
    assert!(verdict.holds(), "{:?}", verdict.findings);
    assert_eq!(verdict.alone.unwrap().number, 3);
    let verdict = verify([lines[3].replace("fuse", "lamp")]);
    assert!(!verdict.holds() && verdict.alone.is_none());
    assert_eq!(verdict.findings[0], Finding::Line { line: 1, entry: None, flaw: Flaw::Signature });
    assert!(!verify(&lines[3..5]).holds(), "two are a part of a file");
}

#[test]
fn what_a_key_signs_is_read_back() {
    let lines = file(2, 0);
    let opened = open(lines[2].as_bytes()).unwrap();
    let entry: fleet::logbook::Entry = opened.says().unwrap().unwrap();
    assert_eq!((entry.number, entry.previous), (2, Hash::of(lines[1].as_bytes())));
    assert_eq!(entry.what, note(2));
    assert_eq!(opened.says::<Opening>(), Ok(None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// ASVS 5.0: 11.4.3.
    #[test]
    fn any_changed_byte_is_found(gone in 0_u64..4, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let lines = file(6, gone);
        let mut bytes = lines.join("\n").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let verdict = verify(bytes.split(|byte| *byte == b'\n'));
        prop_assert!(!verdict.holds(), "byte {at}");
    }

    #[test]
    fn any_line_taken_out_swapped_or_doubled_is_found(
        gone in 0_u64..4, one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
    ) {
        let lines = file(6, gone);
        let (one, other) = (one.index(lines.len()), other.index(lines.len()));
        let mut without = lines.clone();
        without.remove(one);
        prop_assert!(!verify(&without).holds(), "without line {one}");
        let mut doubled = lines.clone();
        doubled.insert(other, lines[one].clone());
        prop_assert!(!verify(&doubled).holds(), "line {one} again at {other}");
        if one != other {
            let mut swapped = lines.clone();
            swapped.swap(one, other);
            prop_assert!(!verify(&swapped).holds(), "{one} and {other} swapped");
        }
    }

    #[test]
    fn whatever_comes_nothing_breaks(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40)) {
        prop_assert!(!verify(&lines).holds());
    }

    /// Whoever has a key of their own can sign any number.
    #[test]
    fn no_number_breaks_it(numbers in prop::collection::vec(any::<u64>(), 1..8), last in any::<u64>()) {
        let signer = signer();
        let mut lines = vec![file(0, 0).remove(0)];
        for number in numbers {
            let mut place = Place { book: BOOK.to_owned(), last: number.saturating_sub(1), hash: Hash::NONE };
            lines.push(place.append(Inverter::default(), note(1), None, AT, &signer).unwrap());
        }
        let closing = Closing { book: BOOK.to_owned(), last, hash: Hash::NONE, made_at: AT };
        lines.push(seal(&closing, &signer).unwrap());
        let _ = verify(&lines);
    }
}
