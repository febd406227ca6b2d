//! Search filters (RFC 4515).

use ldap3::ldap_escape;

/// Entries of `class` whose `attribute` is one of `values`, whatever characters these have.
pub(super) fn any_of<'a>(class: &str, attribute: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values = values.into_iter().map(|value| format!("({attribute}={})", ldap_escape(value)));
    format!("(&(objectClass={class})(|{}))", values.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value() {
        for (value, escaped) in [
            ("200000000205", "200000000205"),
            ("*)(uniqueIdentifier=*", r"\2a\29\28uniqueIdentifier=\2a"),
            (r"\2a", r"\5c2a"),
            ("a\0b", r"a\00b"),
            ("*", r"\2a"),
            ("Ä&|!", "Ä&|!"),
        ] {
            let filter = any_of("nhsAs", "uniqueIdentifier", [value]);
            assert_eq!(filter, format!("(&(objectClass=nhsAs)(|(uniqueIdentifier={escaped})))"));
            ldap3::parse_filter(&filter).unwrap();
        }
    }
}
