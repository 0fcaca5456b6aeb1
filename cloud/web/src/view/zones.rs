//! Time zones that can be chosen: the names of the IANA database that `jiff` carries.

use std::sync::OnceLock;

/// Every name like `America/Chicago`, and `UTC`, sorted.
#[must_use]
pub fn all() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let places = jiff::tz::db().available().map(|name| name.to_string());
        // What has no place in its name is an abbreviation or a rule of old.
        let mut names: Vec<_> =
            places.filter(|name| name.contains('/') && !name.starts_with("Etc/")).collect();
        names.push("UTC".to_owned());
        names.sort();
        names.dedup();
        names
    })
}

/// Whether there is such a zone, of the list or not.
#[must_use]
pub fn is_one(name: &str) -> bool {
    name.len() <= 64 && jiff::tz::TimeZone::get(name).is_ok()
}
