//! A message for a next hop that lacks 8BITMIME, BINARYMIME or SMTPUTF8 (RFC 6152 §3, RFC 3030 §3, RFC 6531 §3.5).
//!
//! Two readings: a [`Survey`] tells what the octets of each part are like, for senders label them wrong; a [`Converter`]
//! then rewrites what has to be, part by part. Neither holds more than one header.
//!
//! Nothing within `multipart/signed` is changed (RFC 1847 §2.1). A DKIM signature may break by the conversion: signers
//! convert before they sign (RFC 6376 §5.3), so one over 8-bit text was made for another way.
//!
//! A header in raw 8-bit octets is sent as it is to who takes 8-bit bodies, for that is what has always been done.

mod convert;
mod fields;
mod region;
mod survey;

use std::fmt;

use crate::envelope::EnvelopeAddress;
use crate::scanned::Scanned;
use crate::structure::{Part, Structure};
use crate::transfer::TransferEncoding;

pub use convert::{Converter, WrongLength};
pub use survey::Survey;

/// What the next hop announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// BINARYMIME (RFC 3030); counts only beside `eight_bit`.
    pub binary: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

impl Target {
    /// Whether content goes through as it is, in lines or not.
    fn takes_binary(self) -> bool {
        self.eight_bit && self.binary
    }
}

/// How a message gets to a next hop.
#[derive(Debug)]
pub enum Plan {
    /// Nothing has to be changed.
    AsIs,
    /// Its octets go through this.
    Convert(Box<Converter>),
    /// It cannot be sent there.
    Cannot(Reason),
}

/// Why a message cannot be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An address in its header needs SMTPUTF8.
    NeedsSmtpUtf8,
    /// It was signed in the form it has.
    Signed,
    /// A field that has no 7-bit form, or is too long for a line.
    Header,
    /// A header longer than [`Survey::HEADER_OCTETS_MAX`].
    HeaderTooLong,
    /// A part in a transfer encoding that is not known.
    UnknownEncoding,
    /// A part that must not be encoded (RFC 2046 §5.2.2, §5.2.3), or has no header that could say so.
    Unencodable,
    /// Its structure was too large to be known as a whole.
    Truncated,
    /// Other octets were read than were scanned: a fault of our own, hence temporary.
    Changed,
}

impl Reason {
    /// RFC 3463 §3.7, and RFC 6531 §3.5 for a header in UTF-8.
    pub fn status(self) -> (u8, u16, u16) {
        match self {
            Reason::NeedsSmtpUtf8 => (5, 6, 9),
            Reason::Changed => (4, 3, 0),
            _ => (5, 6, 3),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NeedsSmtpUtf8 => "the message has international addresses, which the next server does not take",
            Reason::Signed => "the message is signed and may not be converted to what the next server takes",
            Reason::Header => "a header field of the message cannot be converted to ASCII",
            Reason::HeaderTooLong => "the header of the message is too long to be converted",
            Reason::UnknownEncoding => "a part of the message is in an encoding that is not known",
            Reason::Unencodable => "a part of the message may not be converted",
            Reason::Truncated => "the message has too many parts to be converted",
            Reason::Changed => "the message could not be read as it was stored",
        })
    }
}

impl Plan {
    /// What can be told without reading the message again: nearly always all there is to tell. `None`: a [`Survey`] tells.
    pub fn at_once(scanned: &Scanned, target: Target) -> Option<Plan> {
        if !target.smtputf8 && has_international_address(scanned) {
            return Some(Plan::Cannot(Reason::NeedsSmtpUtf8));
        }
        let structured = scanned.has_nul || scanned.has_bare_line_end || scanned.has_long_line;
        let labelled = |part: &Part| match part.encoding {
            TransferEncoding::EightBit => !target.eight_bit,
            TransferEncoding::Binary => !target.takes_binary(),
            _ => false,
        };
        let needed = (scanned.eight_bit && !target.eight_bit)
            || (structured && !target.takes_binary())
            || scanned.structure.parts().iter().any(labelled);
        match (needed, scanned.is_truncated()) {
            (false, _) => Some(Plan::AsIs),
            (true, true) => Some(Plan::Cannot(Reason::Truncated)),
            (true, false) => None,
        }
    }
}

/// Whether an address of the header is in UTF-8 (RFC 6532 §3.2). Other octets above 127 are no address at all.
fn has_international_address(scanned: &Scanned) -> bool {
    let envelope = &scanned.envelope;
    let lists = [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    let international = |octets: &Option<crate::Octets>| {
        octets.as_deref().is_some_and(|octets| !octets.is_ascii() && std::str::from_utf8(octets).is_ok())
    };
    let is_international = |address: &EnvelopeAddress| {
        address.host.as_deref().is_some_and(|host| !host.is_empty())
            && (international(&address.mailbox) || international(&address.host))
    };
    lists.into_iter().flatten().any(is_international)
}

/// Of each part whether it lies within `multipart/signed`.
fn signed(structure: &Structure) -> Vec<bool> {
    let mut signed: Vec<bool> = Vec::with_capacity(structure.parts().len());
    for part in structure.parts() {
        let parent = structure.parent(part);
        let inherited = parent.and_then(|parent| signed.get(parent.index as usize)).copied().unwrap_or_default();
        signed.push(inherited || parent.is_some_and(|parent| parent.is("multipart", "signed")));
    }
    signed
}

#[cfg(test)]
mod tests;
