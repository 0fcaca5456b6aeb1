//! A Rust file with its comments and literals blanked, so that a search finds code only.
//! In: a file. Out: its lines, its code lines, which of them are tests, and its functions' lengths.
//! Never parses more of Rust than that: a scanner that counts braces is enough to measure.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One file, measured.
pub struct Source {
    /// Path below the workspace's root.
    pub path: PathBuf,
    /// Lines with comments, strings and characters replaced by spaces.
    pub code: Vec<String>,
    /// The first line (from 0) of the file's `#[cfg(test)] mod`, or its length.
    pub tests_from: usize,
    /// Functions with the line they start on (from 1) and how many lines they span.
    pub functions: Vec<Function>,
}

/// One function's place and size.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both counted.
    pub lines: usize,
}

impl Source {
    /// Reads and measures `path` below `root`.
    pub fn read(root: &Path, path: &Path) -> Result<Self> {
        let full = root.join(path);
        let text = std::fs::read_to_string(&full).with_context(|| format!("reading {}", full.display()))?;
        Ok(Self::measure(path.to_path_buf(), &text))
    }

    fn measure(path: PathBuf, text: &str) -> Self {
        let blanked = blank(text);
        let code: Vec<String> = blanked.lines().map(str::to_owned).collect();
        let tests_from = code
            .windows(2)
            .position(
                |pair| matches!(pair, [cfg, next] if cfg.trim() == "#[cfg(test)]" && next.contains("mod ")),
            )
            .unwrap_or(code.len());
        let functions = functions(&blanked);
        Self { path, code, tests_from, functions }
    }

    /// Whether the whole file is test, example or fuzz code by where it lies.
    pub fn is_test(&self) -> bool {
        let parts: Vec<_> = self.path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        let test_folder =
            parts.iter().any(|part| matches!(&**part, "tests" | "examples" | "benches" | "fuzz"));
        test_folder
            || parts.last().is_some_and(|name| name.ends_with("tests.rs") || name.ends_with("test.rs"))
    }

    /// The product's lines with their numbers from 1; none for a test file.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let until = if self.is_test() { 0 } else { self.tests_from };
        self.code.iter().take(until).enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }
}

/// Whether `name` stands in `line` and is not part of a longer name. What a name ends with other than a letter, a digit
/// or `_` needs no boundary.
pub fn has_word(line: &str, name: &str) -> bool {
    let ends_open = name.chars().next_back().is_some_and(word);
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|text| text.chars().next());
        !(before.is_some_and(word) || ends_open && after.is_some_and(word))
    })
}

/// Replaces comments and literals by spaces; line breaks stay.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut index = 0;
    while index < characters.len() {
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => line_end(&characters, index),
            ('/', '*') => block_end(&characters, index),
            ('"', _) => string_end(&characters, index),
            ('r', '"' | '#') if !word(at(index.wrapping_sub(1))) => raw_string_end(&characters, index),
            ('\'', '\\') => quote_end(&characters, index + 2),
            ('\'', _) if at(index + 2) == '\'' => index + 3,
            _ => index,
        };
        if end == index {
            out.push(at(index));
            index += 1;
        }
        for character in characters.iter().take(end).skip(index) {
            out.push(if *character == '\n' { '\n' } else { ' ' });
        }
        index = index.max(end);
    }
    out
}

fn word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn line_end(characters: &[char], from: usize) -> usize {
    position(characters, from, |character| character == '\n').unwrap_or(characters.len())
}

fn quote_end(characters: &[char], from: usize) -> usize {
    position(characters, from + 1, |character| character == '\'').map_or(characters.len(), |index| index + 1)
}

fn position(characters: &[char], from: usize, wanted: impl Fn(char) -> bool) -> Option<usize> {
    characters.iter().skip(from).position(|&character| wanted(character)).map(|offset| from + offset)
}

fn block_end(characters: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = from;
    while index < characters.len() {
        match characters.get(index..index + 2) {
            Some(['/', '*']) => (depth, index) = (depth + 1, index + 2),
            Some(['*', '/']) => (depth, index) = (depth.saturating_sub(1), index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            return index;
        }
    }
    characters.len()
}

fn string_end(characters: &[char], from: usize) -> usize {
    let mut index = from + 1;
    while let Some(&character) = characters.get(index) {
        match character {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    characters.len()
}

/// `r"…"` and `r#"…"#`; a raw identifier (`r#type`) is no string and ends where it starts.
fn raw_string_end(characters: &[char], from: usize) -> usize {
    let hashes = characters.iter().skip(from + 1).take_while(|&&character| character == '#').count();
    if characters.get(from + 1 + hashes) != Some(&'"') {
        return from;
    }
    let mut index = from + 2 + hashes;
    while index < characters.len() {
        let closes = characters.get(index) == Some(&'"')
            && characters.iter().skip(index + 1).take(hashes).filter(|&&character| character == '#').count()
                == hashes;
        index += 1;
        if closes {
            return index + hashes;
        }
    }
    characters.len()
}

/// Finds each `fn name … { … }` in blanked text.
fn functions(blanked: &str) -> Vec<Function> {
    let lines: Vec<&str> = blanked.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        if let Some(length) = body_length(lines.iter().skip(index)) {
            found.push(Function { name, line: index + 1, lines: length });
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "fn")?;
    let name: String = words.next()?.chars().take_while(|&character| word(character)).collect();
    (!name.is_empty()).then_some(name)
}

/// Lines until the braces opened after `fn` are closed; none for a declaration without body.
fn body_length<'a>(lines: impl Iterator<Item = &'a &'a str>) -> Option<usize> {
    let (mut braces, mut brackets, mut opened) = (0_i32, 0_i32, false);
    for (count, line) in lines.enumerate() {
        for character in line.chars() {
            match character {
                '{' => (braces, opened) = (braces + 1, true),
                '}' => braces -= 1,
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets -= 1,
                ';' if !opened && brackets == 0 => return None,
                _ => {}
            }
            if opened && braces == 0 {
                return Some(count + 1);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let check = |text: &str, expect: &str| assert_eq!(blank(text), expect, "{text}");
        check("a // bind\nb", "a        \nb");
        check("a /* x /* y */ z */ b", "a                   b");
        check(r#"f("bind \" {") ;"#, "f(           ) ;");
        check(r##"f(r#"a " b"#);"##, "f(          );");
        check("r#type", "r#type");
        check("('{', '\\'', b'x')", "(   ,     , b   )");
        check("fn a<'a>(x: &'a str)", "fn a<'a>(x: &'a str)");
    }

    #[test]
    fn a_word_is_not_part_of_another() {
        let check = |line: &str, name: &str, expect: bool| {
            assert_eq!(has_word(line, name), expect, "{name} in {line}")
        };
        check("socket.bind(x)", "bind", true);
        check("let binding = rebind();", "bind", false);
        check("use std::fs;", "std::", true);
        check("Publish { topic }", "Publish {", true);
        check("FromClient::Publish(p)", "Publish {", false);
    }

    #[test]
    fn functions_are_measured() {
        let source = Source::measure(
            PathBuf::from("a/src/lib.rs"),
            "trait T {\n    fn declared(&self);\n}\nfn one() {}\nfn three(a: [u8; 2]) {\n    \"}\";\n}\n#[cfg(test)]\nmod tests {\n}\n",
        );
        let expect = [("one", 4, 1), ("three", 5, 3)];
        let expect = expect.map(|(name, line, lines)| Function { name: name.to_owned(), line, lines });
        assert_eq!(source.functions, expect);
        assert_eq!(source.tests_from, 7);
        assert_eq!(source.product_lines().count(), 7);
    }
}
