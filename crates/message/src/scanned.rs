//! What one pass over a message tells.

use crate::ancestry::IdKey;
use crate::date::SentAt;
use crate::envelope::Envelope;
use crate::structure::Structure;
use crate::threading::Threading;

/// All that is kept of a message beside its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The parts and where they lie.
    pub structure: Structure,
    /// The header's fields for ENVELOPE.
    pub envelope: Envelope,
    /// By what it finds its thread.
    pub threading: Threading,
    /// What `References` names, the oldest first; at most [`crate::ANCESTORS_MAX`].
    pub ancestors: Vec<IdKey>,
    /// The `Date` field's time, if it can be read.
    pub sent_at: Option<SentAt>,
    /// How many `Received` fields: hops, for loop detection (RFC 5321 §6.3).
    pub received_count: u32,
    /// The first [`Scanned::DELIVERED_TO_MAX`] `Delivered-To` fields, for loop detection.
    pub delivered_to: Vec<String>,
    /// Octets of the whole message.
    pub size_octets: u64,
    /// Octets of the header with its blank line.
    pub header_octets: u64,
    /// Whether any octet is above 127.
    pub eight_bit: bool,
    /// Whether there is a NUL, which IMAP can tell only as a `literal8` (RFC 9051 §4.3.1).
    pub has_nul: bool,
    /// Whether a CR or LF stands alone.
    pub has_bare_line_end: bool,
    /// Whether a line is longer than [`Scanned::LINE_OCTETS_MAX`].
    pub has_long_line: bool,
    /// The first words of the first text part, at most [`Scanned::PREVIEW_CHARS_MAX`] characters.
    pub preview: String,
}

impl Scanned {
    /// More hops than a path that ends.
    pub const DELIVERED_TO_MAX: usize = 100;
    /// RFC 5322 §2.1.1, without the line end.
    pub const LINE_OCTETS_MAX: u64 = 998;
    /// RFC 8621 §4.1.4: a preview has at most 256 characters.
    pub const PREVIEW_CHARS_MAX: usize = 256;

    /// Whether the budget ran out, so that something is missing here that the message holds.
    pub fn is_truncated(&self) -> bool {
        self.structure.is_truncated()
    }
}
