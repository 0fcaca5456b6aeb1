//! Strings and properties that are wrong wherever they stand.

use wire::mqtt::Refusal;

use super::bytes::text;

pub(super) type BadText = (&'static [u8], Refusal, &'static str, &'static str);

/// Strings that may not stand anywhere, with their rules in both specifications.
pub(super) fn bad_texts() -> Vec<BadText> {
    const MALFORMED: [&[u8]; 10] = [
        b"\x80",
        b"a\xff",
        b"a\xc3",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"to\xed\xa0\x80p",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
    ];
    const NULLS: [&[u8]; 3] = [b"\0", b"top\0", b"\0\0\0"];
    const CONTROLS: [&[u8]; 6] = [b"\x01", b"top\x1f", b"a\nb", b"\x7f", b"\xc2\x80", b"to\xc2\x9fp"];
    const NON_CHARACTERS: [&[u8]; 5] =
        [b"\xef\xbf\xbf", b"a\xef\xbf\xbe", b"\xef\xb7\x90", b"\xf0\x9f\xbf\xbf", b"\xf4\x8f\xbf\xbf"];
    let rows = |texts: &'static [&'static [u8]], refusal, v311, v5| {
        texts.iter().map(move |text| (*text, refusal, v311, v5))
    };
    rows(&MALFORMED, Refusal::UTF8_MALFORMED, "MQTT-1.5.3-1", "MQTT-1.5.4-1")
        .chain(rows(&NULLS, Refusal::UTF8_NULL, "MQTT-1.5.3-2", "MQTT-1.5.4-2"))
        .chain(rows(&CONTROLS, Refusal::UTF8_CONTROL, "v3.1.1 §1.5.3", "v5.0 §1.5.4"))
        .chain(rows(&NON_CHARACTERS, Refusal::UTF8_NON_CHARACTER, "v3.1.1 §1.5.3", "v5.0 §1.5.4"))
        .collect()
}

