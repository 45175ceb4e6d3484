//! `Content-Type` and `Content-Disposition`: a word and its parameters (RFC 2045 §5.1, RFC 2183, RFC 2231).

use std::collections::BTreeMap;

use crate::Octets;
use crate::charset;
use crate::cursor::{Cursor, is_wsp};
use crate::word::decode_header;

/// A parameter as IMAP tells it.
///
/// Continuations of RFC 2231 §3 are joined. If any of them is encoded (§4), the name ends in `*` and the value is
/// `charset'language'%-encoded`, for the client decodes it; [`decoded`] does so here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// In lower case.
    pub name: Box<str>,
    /// Without quotes.
    pub value: Octets,
}

/// Parameters of one field that are kept: real mail has a handful, continuations joined.
pub const PARAMETERS_MAX: usize = 64;

/// The parameter `name` (in lower case) decoded for people, whichever of its forms was sent.
pub fn decoded(parameters: &[Parameter], name: &str) -> Option<String> {
    let named = |wanted: &dyn Fn(&str) -> bool| parameters.iter().find(|p| wanted(&p.name)).map(|p| &*p.value);
    if let Some(value) = named(&|n| n.strip_suffix('*') == Some(name)) {
        let (charset, text) = extended(value);
        return Some(charset::decode(charset, &text));
    }
    named(&|n| n == name).map(decode_header)
}

/// The octets of the parameter `name`, %-encoding undone: for values that are compared and not shown.
pub(crate) fn octets(parameters: &[Parameter], name: &str) -> Option<Vec<u8>> {
    parameters.iter().find_map(|p| match p.name.strip_prefix(name) {
        Some("") => Some(p.value.to_vec()),
        Some("*") => Some(extended(&p.value).1),
        _ => None,
    })
}

/// Charset and text of an extended value (RFC 2231 §4).
fn extended(value: &[u8]) -> (&[u8], Vec<u8>) {
    let mut fields = value.splitn(3, |&octet| octet == b'\'');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(charset), Some(_language), Some(text)) => (charset, percent_decoded(text)),
        _ => (b"", percent_decoded(value)),
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        if let (b'%', [high, low, behind @ ..]) = (octet, behind)
            && let Some(value) = hex(*high, *low)
        {
            out.push(value);
            rest = behind;
        } else {
            out.push(octet);
        }
    }
    out
}

/// The octet that two hexadecimal digits stand for.
pub(crate) fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// What `Content-Type` says.
pub(crate) struct ContentType {
    pub(crate) media_type: Box<str>,
    pub(crate) media_subtype: Box<str>,
    pub(crate) parameters: Vec<Parameter>,
    /// Nothing was left out.
    pub(crate) complete: bool,
}

/// `type/subtype` in lower case with its parameters; `None` if it is not of that form.
pub(crate) fn content_type(value: &[u8]) -> Option<ContentType> {
    let mut cursor = Cursor::new(value);
    cursor.skip_cfws();
    let media_type = token(&mut cursor)?;
    cursor.skip_cfws();
    if !cursor.eat(b'/') {
        return None;
    }
    cursor.skip_cfws();
    let media_subtype = token(&mut cursor)?;
    let (parameters, complete) = parameters(&mut cursor);
    Some(ContentType { media_type, media_subtype, parameters, complete })
}

/// A disposition in lower case with its parameters. The flag: nothing was left out.
pub(crate) fn disposition(value: &[u8]) -> Option<(Box<str>, Vec<Parameter>, bool)> {
    let mut cursor = Cursor::new(value);
    cursor.skip_cfws();
    let kind = token(&mut cursor)?;
    let (parameters, complete) = parameters(&mut cursor);
    Some((kind, parameters, complete))
}

/// A token of RFC 2045 §5.1 in lower case.
pub(crate) fn token(cursor: &mut Cursor<'_>) -> Option<Box<str>> {
    let token = cursor.take_while(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet));
    if token.is_empty() { None } else { lower(token) }
}

fn lower(name: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(name).ok().map(|name| name.to_ascii_lowercase().into())
}

/// A piece of a parameter that RFC 2231 §3 cut: its number, whether it is %-encoded, its octets.
struct Piece {
    number: u32,
    encoded: bool,
    value: Vec<u8>,
}

fn parameters(cursor: &mut Cursor<'_>) -> (Vec<Parameter>, bool) {
    let mut out: Vec<Parameter> = Vec::new();
    let mut pieces: BTreeMap<Box<str>, Vec<Piece>> = BTreeMap::new();
    let mut complete = true;
    while let Some((name, value)) = parameter(cursor) {
        let Some(name) = lower(name).filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()))
        else {
            continue;
        };
        let piece = name.split_once('*').and_then(|(base, number)| {
            let (number, encoded) = number.strip_suffix('*').map_or((number, false), |number| (number, true));
            Some((base, number.parse().ok()?, encoded)).filter(|(base, ..)| !base.is_empty())
        });
        let full = out.len() + pieces.len() >= PARAMETERS_MAX;
        match piece {
            Some((base, number, encoded)) if !full || pieces.contains_key(base) => {
                pieces.entry(base.into()).or_default().push(Piece { number, encoded, value });
            }
            None if !full => out.push(Parameter { name, value: value.into() }),
            _ => complete = false,
        }
    }
    out.extend(pieces.into_iter().filter_map(|(base, pieces)| joined(&base, pieces)));
    (out, complete)
}

