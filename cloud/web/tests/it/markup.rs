//! What is asked of the markup of every page that any test here is sent: [`House::send`](crate::house::House::send) shows each of them to
//! [`faults`].
//!
//! In: HTML as it was sent. Out: what is wrong with it: an id that is there twice, what points at an id that is not there, tags that do not
//! close each other. Says nothing of what a page looks like or means; axe does, in the flows.

use std::collections::HashMap;

/// A tag with its attributes, or the end of an element.
struct Tag<'a> {
    name: &'a str,
    ends: bool,
    /// It has no content: `<br>`, `<path …/>`.
    empty: bool,
    attributes: Vec<(&'a str, &'a str)>,
}

/// Elements without an end.
const VOID: [&str; 8] = ["br", "col", "hr", "img", "input", "link", "meta", "wbr"];
/// Elements in which nothing is a tag.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];
/// Attributes that name one or more ids.
const NAMES: [&str; 13] = [
    "for",
    "aria-labelledby",
    "aria-describedby",
    "aria-controls",
    "aria-owns",
    "aria-errormessage",
    "aria-details",
    "aria-flowto",
    "aria-activedescendant",
    "headers",
    "list",
    "form",
    "popovertarget",
];
/// What a label can be for (HTML, "labelable elements").
const LABELLED: [&str; 7] = ["input", "select", "textarea", "button", "output", "meter", "progress"];

