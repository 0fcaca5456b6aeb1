//! Strings, topic names and topic filters: which code points and wildcards may stand where.
//!
//! In: bytes of a string without its length. Out: text, or the rule it breaks. The specifications leave control
//! characters and non-characters to the receiver (SHOULD NOT be sent, MAY close); we close.

use super::Refusal;

/// Checks a UTF-8 string (3.1.1 §1.5.3, 5.0 §1.5.4).
pub(super) fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    let text = core::str::from_utf8(bytes).map_err(|_| Refusal::UTF8_MALFORMED)?;
    if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return Ok(text);
    }
    for character in text.chars() {
        match u32::from(character) {
            0 => return Err(Refusal::UTF8_NULL),
            0x01..=0x1f | 0x7f..=0x9f => return Err(Refusal::UTF8_CONTROL),
            0xfdd0..=0xfdef => return Err(Refusal::UTF8_NON_CHARACTER),
            code if code & 0xfffe == 0xfffe => return Err(Refusal::UTF8_NON_CHARACTER),
            _ => {}
        }
    }
    Ok(text)
}

/// Checks a topic name that stands without an alias.
pub(super) fn topic_name(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::TOPIC_EMPTY);
    }
    if name.bytes().any(|byte| matches!(byte, b'+' | b'#')) {
        return Err(Refusal::TOPIC_WILDCARD);
    }
    Ok(())
}

/// Checks a topic filter: `#` alone in the last level, `+` alone in its level.
pub(super) fn topic_filter(filter: &str) -> Result<(), Refusal> {
    if filter.is_empty() {
        return Err(Refusal::TOPIC_FILTER);
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let wild = level.bytes().any(|byte| matches!(byte, b'+' | b'#'));
        let good = match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            _ => !wild,
        };
        if !good {
            return Err(Refusal::TOPIC_FILTER);
        }
    }
    Ok(())
}

/// Checks `$share/name/filter` (5.0 §4.8.2); says whether the filter is a shared one.
pub(super) fn share(filter: &str) -> Result<bool, Refusal> {
    let Some(rest) = filter.strip_prefix("$share/") else {
        return if filter == "$share" { Err(Refusal::SHARE_NAME) } else { Ok(false) };
    };
    match rest.split_once('/') {
        Some((name, inner))
            if !name.is_empty()
                && !inner.is_empty()
                && !name.bytes().any(|byte| matches!(byte, b'+' | b'#')) =>
        {
            Ok(true)
        }
        _ => Err(Refusal::SHARE_NAME),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_that_may_not_stand_in_a_string() {
        let check = |bytes: &[u8], expect: Result<(), Refusal>| {
            assert_eq!(text(bytes).map(|_| ()), expect, "{bytes:x?}")
        };
        check(b"", Ok(()));
        check("A\u{2a6d4}".as_bytes(), Ok(()));
        check("\u{feff}x\u{a0}".as_bytes(), Ok(()));
        check(b"a\0b", Err(Refusal::UTF8_NULL));
        check(b"\xc0\x80", Err(Refusal::UTF8_MALFORMED));
        check(b"\xed\xa0\x80", Err(Refusal::UTF8_MALFORMED));
        check(b"\xff", Err(Refusal::UTF8_MALFORMED));
        for control in (1..=0x1f).chain(0x7f..=0x9f) {
            let mut buffer = [0; 4];
            let character = char::from_u32(control).unwrap();
            check(character.encode_utf8(&mut buffer).as_bytes(), Err(Refusal::UTF8_CONTROL));
        }
        for code in [0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1_fffe, 0x10_ffff] {
            let mut buffer = [0; 4];
            let character = char::from_u32(code).unwrap();
            check(character.encode_utf8(&mut buffer).as_bytes(), Err(Refusal::UTF8_NON_CHARACTER));
        }
    }

    #[test]
    fn wildcards_stand_alone_in_their_level() {
        for good in ["a", "/", "+", "#", "a/#", "+/a/+", "/+", "a//b", "$SYS/#"] {
            assert_eq!(topic_filter(good), Ok(()), "{good}");
        }
        for bad in ["", "a#", "#/a", "a/#/b", "a+", "+a", "a/b+/c", "##", "++"] {
            assert_eq!(topic_filter(bad), Err(Refusal::TOPIC_FILTER), "{bad}");
        }
    }

    #[test]
    fn shared_filters_have_a_name_and_a_filter() {
        assert_eq!(share("a/b"), Ok(false));
        assert_eq!(share("$share/g/a"), Ok(true));
        for bad in ["$share", "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#/a"] {
            assert_eq!(share(bad), Err(Refusal::SHARE_NAME), "{bad}");
        }
    }
}