/// The next `name=value`; steps over what is none.
fn parameter<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], Vec<u8>)> {
    loop {
        cursor.skip_cfws();
        if cursor.eat(b';') || cursor.eat(b'=') {
            continue;
        }
        cursor.peek()?;
        let name = cursor.take_while(|octet| !matches!(octet, b';' | b'=' | b'(') && !is_wsp(octet));
        cursor.skip_cfws();
        if !cursor.eat(b'=') {
            continue;
        }
        cursor.skip_wsp();
        let value = if cursor.eat(b'"') { cursor.quoted() } else { bare_value(cursor) };
        return Some((name, value));
    }
}

/// A value without quotes. Many a sender leaves them out around blanks, as in `name=my file.pdf`.
fn bare_value(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    loop {
        let mut ahead = *cursor;
        if !value.is_empty() {
            ahead.skip_cfws();
        }
        let word = ahead.take_while(|octet| octet != b';' && !is_wsp(octet));
        if word.is_empty() || (!value.is_empty() && word.contains(&b'=')) {
            return value;
        }
        if !value.is_empty() {
            value.push(b' ');
        }
        value.extend_from_slice(word);
        *cursor = ahead;
    }
}

/// Joins the pieces of one parameter in the order of their numbers, up to the first gap.
fn joined(base: &str, mut pieces: Vec<Piece>) -> Option<Parameter> {
    pieces.sort_by_key(|piece| piece.number);
    pieces.dedup_by_key(|piece| piece.number);
    let whole = (0u32..).zip(&pieces).take_while(|(number, piece)| piece.number == *number).count();
    pieces.truncate(whole);
    let first = pieces.first()?;
    let encoded = pieces.iter().any(|piece| piece.encoded);
    let mut value = Vec::new();
    if encoded && !first.encoded {
        value.extend_from_slice(b"''");
    }
    for piece in &pieces {
        if encoded && !piece.encoded {
            percent_encode(&piece.value, &mut value);
        } else {
            value.extend_from_slice(&piece.value);
        }
    }
    let name = if encoded { format!("{base}*") } else { base.to_owned() };
    Some(Parameter { name: name.into(), value: value.into() })
}

fn percent_encode(value: &[u8], out: &mut Vec<u8>) {
    for &octet in value {
        if octet.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&octet) {
            out.push(octet);
        } else {
            out.extend_from_slice(format!("%{octet:02X}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, want: &str) {
        let got = content_type(value.as_bytes()).map(|c| {
            let parameters = c.parameters.iter().map(|p| format!("; {}={}", p.name, String::from_utf8_lossy(&p.value)));
            format!("{}/{}{}", c.media_type, c.media_subtype, parameters.collect::<String>())
        });
        assert_eq!(got.as_deref().unwrap_or("none"), want, "{value}");
    }

    #[test]
    fn content_types_as_they_are_sent() {
        check("TEXT/Plain; Charset=\"us-ascii\" (Plain \\) text)", "text/plain; charset=us-ascii");
        check("text / plain ;format=flowed ;; delsp=yes;", "text/plain; format=flowed; delsp=yes");
        check("text/html charset=utf-8", "text/html; charset=utf-8");
        check("text/html; charset=utf-8 format=flowed", "text/html; charset=utf-8; format=flowed");
        check("image/png; name=my holiday(1).png (a comment)", "image/png; name=my holiday(1).png");
        check("image/png; name=\"a;b\\\"c", "image/png; name=a;b\"c");
        check("text/plain; charset", "text/plain");
        check("text", "none");
        check("text/", "none");
        check("(comment only", "none");
        check("", "none");
    }

    #[test]
    fn cut_and_encoded_parameters() {
        // RFC 2231 §3, §4 and §4.1.
        check("a/b; url*0=\"ftp://\"; url*1=\"x.example\"", "a/b; url=ftp://x.example");
        check("a/b; t*=us-ascii'en-us'This%20is", "a/b; t*=us-ascii'en-us'This%20is");
        check("a/b; t*1*=%2A%2A; t*0*=us-ascii'en'is%20; t*2=\"a b!\"", "a/b; t*=us-ascii'en'is%20%2A%2Aa%20b!");
        check("a/b; t*0=\"x y\"; t*1*=%E4", "a/b; t*=''x%20y%E4");
        // A gap ends it, and what has no begin is nothing.
        check("a/b; t*0=x; t*2=z", "a/b; t=x");
        check("a/b; t*1=z", "a/b");
        check("a/b; t*0=x; t*0=y", "a/b; t=x");
    }

    #[test]
    fn parameters_for_people() {
        let check = |value: &str, want: Option<&str>| {
            let (_, parameters, _) = disposition(value.as_bytes()).unwrap();
            assert_eq!(decoded(&parameters, "filename").as_deref(), want, "{value}");
        };
        check("attachment; filename*=UTF-8''na%C3%AFve.txt; filename=naive.txt", Some("naïve.txt"));
        check("attachment; filename*0*=iso-8859-1''na%EF; filename*1=ve.txt", Some("naïve.txt"));
        check("attachment; filename=\"=?utf-8?q?na=C3=AFve?=.txt\"", Some("naïve.txt"));
        check("attachment; filename*=broken%ZZ%4", Some("broken%ZZ%4"));
        check("attachment", None);
    }

    #[test]
    fn too_many_parameters_are_told() {
        let value = (0..1000).map(|n| format!("; p{n}=x")).collect::<String>();
        let (_, parameters, complete) = disposition(format!("inline{value}").as_bytes()).unwrap();
        assert_eq!((parameters.len(), complete), (PARAMETERS_MAX, false));
    }
}
