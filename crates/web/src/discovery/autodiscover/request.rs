//! What Outlook asks, read without trust.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// Elements inside of each other; a request has three.
const DEPTH_MAX: usize = 16;

/// An address has 254 octets (RFC 5321 §4.5.3.1.3), the schema's name a hundred.
const TEXT_OCTETS_MAX: usize = 512;

/// A request for somebody's settings.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Request {
    /// Whose.
    pub email: String,
    /// In which form; none named: any.
    pub schema: Option<String>,
}

/// Why there are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It is no request.
    Invalid,
    /// What stands for an address is none.
    BadAddress,
    /// The address is not in a domain of ours.
    NotFound,
    /// We do not know the form in which they are wanted.
    OtherSchema,
}

impl Fault {
    /// [MS-OXDSCLI] §2.2.4.1.1.3.1.
    pub(super) fn told(self) -> (&'static str, &'static str) {
        match self {
            Fault::Invalid => ("600", "Invalid Request"),
            Fault::BadAddress => ("600", "The email address is not valid."),
            Fault::NotFound => ("500", "The email address cannot be found."),
            Fault::OtherSchema => ("601", "The requested configuration is not available."),
        }
    }
}

/// Reads `<Autodiscover><Request>…`. Name spaces are taken as they come; a document type is refused, since nothing good
/// comes of entities.
pub(super) fn parse(body: &[u8]) -> Result<Request, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::Invalid)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut path, mut email, mut schema) = (Vec::<String>::new(), String::new(), String::new());
    loop {
        match reader.read_event().map_err(|_| Fault::Invalid)? {
            Event::Start(start) if path.len() < DEPTH_MAX => path.push(start.local_name().into_inner().to_owned()),
            Event::End(_) => drop(path.pop()),
            Event::Text(text) => append(&path, &mut email, &mut schema, &text.xml10_content())?,
            Event::CData(text) => append(&path, &mut email, &mut schema, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                append(&path, &mut email, &mut schema, meant(&reference)?.encode_utf8(&mut [0; 4]))?;
            }
            Event::Start(_) | Event::DocType(_) => return Err(Fault::Invalid),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let [email, schema] = [email, schema].map(|text| text.trim().to_owned());
    if !path.is_empty() || email.is_empty() {
        return Err(Fault::Invalid);
    }
    Ok(Request { email, schema: Some(schema).filter(|schema| !schema.is_empty()) })
}

/// Text counts in two places, and nowhere else.
fn append(path: &[String], email: &mut String, schema: &mut String, text: &str) -> Result<(), Fault> {
    let place: Vec<&str> = path.iter().map(String::as_str).collect();
    let into = match place.as_slice() {
        ["Autodiscover", "Request", "EMailAddress"] => email,
        ["Autodiscover", "Request", "AcceptableResponseSchema"] => schema,
        _ => return Ok(()),
    };
    if into.len() + text.len() > TEXT_OCTETS_MAX {
        return Err(Fault::Invalid);
    }
    into.push_str(text);
    Ok(())
}

/// The five entities that XML itself knows, and characters by number.
fn meant(reference: &BytesRef<'_>) -> Result<char, Fault> {
    if let Some(char) = reference.resolve_char_ref().map_err(|_| Fault::Invalid)? {
        return Ok(char);
    }
    match &*reference.xml10_content() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Fault::Invalid),
    }
}
