//! The grammar of paths (RFC 5321 §4.1.2): `<local-part@domain>`, read with a cursor.

use model::{Address, AddressError, Domain, ForwardPath, LocalPart, ReversePath};

/// Why a text is no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// RFC 5321 §4.1.2: no `<` and `>` around it, or a route that is none.
    #[error("a path is <local-part@domain>")]
    Form,
    /// RFC 5321 §4.1.2 `Quoted-string`.
    #[error("a quoted local part is not closed or holds a control character")]
    Quotes,
    /// What is between the brackets is no address.
    #[error("{0}")]
    Address(#[from] AddressError),
}

/// Reads `<>` or `<address>`.
pub(crate) fn reverse(cursor: &mut &str) -> Result<ReversePath, PathError> {
    if take(cursor, "<>") {
        return Ok(ReversePath::Null);
    }
    match bracketed(cursor)? {
        ForwardPath::Address(address) => Ok(ReversePath::Address(address)),
        ForwardPath::Postmaster => Err(AddressError::Form.into()),
    }
}

/// Reads `<address>`, or `<postmaster>` in any case (RFC 5321 §4.1.1.3).
pub(crate) fn forward(cursor: &mut &str) -> Result<ForwardPath, PathError> {
    bracketed(cursor)
}

fn bracketed(cursor: &mut &str) -> Result<ForwardPath, PathError> {
    expect(cursor, "<")?;
    route(cursor)?;
    let local = local_part(cursor)?;
    let path = if take(cursor, "@") {
        let domain = Domain::new(until(cursor, &['>']))?;
        ForwardPath::Address(Address { local, domain })
    } else if local.as_str().eq_ignore_ascii_case("postmaster") {
        ForwardPath::Postmaster
    } else {
        return Err(AddressError::Form.into());
    };
    expect(cursor, ">")?;
    Ok(path)
}

/// Reads a source route and forgets it: RFC 5321 §4.1.1.3 and appendix C let a server ignore it, and none should follow it.
fn route(cursor: &mut &str) -> Result<(), PathError> {
    if !cursor.starts_with('@') {
        return Ok(());
    }
    loop {
        expect(cursor, "@")?;
        let domain = if cursor.starts_with('[') {
            let literal = until(cursor, &[']']);
            expect(cursor, "]")?;
            Domain::new(&format!("{literal}]"))
        } else {
            Domain::new(until(cursor, &[',', ':', '>']))
        };
        domain?;
        if !take(cursor, ",") {
            return expect(cursor, ":");
        }
    }
}

fn local_part(cursor: &mut &str) -> Result<LocalPart, PathError> {
    if take(cursor, "\"") {
        return Ok(LocalPart::new(&quoted(cursor)?)?);
    }
    let local = LocalPart::new(until(cursor, &['@', '>']))?;
    if local.is_dot_string() { Ok(local) } else { Err(AddressError::LocalPart.into()) }
}

/// Reads up to the closing quote, giving the meaning without backslashes.
fn quoted(cursor: &mut &str) -> Result<String, PathError> {
    let mut meaning = String::new();
    let mut chars = cursor.chars();
    loop {
        let c = match chars.next().ok_or(PathError::Quotes)? {
            '"' => break,
            '\\' => chars.next().ok_or(PathError::Quotes)?,
            c => c,
        };
        if c.is_control() {
            return Err(PathError::Quotes);
        }
        meaning.push(c);
    }
    *cursor = chars.as_str();
    Ok(meaning)
}

/// What stands before the first of `ends`, or everything.
fn until<'a>(cursor: &mut &'a str, ends: &[char]) -> &'a str {
    let (before, rest) = cursor.find(ends).and_then(|at| cursor.split_at_checked(at)).unwrap_or((cursor, ""));
    *cursor = rest;
    before
}

fn take(cursor: &mut &str, token: &str) -> bool {
    cursor.strip_prefix(token).map(|rest| *cursor = rest).is_some()
}

fn expect(cursor: &mut &str, token: &str) -> Result<(), PathError> {
    if take(cursor, token) { Ok(()) } else { Err(PathError::Form) }
}

#[cfg(test)]
mod tests;
