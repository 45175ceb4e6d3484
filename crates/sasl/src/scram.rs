//! SCRAM's messages (RFC 5802 §7): parsed with what has to be hashed as it came, and printed.

use crate::Failure;
use crate::keys::positive;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Clients send some 24 octets; the server sends it back.
const NONCE_OCTETS_MAX: usize = 1024;

/// What the client says about channel binding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Flag {
    /// `n`: it knows none.
    Unknown,
    /// `y`: it knows, and believes that we do not.
    NotOffered,
    /// `p=name`: it uses this kind.
    Used(String),
}

/// The client's first message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientFirst {
    pub(crate) flag: Flag,
    /// As whom to act, unquoted; empty where it was left out.
    pub(crate) authzid: String,
    /// Unquoted, not prepared.
    pub(crate) login: String,
    pub(crate) nonce: String,
    /// The `gs2-header`, as it came.
    pub(crate) header: String,
    /// The rest, as it came.
    pub(crate) bare: String,
}

/// The server's answer to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ServerFirst {
    pub(crate) nonce: String,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u64,
}

/// The client's last message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientFinal {
    /// The decoded `cbind-input`.
    pub(crate) binding: Vec<u8>,
    pub(crate) nonce: String,
    pub(crate) proof: Vec<u8>,
    /// All before the proof, as it came.
    pub(crate) without_proof: String,
}

/// The server's last message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ServerFinal {
    Signature(Vec<u8>),
    Refused(String),
}

type Parsed<T> = Result<T, &'static str>;

impl From<&'static str> for Failure {
    fn from(what: &'static str) -> Failure {
        Failure::Malformed(what)
    }
}

impl ClientFirst {
    pub(crate) fn parse(message: &[u8]) -> Parsed<ClientFirst> {
        let message = text(message)?;
        let (flag, rest) = message.split_once(',').ok_or("no channel binding flag")?;
        let flag = match flag {
            "n" => Flag::Unknown,
            "y" => Flag::NotOffered,
            _ => Flag::Used(flag.strip_prefix("p=").ok_or("no channel binding flag")?.to_owned()),
        };
        let (authzid, bare) = rest.split_once(',').ok_or("no login")?;
        let authzid = match authzid {
            "" => String::new(),
            _ => unquoted(authzid.strip_prefix("a=").ok_or("no authorization identity")?)?,
        };
        let header = message.strip_suffix(bare).unwrap_or_default().to_owned();
        let mut attributes = Attributes::of(bare)?;
        let login = unquoted(attributes.next("n=").ok_or("no login")?)?;
        let nonce = nonce(attributes.next("r=").ok_or("no nonce")?)?;
        attributes.extensions()?;
        Ok(ClientFirst { flag, authzid, login, nonce, header, bare: bare.to_owned() })
    }
}

impl ServerFirst {
    pub(crate) fn parse(message: &[u8]) -> Parsed<ServerFirst> {
        let mut attributes = Attributes::of(text(message)?)?;
        let nonce = nonce(attributes.next("r=").ok_or("no nonce")?)?;
        let salt = base64(attributes.next("s=").ok_or("no salt")?)?;
        let iterations = attributes.next("i=").and_then(positive).ok_or("no iterations")?;
        attributes.extensions()?;
        Ok(ServerFirst { nonce, salt, iterations })
    }

    pub(crate) fn print(&self) -> String {
        format!("r={},s={},i={}", self.nonce, STANDARD.encode(&self.salt), self.iterations)
    }
}

impl ClientFinal {
    pub(crate) fn parse(message: &[u8]) -> Parsed<ClientFinal> {
        let (without_proof, proof) = text(message)?.rsplit_once(",p=").ok_or("no proof")?;
        let mut attributes = Attributes::of(without_proof)?;
        let binding = base64(attributes.next("c=").ok_or("no channel binding")?)?;
        let nonce = nonce(attributes.next("r=").ok_or("no nonce")?)?;
        attributes.extensions()?;
        Ok(ClientFinal { binding, nonce, proof: base64(proof)?, without_proof: without_proof.to_owned() })
    }