/// Everything that is wrong with a page.
pub fn faults(html: &str) -> Vec<String> {
    let tags = match tags(html) {
        Ok(tags) => tags,
        Err(fault) => return vec![fault],
    };
    let mut faults = unclosed(&tags);
    let mut ids: HashMap<&str, &str> = HashMap::new();
    for tag in &tags {
        let mut seen = Vec::new();
        for (name, value) in &tag.attributes {
            if seen.contains(name) {
                faults.push(format!("<{}> has {name} twice", tag.name));
            }
            seen.push(name);
            if *name != "id" {
                continue;
            }
            if value.is_empty() || value.contains(char::is_whitespace) {
                faults.push(format!("<{}> has the id {value:?}", tag.name));
            }
            if let Some(other) = ids.insert(value, tag.name) {
                faults.push(format!("the id {value:?} is a <{other}>'s and a <{}>'s", tag.name));
            }
        }
    }
    for tag in &tags {
        for (name, value) in &tag.attributes {
            for id in pointed(name, value) {
                match ids.get(id) {
                    None => faults.push(format!("{name} of a <{}> points at no id: {id:?}", tag.name)),
                    Some(of) if *name == "for" && tag.name == "label" && !LABELLED.contains(of) => {
                        faults.push(format!("a label is for a <{of}>, {id:?}"));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    faults
}

/// The ids of this page that an attribute names.
fn pointed<'a>(name: &str, value: &'a str) -> Vec<&'a str> {
    if NAMES.contains(&name) {
        return value.split_whitespace().collect();
    }
    let here = if matches!(name, "href" | "xlink:href" | "action" | "formaction") {
        value.strip_prefix('#')
    } else {
        value.strip_prefix("url(#").and_then(|rest| rest.strip_suffix(')'))
    };
    here.into_iter().collect()
}

/// Elements that end where another one was to end.
fn unclosed(tags: &[Tag<'_>]) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    for tag in tags.iter().filter(|tag| !VOID.contains(&tag.name)) {
        if !tag.ends {
            if !tag.empty {
                open.push(tag.name);
            }
        } else if open.pop() != Some(tag.name) {
            return vec![format!("a </{}> ends something else, within {}", tag.name, open.join(" > "))];
        }
    }
    if open.is_empty() { Vec::new() } else { vec![format!("never ended: {}", open.join(" > "))] }
}

fn tags(html: &str) -> Result<Vec<Tag<'_>>, String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").ok_or("a comment does not end")?.1;
            continue;
        }
        if after.starts_with('!') {
            rest = after.split_once('>').ok_or("a declaration does not end")?.1;
            continue;
        }
        let (tag, after) = tag(after)?;
        rest = after;
        if RAW.contains(&tag.name) && !tag.ends && !tag.empty {
            let end = format!("</{}>", tag.name);
            let at = rest.find(&end).ok_or_else(|| format!("a <{}> does not end", tag.name))?;
            rest = rest.get(at..).unwrap_or_default();
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// The tag that begins here, behind its `<`, and what comes after it.
fn tag(text: &str) -> Result<(Tag<'_>, &str), String> {
    let (ends, text) = text.strip_prefix('/').map_or((false, text), |rest| (true, rest));
    let (name, mut rest) = split(text, |c| c.is_ascii_alphanumeric() || c == '-');
    if name.is_empty() {
        return Err(format!("a bare <: {:?}", text.chars().take(40).collect::<String>()));
    }
    let mut tag = Tag { name, ends, empty: false, attributes: Vec::new() };
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            tag.empty = true;
            return Ok((tag, after));
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Ok((tag, after));
        }
        let (attribute, after) = split(rest, |c| c.is_ascii_alphanumeric() || "-_:".contains(c));
        if attribute.is_empty() {
            return Err(format!("in a <{name}>: {:?}", rest.chars().take(40).collect::<String>()));
        }
        // Every value is quoted here: one that is not ends at the first blank in a name.
        let (value, after) = match after.strip_prefix("=\"") {
            Some(value) => value.split_once('"').ok_or_else(|| format!("{attribute} does not end"))?,
            None if after.starts_with('=') => return Err(format!("{attribute} of a <{name}> is not quoted")),
            None => ("", after),
        };
        tag.attributes.push((attribute, value));
        rest = after;
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// Where the links of a page lead: the addresses of `href`, as they were meant.
pub fn links(html: &str) -> Vec<String> {
    let tags = tags(html).unwrap_or_default();
    let of = |tag: &Tag<'_>| {
        let href = tag.attributes.iter().find(|(name, _)| *name == "href" && tag.name == "a");
        href.map(|(_, value)| value.replace("&#38;", "&").replace("&amp;", "&"))
    };
    tags.iter().filter_map(of).collect()
}

/// Whether something on a page has this id.
pub fn has_id(html: &str, id: &str) -> bool {
    tags(html).is_ok_and(|tags| tags.iter().any(|tag| tag.attributes.contains(&("id", id))))
}

#[test]
fn what_is_wrong_is_found() {
    let check = |html: &str, expect: &[&str]| assert_eq!(faults(html), expect, "{html}");
    check(
        "<!doctype html><!-- <p> --><label for=\"a\">A</label><input id=\"a\" required><svg><use href=\"#b\"/></svg><b id=\"b\"></b>",
        &[],
    );
    check(
        "<svg><symbol id=\"i-test\"></symbol></svg><div id=\"i-test\"></div>",
        &["the id \"i-test\" is a <symbol>'s and a <div>'s"],
    );
    check("<label for=\"name\">A</label>", &["for of a <label> points at no id: \"name\""]);
    check("<label for=\"a\">A</label><p id=\"a\"></p>", &["a label is for a <p>, \"a\""]);
    check(
        "<section aria-labelledby=\"one two\"><h2 id=\"one\"></h2></section>",
        &["aria-labelledby of a <section> points at no id: \"two\""],
    );
    check("<a href=\"#\">A</a>", &["href of a <a> points at no id: \"\""]);
    check("<rect fill=\"url(#hatch)\"/>", &["fill of a <rect> points at no id: \"hatch\""]);
    check("<p id=\"\"></p>", &["<p> has the id \"\""]);
    check("<p class=\"a\" class=\"b\"></p>", &["<p> has class twice"]);
    check("<p><b></p></b>", &["a </p> ends something else, within p"]);
    check("<p>", &["never ended: p"]);
    check("<p>1 < 2</p>", &["a bare <: \" 2</p>\""]);
    check("<p class=a></p>", &["class of a <p> is not quoted"]);
    check("<script>if (a < b) {}</script><title><b></title>", &[]);
}
