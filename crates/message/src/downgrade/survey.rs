//! The first reading: what the octets of each part are like.

use crate::downgrade::convert::{Change, Converter};
use crate::downgrade::region::{Piece, Walk, What};
use crate::downgrade::{Plan, Reason, Target, fields, signed};
use crate::parameter;
use crate::scanned::Scanned;
use crate::structure::{Kind, Part};
use crate::transfer::TransferEncoding;

/// Reads a message to find out how it can be sent to a lesser next hop.
#[derive(Debug)]
pub struct Survey<'a> {
    scanned: &'a Scanned,
    walk: Walk,
    header: Vec<u8>,
    traits: Vec<Traits>,
    line: Line,
    cannot: Option<Reason>,
    octets: u64,
}

/// What octets are like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Octets {
    eight_bit: bool,
    nul: bool,
    bare_cr: bool,
    bare_lf: bool,
    long_line: bool,
}

/// What a part's octets are like.
#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    header: Octets,
    leaf: Octets,
    gap: Octets,
    /// Why the header has no 7-bit form.
    unencodable: Option<Reason>,
    /// A field of the header cannot be folded.
    unfoldable: bool,
}

/// The line at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    octets: u64,
    behind_cr: bool,
}

impl Line {
    fn look_at(&mut self, octets: &[u8], seen: &mut Octets) {
        for &octet in octets {
            match octet {
                b'\n' => {
                    seen.bare_lf |= !self.behind_cr;
                    *self = Line::default();
                    continue;
                }
                // A CR counts only once it is known to stand alone.
                _ if self.behind_cr => self.stray(seen),
                _ => {}
            }
            seen.eight_bit |= octet > 127;
            seen.nul |= octet == 0;
            self.behind_cr = octet == b'\r';
            self.octets += u64::from(!self.behind_cr);
            seen.long_line |= self.octets > Scanned::LINE_OCTETS_MAX;
        }
    }

    fn stray(&mut self, seen: &mut Octets) {
        self.octets += 1;
        seen.bare_cr = true;
    }

    fn end(&mut self, seen: &mut Octets) {
        if self.behind_cr {
            self.stray(seen);
        }
        *self = Line::default();
    }
}

impl<'a> Survey<'a> {
    /// As much of a header as the scanner keeps of all.
    pub const HEADER_OCTETS_MAX: usize = 512 * 1024;

