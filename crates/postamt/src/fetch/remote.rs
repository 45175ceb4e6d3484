//! Another server and who we are there: `imaps://anna%40example.org@mail.example.org:993`.

use crate::import::hash;
use crate::language::say;
use std::fmt;
use std::str::FromStr;

/// How it is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Imap,
    Pop3,
}

/// When TLS begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the connection (RFC 8314 §3).
    Implicit,
    /// By command; without it nothing goes on.
    Command,
}

/// Another server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    pub protocol: Protocol,
    pub start: Start,
    pub user: String,
    pub host: String,
    pub port: u16,
}

impl Remote {
    /// A hash of this server, our user there and `parts`; the port does not tell two servers apart, since all of one server's
    /// lead to the same mail.
    pub fn source(&self, parts: &[&[u8]]) -> crate::admin::transfer::Source {
        let protocol: &[u8] = if self.protocol == Protocol::Imap { b"imap" } else { b"pop3" };
        let host = self.host.to_ascii_lowercase();
        let all = [&[b"fetch", protocol, host.as_bytes(), self.user.as_bytes()], parts].concat();
        crate::admin::transfer::Source(hash(&all))
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn form() -> String {
    say!(
        "write it as imaps://USER@HOST; imap, pop3s and pop3 are understood too, and :PORT behind the host",
        "erwartet wird imaps://USER@HOST; auch imap, pop3s und pop3, und :PORT hinter dem Host"
    )
}

impl FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Remote, String> {
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let (protocol, start, usual) = match scheme.to_ascii_lowercase().as_str() {
            "imaps" => (Protocol::Imap, Start::Implicit, 993),
            "imap" => (Protocol::Imap, Start::Command, 143),
            "pop3s" => (Protocol::Pop3, Start::Implicit, 995),
            "pop3" => (Protocol::Pop3, Start::Command, 110),
            _ => {
                return Err(say!(
                    "\"{scheme}\" is not understood; {form}",
                    "\"{scheme}\" ist unbekannt; {form}",
                    form = form()
                ));
            }
        };
        // The user may be an address itself.
        let (user, place) = rest.trim_end_matches('/').rsplit_once('@').ok_or_else(form)?;
        if user.contains(':') {
            return Err(say!(
                "a password does not belong into an address that others may see; use --password-file",
                "ein Passwort gehört nicht in eine Adresse, die andere sehen können; dafür gibt es --password-file"
            ));
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(usual), |port| {
            port.parse().map_err(|_| say!("\"{port}\" is no port", "\"{port}\" ist kein Port"))
        })?;
        let user =
            unescaped(user).ok_or_else(|| say!("\"{user}\" is no user's name", "\"{user}\" ist kein Benutzername"))?;
        if user.is_empty() || host.is_empty() {
            return Err(form());
        }
        Ok(Remote { protocol, start, user, host: host.to_owned(), port })
    }
}

/// With `%40` as `@` (RFC 3986 §2.1), and no controls.
fn unescaped(text: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        octets.push(match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                rest = behind;
                let digits = [*high, *low];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => first,
        });
    }
    String::from_utf8(octets).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_as_addresses() {
        let check = |text: &str, user: &str, host: &str, port| {
            let remote: Remote = text.parse().unwrap();
            assert_eq!((remote.user.as_str(), remote.host.as_str(), remote.port), (user, host, port), "{text}");
        };
        check("imaps://anna@mail.example.org", "anna", "mail.example.org", 993);
        check("imap://anna@example.org@mail.example.org/", "anna@example.org", "mail.example.org", 143);
        check("POP3S://anna%40example.org@[::1]:1995", "anna@example.org", "::1", 1995);
        check("pop3://a%25b@localhost", "a%b", "localhost", 110);
        let wrong = [
            "",
            "mail.example.org",
            "imaps://mail.example.org",
            "http://a@b",
            "imap://a:secret@b",
            "imap://a@b:x",
            "imap://a%0ab@c",
        ];
        for text in wrong {
            assert!(text.parse::<Remote>().is_err(), "{text}");
        }
        let [one, other]: [Remote; 2] = ["imap://a@b", "imaps://a@B:1"].map(|text| text.parse().unwrap());
        assert_eq!(one.source(&[b"x"]), other.source(&[b"x"]));
        assert_ne!(one.source(&[b"x", b"y"]), one.source(&[b"xy"]));
    }
}
