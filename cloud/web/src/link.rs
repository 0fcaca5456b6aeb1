//! Addresses of our own pages with parameters.
//!
//! In: a path, names and values. Out: an address, values percent-encoded, empty ones left out.

/// `path?name=value&…`.
#[must_use]
pub fn with(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let mut joint = '?';
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(joint);
        joint = '&';
        address.push_str(name);
        address.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                address.push(char::from(byte));
            } else {
                address.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 1.2.2.
    #[test]
    fn values_cannot_become_other_parameters() {
        assert_eq!(
            with("/op/audit", &[("a", ""), ("b", "x&c=1 ä"), ("d", "2")]),
            "/op/audit?b=x%26c%3D1%20%C3%A4&d=2"
        );
        assert_eq!(with("/fleet", &[]), "/fleet");
    }
}
