//! Names and passwords are compared as SASLprep (RFC 4013) leaves them, so that two keyboards type the same one.

use crate::{Failure, Secret};

/// Four times what RFC 4616 §2 asks for; an address has at most 254 octets.
pub const LOGIN_OCTETS_MAX: usize = 1024;

/// A login as it is looked up.
///
/// SASLprep knows Unicode 3.2. What is younger (emoji, for one) is no reason to refuse a query (RFC 5802 §5.1), so a name that
/// it cannot take stays as it is, unless it holds control characters.
pub(crate) fn login(name: &str) -> Result<String, Failure> {
    if name.len() > LOGIN_OCTETS_MAX {
        return Err(Failure::TooLong);
    }
    if name.contains(char::is_control) {
        return Err(Failure::Malformed("a control character in the login"));
    }
    let prepared = stringprep::saslprep(name).map_or_else(|_| name.to_owned(), |name| name.into_owned());
    match prepared.len() {
        0 => Err(Failure::Malformed("the login is empty")),
        // NFKC makes some characters longer.
        octets if octets > LOGIN_OCTETS_MAX => Err(Failure::TooLong),
        _ => Ok(prepared),
    }
}

/// A password as it is hashed: prepared, or as it is where SASLprep cannot take it.
///
/// RFC 4616 §2 leaves the preparation to the server. Refusing emoji and other encodings would shut people out who typed their
/// password right; PostgreSQL and the clients that know no SASLprep at all do the same.
pub fn prepare_password(password: &[u8]) -> Secret {
    let prepared = std::str::from_utf8(password).ok().and_then(|text| stringprep::saslprep(text).ok());
    Secret::new(prepared.map_or_else(|| password.to_vec(), |text| text.into_owned().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_prepared() {
        let password = |text: &str| String::from_utf8(prepare_password(text.as_bytes()).expose().to_vec()).unwrap();
        // The examples of RFC 4013 §3.
        assert_eq!(password("I\u{AD}X"), "IX");
        assert_eq!(password("user"), "user");
        assert_eq!(password("\u{AA}"), "a");
        assert_eq!(password("\u{2168}"), "IX");
        assert_eq!(password("Bu\u{308}ro"), "Büro");
        assert_eq!(password("🙂½"), "🙂½", "younger than SASLprep");
        assert_eq!(prepare_password(b"\xE4\xFF").expose(), b"\xE4\xFF");
        assert_eq!(login("\u{2168}").unwrap(), "IX");
        assert_eq!(login("🙂").unwrap(), "🙂");
        assert!(matches!(login("\u{AD}"), Err(Failure::Malformed(_))));
        assert!(matches!(login("a\u{7}"), Err(Failure::Malformed(_))));
        assert!(matches!(login(&"\u{FDFA}".repeat(LOGIN_OCTETS_MAX / 3)), Err(Failure::TooLong)));
        assert!(matches!(login(&"x".repeat(LOGIN_OCTETS_MAX + 1)), Err(Failure::TooLong)));
    }
}
