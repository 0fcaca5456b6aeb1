//! Lines of plain text.
//!
//! In: a paragraph. Out: the same in lines of at most 72 characters. A longer word, an address for example, is never
//! broken: it has its own line.

/// RFC 5322 section 2.1.1 asks for 78 at most; quoting adds some.
const WIDTH: usize = 72;

/// The paragraph in lines.
#[must_use]
pub fn wrapped(paragraph: &str) -> String {
    let mut text = String::with_capacity(paragraph.len());
    let mut width = 0;
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if width == 0 {
            width = length;
        } else if width + 1 + length > WIDTH {
            text.push('\n');
            width = length;
        } else {
            text.push(' ');
            width += 1 + length;
        }
        text.push_str(word);
    }
    text
}

/// A name and what is said of it, in lines that begin with a dash.
#[must_use]
pub fn entry(name: &str, says: &str) -> String {
    wrapped(&format!("- {name}: {says}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_no_word_is_broken() {
        let long = "https://inverters.example/".to_owned() + &"x".repeat(80);
        let text = wrapped(&format!("{} {long} end", "word ".repeat(20).trim()));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0].len(), 69);
        assert_eq!(lines[2], long);
        assert_eq!(wrapped(""), "");
    }
}
