//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2, §9 `body`).

use message::{Disposition, Kind, Octets, Parameter, Part, Structure};

use super::envelope::envelope;
use super::text;

/// Whether the extension data are told: BODYSTRUCTURE or BODY.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Basic,
    Extended,
}

/// The structure of the whole message.
pub(super) fn structure(out: &mut Vec<u8>, structure: &Structure, detail: Detail) {
    body(out, structure, structure.root(), detail);
}

/// Recurses into the parts: at most [`Structure::DEPTH_MAX`] deep.
fn body(out: &mut Vec<u8>, structure: &Structure, part: &Part, detail: Detail) {
    out.push(b'(');
    let mut children = structure.children(part).peekable();
    match &part.kind {
        Kind::Multipart if children.peek().is_some() => {
            for child in children {
                body(out, structure, child, detail);
            }
            out.push(b' ');
            text::string(out, part.media_subtype.as_bytes());
            if detail == Detail::Extended {
                out.push(b' ');
                parameters(out, &part.parameters, None);
                extension(out, part);
            }
        }
        kind => {
            fields(out, part);
            match (kind, children.next()) {
                (Kind::Message(inner), Some(root)) => {
                    out.push(b' ');
                    envelope(out, inner);
                    out.push(b' ');
                    body(out, structure, root, detail);
                    lines(out, part);
                }
                (Kind::Text, _) => lines(out, part),
                _ => (),
            }
            if detail == Detail::Extended {
                out.push(b' ');
                text::nstring(out, part.md5.as_deref());
                extension(out, part);
            }
        }
    }
    out.push(b')');
}

fn lines(out: &mut Vec<u8>, part: &Part) {
    out.push(b' ');
    text::number(out, part.lines);
}

/// Media type and `body-fields`.
fn fields(out: &mut Vec<u8>, part: &Part) {
    let (media_type, media_subtype) = part.shown_media();
    text::string(out, media_type.as_bytes());
    out.push(b' ');
    text::string(out, media_subtype.as_bytes());
    out.push(b' ');
    // RFC 2045 §5.2: text without a charset is US-ASCII, and the server fills in what is left out.
    let charset = (part.kind == Kind::Text).then_some(("charset", "us-ascii"));
    parameters(out, &part.parameters, charset);
    out.push(b' ');
    text::nstring(out, part.id.as_deref());
    out.push(b' ');
    text::nstring(out, part.description.as_deref());
    out.push(b' ');
    text::string(out, part.encoding.as_str().as_bytes());
    out.push(b' ');
    text::number(out, part.body_octets());
}

/// `("charset" "utf-8")`, with `default` if no parameter has its name; NIL when empty.
fn parameters(out: &mut Vec<u8>, parameters: &[Parameter], default: Option<(&str, &str)>) {
    let default = default.filter(|(name, _)| parameters.iter().all(|p| *p.name != **name));
    let given = parameters.iter().map(|p| (p.name.as_bytes(), &*p.value));
    let default = default.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let mut empty = true;
    for (name, value) in given.chain(default) {
        out.push(if empty { b'(' } else { b' ' });
        empty = false;
        text::string(out, name);
        out.push(b' ');
        text::string(out, value);
    }
    if empty { text::nil(out) } else { out.push(b')') }
}

/// Disposition, language and location, each with a space before it.
fn extension(out: &mut Vec<u8>, part: &Part) {
    out.push(b' ');
    disposition(out, part.disposition.as_ref());
    out.push(b' ');
    language(out, &part.language);
    out.push(b' ');
    text::nstring(out, part.location.as_deref());
}

fn disposition(out: &mut Vec<u8>, disposition: Option<&Disposition>) {
    let Some(disposition) = disposition else { return text::nil(out) };
    out.push(b'(');
    text::string(out, disposition.kind.as_bytes());
    out.push(b' ');
    parameters(out, &disposition.parameters, None);
    out.push(b')');
}

fn language(out: &mut Vec<u8>, tags: &[Octets]) {
    match tags {
        [] => text::nil(out),
        [only] => text::string(out, only),
        several => {
            for (i, tag) in several.iter().enumerate() {
                out.push(if i == 0 { b'(' } else { b' ' });
                text::string(out, tag);
            }
            out.push(b')');
        }
    }
}
