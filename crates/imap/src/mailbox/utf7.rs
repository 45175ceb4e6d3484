//! Modified UTF-7 (RFC 3501 §5.1.3).

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// The text meant; `None` unless `text` is exactly what [`encode`] makes of it: one name, one spelling.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (run, after) = shifted.split_once('-')?;
        if run.is_empty() {
            out.push('&');
        } else {
            let octets = BASE64.decode(run).ok()?;
            let (pairs, []) = octets.as_chunks::<2>() else { return None };
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            for c in char::decode_utf16(units) {
                out.push(c.ok()?);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    (encode(&out) == text).then_some(out)
}

/// Printable ASCII as itself, `&` as `&-`, all else in runs of base64 of UTF-16.
pub(super) fn encode(name: &str) -> Cow<'_, str> {
    let plain = |c: char| (' '..='~').contains(&c);
    if name.chars().all(|c| plain(c) && c != '&') {
        return name.into();
    }
    let mut out = String::with_capacity(name.len() * 2);
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if plain(c) {
            out.push_str(if c == '&' { "&-" } else { rest.get(..1).unwrap_or_default() });
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (run, after) = rest.split_at(rest.find(plain).unwrap_or(rest.len()));
        let octets: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
        out.push('&');
        BASE64.encode_string(octets, &mut out);
        out.push('-');
        rest = after;
    }
    out.into()
}