    pub(crate) fn without_proof(binding: &[u8], nonce: &str) -> String {
        format!("c={},r={nonce}", STANDARD.encode(binding))
    }

    pub(crate) fn print(without_proof: &str, proof: &[u8]) -> String {
        format!("{without_proof},p={}", STANDARD.encode(proof))
    }
}

impl ServerFinal {
    pub(crate) fn parse(message: &[u8]) -> Parsed<ServerFinal> {
        let mut attributes = Attributes::of(text(message)?)?;
        let parsed = match attributes.next("e=") {
            Some(reason) => ServerFinal::Refused(reason.chars().filter(|c| !c.is_control()).take(80).collect()),
            None => ServerFinal::Signature(base64(attributes.next("v=").ok_or("no signature")?)?),
        };
        attributes.extensions()?;
        Ok(parsed)
    }

    pub(crate) fn print_signature(signature: &[u8]) -> Vec<u8> {
        format!("v={}", STANDARD.encode(signature)).into_bytes()
    }
}

/// What both sides sign.
pub(crate) fn auth_message(client_first_bare: &str, server_first: &str, without_proof: &str) -> String {
    format!("{client_first_bare},{server_first},{without_proof}")
}

/// The octets in `c=`: the header as it was sent, then what the connection is bound to.
pub(crate) fn binding_input(header: &str, bound_to: &[u8]) -> Vec<u8> {
    [header.as_bytes(), bound_to].concat()
}

/// `saslname`.
pub(crate) fn quoted(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn unquoted(name: &str) -> Parsed<String> {
    let mut parts = name.split('=');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (None, Some(rest)) => ('=', rest),
            (None, None) => return Err("= in a name is neither =2C nor =3D"),
        };
        plain.push(sign);
        plain.push_str(rest);
    }
    if plain.is_empty() { Err("an empty name") } else { Ok(plain) }
}

fn text(message: &[u8]) -> Parsed<&str> {
    let text = std::str::from_utf8(message).map_err(|_| "not UTF-8")?;
    if text.contains('\0') { Err("a NUL") } else { Ok(text) }
}

fn nonce(nonce: &str) -> Parsed<String> {
    let printable = nonce.bytes().all(|b| b.is_ascii_graphic());
    if printable && !nonce.is_empty() && nonce.len() <= NONCE_OCTETS_MAX {
        Ok(nonce.to_owned())
    } else {
        Err("a nonce that is empty, too long or not printable")
    }
}

/// In its canonical form only, so that one value has one spelling.
fn base64(text: &str) -> Parsed<Vec<u8>> {
    STANDARD.decode(text).map_err(|_| "not base64")
}

/// `attr-val` after `attr-val`, in their fixed order.
struct Attributes<'a>(std::iter::Peekable<std::str::Split<'a, char>>);

impl<'a> Attributes<'a> {
    fn of(message: &'a str) -> Parsed<Attributes<'a>> {
        // RFC 5802 §5.1: a mandatory extension that is not understood, and we know none, fails the exchange.
        if message.starts_with("m=") {
            Err("an unknown extension")
        } else {
            Ok(Attributes(message.split(',').peekable()))
        }
    }

    /// The value of the next one, if it is `name`, which ends with `=`.
    fn next(&mut self, name: &str) -> Option<&'a str> {
        let value = self.0.peek()?.strip_prefix(name)?;
        self.0.next();
        Some(value)
    }

    /// The rest is ignored, once it has the form of optional extensions.
    fn extensions(self) -> Parsed<()> {
        for attribute in self.0 {
            let well_formed = attribute.split_once('=').is_some_and(|(name, value)| {
                name.len() == 1 && name.bytes().all(|b| b.is_ascii_alphabetic()) && name != "m" && !value.is_empty()
            });
            if !well_formed {
                return Err("an unknown extension");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
