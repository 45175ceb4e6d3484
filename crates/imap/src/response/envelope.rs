//! ENVELOPE (RFC 9051 §7.5.2).

use message::{Envelope, EnvelopeAddress};

use super::text;

/// `("date" "subject" ((…)) … "in-reply-to" "message-id")`
pub(super) fn envelope(out: &mut Vec<u8>, envelope: &Envelope) {
    out.push(b'(');
    text::nstring(out, envelope.date.as_deref());
    out.push(b' ');
    text::nstring(out, envelope.subject.as_deref());
    let lists = [
        envelope.from.as_slice(),
        envelope.sender_or_from(),
        envelope.reply_to_or_from(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ];
    for list in lists {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    text::nstring(out, envelope.in_reply_to.as_deref());
    out.push(b' ');
    text::nstring(out, envelope.message_id.as_deref());
    out.push(b')');
}

/// No space stands between addresses (RFC 9051 §9 `env-from`).
fn addresses(out: &mut Vec<u8>, list: &[EnvelopeAddress]) {
    if list.is_empty() {
        return text::nil(out);
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        text::nstring(out, address.name.as_deref());
        // The source route is history (RFC 5322 §4.4).
        out.extend_from_slice(b" NIL ");
        text::nstring(out, address.mailbox.as_deref());
        out.push(b' ');
        text::nstring(out, address.host.as_deref());
        out.push(b')');
    }
    out.push(b')');
}