pub(super) type BadProperty = (String, &'static str, Refusal, Vec<u8>);

/// Property identifiers of section 2.2.2.2 with a value of each one's type.
pub(super) const PROPERTIES: &[(u8, &[u8])] = &[
    (0x01, &[1]),
    (0x02, &[0, 0, 0, 9]),
    (0x03, &[0, 1, b'a']),
    (0x08, &[0, 1, b'a']),
    (0x09, &[0, 1, b'a']),
    (0x0b, &[1]),
    (0x11, &[0, 0, 0, 0]),
    (0x12, &[0, 1, b'a']),
    (0x13, &[0, 9]),
    (0x15, &[0, 1, b'a']),
    (0x16, &[0, 1, b'a']),
    (0x17, &[1]),
    (0x18, &[0, 0, 0, 9]),
    (0x19, &[1]),
    (0x1a, &[0, 1, b'a']),
    (0x1c, &[0, 1, b'a']),
    (0x1f, &[0, 1, b'a']),
    (0x21, &[0, 9]),
    (0x22, &[0, 9]),
    (0x23, &[0, 1]),
    (0x24, &[1]),
    (0x25, &[1]),
    (0x26, &[0, 1, b'a', 0, 1, b'b']),
    (0x27, &[0, 0, 1, 0]),
    (0x28, &[1]),
    (0x29, &[1]),
    (0x2a, &[1]),
];

/// Values that a property may not have.
pub(super) const BAD_VALUES: &[(u8, &[u8], &str)] = &[
    (0x01, &[2], "v5.0 §3.3.2.3.2"),
    (0x01, &[255], "v5.0 §3.3.2.3.2"),
    (0x0b, &[0], "v5.0 §3.8.2.1.2"),
    (0x17, &[2], "v5.0 §3.1.2.11"),
    (0x17, &[255], "v5.0 §3.1.2.11"),
    (0x19, &[2], "v5.0 §3.1.2.11"),
    (0x19, &[255], "v5.0 §3.1.2.11"),
    (0x21, &[0, 0], "v5.0 §3.1.2.11"),
    (0x27, &[0, 0, 0, 0], "v5.0 §3.1.2.11"),
];

/// Property fields that a packet may not carry, which may carry those of `place`.
pub(super) fn bad_properties(place: &[u8]) -> Vec<BadProperty> {
    let mut bad: Vec<BadProperty> = Vec::new();
    let field = |id: u8, value: &[u8]| [&[id], value].concat();
    for (id, value) in PROPERTIES {
        let name = format!("{id:02x}");
        if !place.contains(id) {
            let refusal = Refusal::PROPERTY_NOT_ALLOWED;
            bad.push((format!("{name} elsewhere"), "v5.0 §2.2.2.2", refusal, field(*id, value)));
            continue;
        }
        if *id != 0x26 {
            let twice = [field(*id, value), field(*id, value)].concat();
            bad.push((format!("{name} twice"), "v5.0 §2.2.2.2", Refusal::PROPERTY_DUPLICATE, twice));
        }
        for cut in 0..value.len() {
            let cut_off = field(*id, &value[..cut]);
            let name = format!("{name} cut after {cut}");
            bad.push((name, "v5.0 §2.2.2.1", Refusal::PROPERTY_LENGTH, cut_off));
        }
    }
    for (id, value, ids) in BAD_VALUES.iter().filter(|row| place.contains(&row.0)) {
        bad.push((format!("{id:02x} is {value:?}"), ids, Refusal::PROPERTY_VALUE, field(*id, value)));
    }
    let known: Vec<u8> = PROPERTIES.iter().map(|row| row.0).collect();
    for id in (0..=0x7f).filter(|id| !known.contains(id)) {
        bad.push((
            format!("{id:02x} unknown"),
            "v5.0 §2.2.2.2",
            Refusal::PROPERTY_UNKNOWN,
            field(id, &[0, 0]),
        ));
    }
    let far = vec![0x80, 0x01, 0];
    bad.push(("identifier of two bytes".into(), "v5.0 §2.2.2.2", Refusal::PROPERTY_UNKNOWN, far));
    let padded = vec![0xa6, 0x00, 0, 1, b'a', 0, 1, b'b'];
    bad.push(("padded identifier".into(), "MQTT-1.5.5-1", Refusal::INTEGER_NOT_MINIMAL, padded));
    let endless = vec![0xff, 0xff, 0xff, 0xff, 0x7f];
    bad.push(("identifier of five bytes".into(), "v5.0 §1.5.5", Refusal::INTEGER_TOO_LONG, endless));
    for (text_id, (value, refusal, _, ids)) in [0x26, 0x03, 0x08, 0x15, 0x1f]
        .into_iter()
        .filter(|id| place.contains(id))
        .flat_map(|id| bad_texts().into_iter().map(move |text| (id, text)))
    {
        let mut first = field(text_id, &text(value));
        if text_id == 0x26 {
            first.extend(text(b"v"));
            let mut second = field(0x26, &text(b"n"));
            second.extend(text(value));
            bad.push((format!("user property value {value:02x?}"), ids, refusal, second));
        }
        bad.push((format!("{text_id:02x} {value:02x?}"), ids, refusal, first));
    }
    bad
}

pub(super) type BadLength = (&'static str, &'static str, Refusal, Vec<u8>);

/// Property lengths that are wrong whatever follows, for a packet that ends within 100 bytes.
pub(super) fn bad_property_lengths() -> Vec<BadLength> {
    vec![
        ("beyond the packet", "v5.0 §2.2.2.1", Refusal::PROPERTY_LENGTH, vec![100]),
        ("far beyond the packet", "v5.0 §2.2.2.1", Refusal::PROPERTY_LENGTH, vec![0xff, 0xff, 0xff, 0x7f]),
        ("padded", "MQTT-1.5.5-1", Refusal::INTEGER_NOT_MINIMAL, vec![0x80, 0x00]),
        ("padded more", "MQTT-1.5.5-1", Refusal::INTEGER_NOT_MINIMAL, vec![0x80, 0x80, 0x80, 0x00]),
        ("five bytes", "v5.0 §1.5.5", Refusal::INTEGER_TOO_LONG, vec![0x80, 0x80, 0x80, 0x80, 0x01]),
    ]
}
