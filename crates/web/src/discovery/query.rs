//! What stands behind the `?`.

/// The value of `name`, in any case; an empty one counts as none.
pub(super) fn value(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(decoded(value)).filter(|value| !value.is_empty())
}

/// Percent signs with two digits are octets, as RFC 3986 §2.1 has it; others stand for themselves. A `+` stays: addresses
/// have it more often than blanks.
pub(super) fn decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let octet = match (first, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        octets.push(octet.unwrap_or(*first));
        rest = after.get(if octet.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_programs_write_them() {
        let check = |query: &str, expected: Option<&str>| {
            assert_eq!(value(Some(query), "emailaddress").as_deref(), expected, "{query}");
        };
        check("emailaddress=a+b%40demo.test", Some("a+b@demo.test"));
        check("x=1&EmailAddress=a@demo.test&y", Some("a@demo.test"));
        check("emailaddress=%EMAILADDRESS%", Some("%EMAILADDRESS%"));
        check("emailaddress=%C3%BC%4%", Some("ü%4%"));
        check("emailaddress=%ff", Some("\u{fffd}"));
        check("emailaddress=", None);
        check("email=x", None);
        assert_eq!(value(None, "x"), None);
    }
}