    /// Starts a message that was scanned.
    pub fn new(scanned: &'a Scanned) -> Survey<'a> {
        Survey {
            scanned,
            walk: Walk::new(&scanned.structure),
            header: Vec::new(),
            traits: vec![Traits::default(); scanned.structure.parts().len()],
            line: Line::default(),
            cannot: scanned.is_truncated().then_some(Reason::Truncated),
            octets: 0,
        }
    }

    /// The next octets of the message.
    pub fn push(&mut self, mut chunk: &[u8]) {
        self.octets += chunk.len() as u64;
        while let Some(piece) = self.walk.next(&mut chunk) {
            self.look_at(&piece);
        }
    }

    fn look_at(&mut self, piece: &Piece<'_>) {
        let Some(traits) = self.traits.get_mut(piece.region.part) else { return };
        let seen = match piece.region.what {
            What::Header => &mut traits.header,
            What::Leaf => &mut traits.leaf,
            What::Gap => &mut traits.gap,
        };
        self.line.look_at(piece.octets, seen);
        if piece.ends {
            self.line.end(seen);
        }
        if piece.region.what == What::Header {
            if self.header.len() + piece.octets.len() > Self::HEADER_OCTETS_MAX {
                self.cannot.get_or_insert(Reason::HeaderTooLong);
            } else {
                self.header.extend_from_slice(piece.octets);
            }
            if piece.ends {
                traits.unencodable = traits.header.eight_bit.then(|| fields::unencodable(&self.header)).flatten();
                traits.unfoldable = traits.header.long_line && !fields::foldable(&self.header);
                self.header.clear();
            }
        }
    }

    /// How the message gets to `target`.
    pub fn plan(self, target: Target) -> Plan {
        if let Some(plan) = Plan::at_once(self.scanned, target) {
            return plan;
        }
        if !self.walk.is_done() || self.octets != self.scanned.size_octets {
            return Plan::Cannot(Reason::Changed);
        }
        match self.cannot.map_or_else(|| self.changes(target), Err) {
            Ok(None) => Plan::AsIs,
            Ok(Some(changes)) => Plan::Convert(Box::new(Converter::new(&self.scanned.structure, changes, target))),
            Err(reason) => Plan::Cannot(reason),
        }
    }

    /// What to do to each part; `None` if nothing.
    fn changes(&self, target: Target) -> Result<Option<Vec<Change>>, Reason> {
        let structure = &self.scanned.structure;
        let mut any = self.scanned.has_bare_line_end && !target.takes_binary();
        let mut changes = Vec::with_capacity(self.traits.len());
        for ((part, traits), signed) in structure.parts().iter().zip(&self.traits).zip(signed(structure)) {
            let header_changes = traits.header_changes(target)?;
            let gap_changes = traits.gap.spoils(target);
            let mut change = change(part, &traits.leaf, target)?;
            // A label that says too much does no harm, and must stay if it was signed.
            if signed && matches!(change, Change::Label(_)) {
                change = Change::Keep;
            }
            let changed = header_changes || gap_changes || change != Change::Keep;
            if signed && changed {
                return Err(Reason::Signed);
            }
            any |= changed;
            changes.push(change);
        }
        Ok(any.then_some(changes))
    }
}

impl Octets {
    /// Whether octets of this kind get to `target` only in another form. A bare LF only has to become a line end.
    fn spoils(&self, target: Target) -> bool {
        let in_lines = self.nul || self.bare_cr || self.long_line;
        (self.eight_bit && !target.eight_bit) || (in_lines && !target.takes_binary())
    }
}

impl Traits {
    /// Whether fields have to be written anew, if they can be.
    fn header_changes(&self, target: Target) -> Result<bool, Reason> {
        if let Some(reason) = self.unencodable.filter(|_| !target.eight_bit) {
            return Err(reason);
        }
        if self.unfoldable && !target.takes_binary() {
            return Err(Reason::Header);
        }
        Ok(self.header.spoils(target))
    }
}

/// What to do to the part itself.
fn change(part: &Part, leaf: &Octets, target: Target) -> Result<Change, Reason> {
    let label = match part.encoding {
        TransferEncoding::EightBit => !target.eight_bit,
        TransferEncoding::Binary => !target.takes_binary(),
        _ => false,
    };
    let is_container = matches!(part.kind, Kind::Multipart | Kind::Message(_));
    if is_container {
        let boundary = parameter::octets(&part.parameters, "boundary").unwrap_or_default();
        // Its delimiters could be told apart from nothing any more once they are cut to a line.
        if part.kind == Kind::Multipart && boundary.len() > 900 {
            return Err(Reason::Unencodable);
        }
    }
    // In binary a bare LF is no line end, unless it is text in a charset that has this octet for one.
    let is_text = matches!(&*part.media_type, "text" | "message") && !has_wide_charset(part);
    let is_binary = part.encoding == TransferEncoding::Binary && !is_text;
    let spoiled = leaf.spoils(target) || (is_binary && leaf.bare_lf && !target.takes_binary());
    if is_container || !spoiled {
        let eight_bit = target.eight_bit && (is_container || leaf.eight_bit);
        let name = if eight_bit { "8bit" } else { "7bit" };
        return Ok(if label { Change::Label(name) } else { Change::Keep });
    }
    // What stands for the parts of a multipart that has none has no header of its own.
    let has_header = part.body_start > part.header_start;
    let may_be_encoded = !(part.is("message", "partial") || part.is("message", "external-body"));
    if !has_header || !may_be_encoded {
        return Err(Reason::Unencodable);
    }
    match &part.encoding {
        TransferEncoding::QuotedPrintable => Ok(Change::Encode(TransferEncoding::QuotedPrintable)),
        TransferEncoding::Base64 => Ok(Change::Encode(TransferEncoding::Base64)),
        TransferEncoding::Other(_) => Err(Reason::UnknownEncoding),
        _ if is_text && !leaf.nul => Ok(Change::Encode(TransferEncoding::QuotedPrintable)),
        _ => Ok(Change::Encode(TransferEncoding::Base64)),
    }
}

/// Whether characters have several octets, of which any may look like a line end.
fn has_wide_charset(part: &Part) -> bool {
    let charset = part.parameter("charset").unwrap_or_default().trim().to_ascii_lowercase();
    ["utf-16", "utf-32", "ucs-", "iso-10646-ucs"].iter().any(|wide| charset.starts_with(wide))
}
