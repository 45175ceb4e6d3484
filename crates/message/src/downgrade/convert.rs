//! The second reading: the message as it can be sent.

use std::fmt;

use crate::downgrade::region::{Piece, Region, Walk, What};
use crate::downgrade::{Target, fields};
use crate::structure::{Kind, Structure};
use crate::transfer::{Decoder, Encoder, TransferEncoding};

/// What to do to a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Keep,
    /// Only its `Content-Transfer-Encoding` is another.
    Label(&'static str),
    /// Its body is encoded, anew if it was.
    Encode(TransferEncoding),
}

/// Rewrites a message piece by piece; any split gives the same octets.
#[derive(Debug)]
pub struct Converter {
    walk: Walk,
    parts: Vec<PartPlan>,
    target: Target,
    header: Vec<u8>,
    body: Body,
    octets: u64,
    size_octets: u64,
}

/// What is done to a part, and what has to be known for it.
#[derive(Debug)]
struct PartPlan {
    change: Change,
    /// The one it has.
    encoding: TransferEncoding,
    /// Whether its header is that of a message.
    is_message: bool,
}

/// How the octets at hand are written.
#[derive(Debug)]
enum Body {
    Plain(Lines),
    Encoded(Box<(Decoder, Encoder)>),
}

/// The octets that came are not those that were scanned: what was written is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongLength;

impl fmt::Display for WrongLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message is not as long as when it was scanned")
    }
}

impl std::error::Error for WrongLength {}

impl Converter {
    pub(super) fn new(structure: &Structure, changes: Vec<Change>, target: Target) -> Converter {
        let parts = structure.parts().iter().zip(changes).map(|(part, change)| PartPlan {
            change,
            encoding: part.encoding.clone(),
            is_message: structure.parent(part).is_none_or(|parent| matches!(parent.kind, Kind::Message(_))),
        });
        Converter {
            walk: Walk::new(structure),
            parts: parts.collect(),
            target,
            header: Vec::new(),
            body: Body::Plain(Lines::default()),
            octets: 0,
            size_octets: structure.root().body_end,
        }
    }

    /// Appends to `out` what the next octets of the message become: at most four times as many, and one header.
    pub fn push(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) {
        self.octets += chunk.len() as u64;
        while let Some(piece) = self.walk.next(&mut chunk) {
            match piece.region.what {
                What::Header => self.header(&piece, out),
                What::Leaf => self.leaf(&piece, out),
                What::Gap => self.gap(&piece, out),
            }
        }
    }

    /// The message ends here.
    ///
    /// # Errors
    /// If other octets came than were scanned; what was written must not be sent then.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), WrongLength> {
        if !self.walk.is_done() || self.octets != self.size_octets {
            return Err(WrongLength);
        }
        // A message ends with a line end; behind text one would be part of it.
        if let Some(PartPlan { change: Change::Encode(TransferEncoding::Base64), .. }) = self.parts.first() {
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn header(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        self.header.extend_from_slice(piece.octets);
        if !piece.ends {
            return;
        }
        let Some(part) = self.parts.get(piece.region.part) else { return };
        let encoding = match &part.change {
            Change::Keep => None,
            Change::Label(name) => Some(*name),
            Change::Encode(encoding) => Some(encoding.as_str()),
        };
        fields::print(&self.header, encoding, part.is_message, self.target, out);
        self.header.clear();
    }

    fn leaf(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        self.start(piece.region);
        match &mut self.body {
            Body::Plain(lines) => lines.push(piece.octets, out),
            Body::Encoded(coders) => {
                let mut plain = Vec::new();
                // A little at a time, so that what is decoded and not yet encoded stays small.
                for octets in piece.octets.chunks(16 * 1024) {
                    plain.clear();
                    coders.0.push(octets, &mut plain);
                    coders.1.push(&plain, out);
                }
            }
        }
        if piece.ends
            && let Body::Encoded(coders) = std::mem::replace(&mut self.body, Body::Plain(Lines::default()))
        {
            let (decoder, mut encoder) = *coders;
            let mut plain = Vec::new();
            decoder.finish(&mut plain);
            encoder.push(&plain, out);
            encoder.finish(out);
        }
    }

    /// Sets the coders up at the begin of a leaf that is encoded.
    fn start(&mut self, region: Region) {
        let Some(part) = self.parts.get(region.part) else { return };
        let (Change::Encode(encoding), Body::Plain(_)) = (&part.change, &self.body) else { return };
        let encoder =
            if *encoding == TransferEncoding::Base64 { Encoder::base64() } else { Encoder::quoted_printable() };
        if let Ok(decoder) = Decoder::new(&part.encoding) {
            self.body = Body::Encoded(Box::new((decoder, encoder)));
        }
    }

    fn gap(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        if let Body::Plain(lines) = &mut self.body {
            let octets: Vec<u8> = piece.octets.iter().map(|&octet| shown(octet, self.target)).collect();
            lines.push(&octets, out);
        }
    }
}

/// Octets between parts are for nobody, so what cannot be sent is replaced.
fn shown(octet: u8, target: Target) -> u8 {
    match octet {
        128.. if !target.eight_bit => b'?',
        0 => b'?',
        octet => octet,
    }
}

/// Ends lines with CRLF and cuts those between parts that are too long.
#[derive(Debug, Default)]
struct Lines {
    octets: usize,
    behind_cr: bool,
}

impl Lines {
    fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for &octet in octets {
            match octet {
                b'\n' => {
                    out.extend_from_slice(b"\r\n");
                    *self = Lines::default();
                }
                // Held until it is known whether a line ends with it; one that stands alone becomes a blank.
                b'\r' => {
                    self.stray(out);
                    self.behind_cr = true;
                }
                _ => {
                    self.stray(out);
                    self.one(octet, out);
                }
            }
        }
    }

    fn stray(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.behind_cr) {
            self.one(b' ', out);
        }
    }

    fn one(&mut self, octet: u8, out: &mut Vec<u8>) {
        if self.octets < 998 {
            out.push(octet);
        }
        self.octets += 1;
    }
}
