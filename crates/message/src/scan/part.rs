//! What a header's fields say of its part or message.

use crate::Octets;
use crate::address::parse_addresses;
use crate::ancestry::{IdKey, ancestors};
use crate::date::SentAt;
use crate::envelope::{Envelope, EnvelopeAddress};
use crate::header::unfold;
use crate::parameter::{self, Parameter};
use crate::scan::fields::{Fields, JOINT, Name};
use crate::structure::{Disposition, Kind, Part};
use crate::threading::Threading;
use crate::transfer::TransferEncoding;
use crate::word::decode_header;

/// Addresses kept of one field. Lists longer than this are not written by people.
const ADDRESSES_MAX: usize = 2_000;
/// Tags kept of `Content-Language`.
const LANGUAGES_MAX: usize = 20;

/// What is kept of the message's own header beside its part.
#[derive(Debug, Default)]
pub(super) struct RootHeader {
    pub(super) envelope: Envelope,
    pub(super) threading: Threading,
    pub(super) ancestors: Vec<IdKey>,
    pub(super) sent_at: Option<SentAt>,
    pub(super) received_count: u32,
    pub(super) delivered_to: Vec<String>,
}

impl RootHeader {
    /// What is needed to pass the message on.
    pub(super) fn surface(fields: &Fields) -> RootHeader {
        let threading = Threading::new(&unfold(fields.get(Name::MessageId).unwrap_or_default()), b"", b"", "");
        RootHeader { threading, received_count: fields.received_count, ..RootHeader::default() }
    }

    /// The flag: nothing was left out.
    pub(super) fn new(fields: &Fields) -> (RootHeader, bool) {
        let (envelope, complete) = envelope(fields);
        let value = |name| unfold(fields.get(name).unwrap_or_default());
        let subject = decode_header(fields.get(Name::Subject).unwrap_or_default());
        let references = value(Name::References);
        let threading = Threading::new(&value(Name::MessageId), &references, &value(Name::InReplyTo), &subject);
        let ancestors = ancestors(&references);
        let sent_at = SentAt::parse(&value(Name::Date));
        let delivered_to =
            fields.delivered_to.iter().map(|value| String::from_utf8_lossy(&unfold(value)).into_owned()).collect();
        let received_count = fields.received_count;
        (RootHeader { envelope, threading, ancestors, sent_at, received_count, delivered_to }, complete)
    }
}

/// The envelope of a message's header. The flag: nothing was left out.
pub(super) fn envelope(fields: &Fields) -> (Envelope, bool) {
    let mut complete = true;
    let mut addresses = |name| {
        let mut list: Vec<EnvelopeAddress> = Vec::new();
        for value in fields.get(name).into_iter().flat_map(|values| values.split(|&octet| octet == JOINT)) {
            let (more, all) = parse_addresses(&unfold(value), ADDRESSES_MAX.saturating_sub(list.len()));
            list.extend(more);
            complete &= all;
        }
        list
    };
    let envelope = Envelope {
        from: addresses(Name::From),
        sender: addresses(Name::Sender),
        reply_to: addresses(Name::ReplyTo),
        to: addresses(Name::To),
        cc: addresses(Name::Cc),
        bcc: addresses(Name::Bcc),
        date: text(fields, Name::Date),
        subject: text(fields, Name::Subject),
        in_reply_to: text(fields, Name::InReplyTo),
        message_id: text(fields, Name::MessageId),
    };
    (envelope, complete)
}

/// A field's value on one line. A field that is there but empty is an empty string (RFC 9051 §7.5.2).
fn text(fields: &Fields, name: Name) -> Option<Octets> {
    fields.get(name).map(|value| unfold(value).into())
}

/// Fills in what the MIME fields say, or their defaults (RFC 2045 §5.2; RFC 2046 §5.1.5 in a digest). The flag: nothing
/// was left out. Containers become leaves until they are looked into.
pub(super) fn describe(part: &mut Part, fields: &Fields, in_digest: bool) -> bool {
    let mut complete = !fields.cut;
    let value = |name| fields.get(name).map(unfold);
    part.id = text(fields, Name::ContentId);
    part.description = text(fields, Name::ContentDescription);
    part.md5 = text(fields, Name::ContentMd5);
    part.location = text(fields, Name::ContentLocation);
    part.encoding = value(Name::ContentTransferEncoding).map_or_else(Default::default, |v| TransferEncoding::parse(&v));
    if let Some((kind, parameters, all)) = value(Name::ContentDisposition).and_then(|v| parameter::disposition(&v)) {
        part.disposition = Some(Disposition { kind, parameters });
        complete &= all;
    }
    if let Some(tags) = value(Name::ContentLanguage) {
        let tags = tags.split(|&octet| octet == b',').map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty());
        part.language = tags.take(LANGUAGES_MAX).map(Into::into).collect();
    }
    let content_type = value(Name::ContentType);
    match content_type.as_deref().map(parameter::content_type) {
        Some(Some(content_type)) => {
            part.media_type = content_type.media_type;
            part.media_subtype = content_type.media_subtype;
            part.parameters = content_type.parameters;
            complete &= content_type.complete;
        }
        None if in_digest => {
            part.media_type = "message".into();
            part.media_subtype = "rfc822".into();
        }
        _ => plain_text(part),
    }
    if &*part.media_type == "multipart" {
        // RFC 2045 §6.4 forbids any other for multiparts, and their delimiters are looked for as they stand.
        part.encoding =
            if part.encoding.is_identity() { std::mem::take(&mut part.encoding) } else { Default::default() };
        // Without its boundary the type says nothing.
        if boundary(part).is_none() {
            plain_text(part);
        }
    }
    settle(part);
    complete
}

/// The boundary of a multipart, if it has one that can be found.
pub(super) fn boundary(part: &Part) -> Option<Vec<u8>> {
    let boundary = parameter::octets(&part.parameters, "boundary")?;
    let boundary = boundary.trim_ascii_end();
    (!boundary.is_empty()).then(|| boundary.to_vec())
}

/// Makes it the text that a part is by default (RFC 2045 §5.2).
pub(super) fn plain_text(part: &mut Part) {
    part.media_type = "text".into();
    part.media_subtype = "plain".into();
    part.parameters = Vec::new();
    settle(part);
}

/// Text has a charset (RFC 2046 §4.1.2), and IMAP's clients are told so.
fn settle(part: &mut Part) {
    part.kind = Kind::Leaf;
    if &*part.media_type == "text" {
        part.kind = Kind::Text;
        let is_charset = |p: &Parameter| p.name.strip_suffix('*').unwrap_or(&p.name) == "charset";
        if !part.parameters.iter().any(is_charset) {
            part.parameters.push(Parameter { name: "charset".into(), value: (*b"us-ascii").into() });
        }
    }
}
