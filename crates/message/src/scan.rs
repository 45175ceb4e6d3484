//! One pass over a message, in whatever chunks it comes.
//!
//! Lines are the unit: the begin of each decides whether it is a delimiter, a field, a continuation or body. No more of a
//! line is held than tells that.

mod fields;
mod part;
mod tree;

use memchr::memchr;
use model::Budget;

use crate::scan::fields::{Fields, Scope};
use crate::scan::part::RootHeader;
use crate::scan::tree::Tree;
use crate::scanned::Scanned;
use crate::structure::{Kind, Part, Structure};
use crate::text;

/// Reads a message and keeps its structure. Any split into chunks gives the same result.
#[derive(Debug)]
pub struct Scanner {
    budget: Budget,
    tree: Tree,
    state: State,
    /// Octets of the lines that are dealt with, and of the line at hand.
    position: u64,
    line_start: u64,
    line_feeds: u64,
    /// Octets of the line end before the line at hand: 0 at the start, else 1 or 2.
    line_end_octets: u64,
    /// The begin of a line that came in pieces, until it can be judged.
    held: Vec<u8>,
    in_line: bool,
    last_octet: u8,
    crlf: bool,
    traits: Traits,
    sample: Sample,
    root: RootHeader,
}

#[derive(Debug)]
enum State {
    Header(Fields),
    Body,
    /// In a delimiter line that begins a part.
    Delimiter,
}

/// What the octets are like.
#[derive(Debug, Default)]
struct Traits {
    eight_bit: bool,
    has_nul: bool,
    has_bare_line_end: bool,
    has_long_line: bool,
}

/// The begin of the first text part, for the preview.
#[derive(Debug, Default)]
struct Sample {
    part: Option<u32>,
    octets: Vec<u8>,
}

impl Sample {
    /// Enough for a preview in any encoding; HTML often has more than this before its first word, and then has none.
    const OCTETS_MAX: usize = 4096;
    /// Most often this is enough, and a quarter of the work.
    const OCTETS_FIRST: usize = 1024;
    /// Characters at the end that may come of what was cut off in the midst: of a character, of an escape, of a tag.
    const CHARS_UNSURE: usize = 64;

    /// The preview of the part from which this was taken.
    fn preview(&self, part: &Part, budget: &Budget) -> String {
        let text = |octets| text::searchable(part, &self.octets, &Budget { octets, ..*budget });
        let whole = || text::preview(&text(Sample::OCTETS_MAX), Scanned::PREVIEW_CHARS_MAX);
        if self.octets.len() <= Sample::OCTETS_FIRST {
            return whole();
        }
        let first = text(Sample::OCTETS_FIRST);
        let sure = first.char_indices().nth_back(Sample::CHARS_UNSURE).map_or(0, |(end, _)| end);
        let preview = text::preview(first.get(..sure).unwrap_or_default(), Scanned::PREVIEW_CHARS_MAX);
        if preview.chars().count() == Scanned::PREVIEW_CHARS_MAX { preview } else { whole() }
    }
}

impl Scanner {
    /// For one message: 512 KiB of fields kept, 10,000 parts, nesting as [`Structure::DEPTH_MAX`], and ten million
    /// comparisons with boundaries. Real mail needs a hundredth of it.
    pub const DEFAULT_BUDGET: Budget =
        Budget { octets: 512 * 1024, items: 10_000, depth: Structure::DEPTH_MAX, steps: 10_000_000 };

    /// Of a line's begin: a delimiter with the longest boundary that is told apart, or the longest field name.
    const HELD_MAX: usize = tree::BOUNDARY_OCTETS_MAX + 8;

    /// Starts a message. `budget.items` are parts; one part there is always.
    pub fn new(budget: Budget) -> Scanner {
        Scanner {
            budget,
            tree: Tree::new(budget.depth.min(Structure::DEPTH_MAX)),
            state: State::Header(Fields::new(Scope::Root)),
            position: 0,
            line_start: 0,
            line_feeds: 0,
            line_end_octets: 0,
            held: Vec::new(),
            in_line: false,
            last_octet: 0,
            crlf: false,
            traits: Traits::default(),
            sample: Sample::default(),
            root: RootHeader::default(),
        }
    }

    /// As [`Scanner::new`], for a message that is only passed on. Of what [`Scanned`] has, it finds out `size_octets`, `header_octets`, what
    /// the octets are like, `received_count` and the `message_id` of `threading`; all else is as in an empty message.
    pub fn surface(budget: Budget) -> Scanner {
        Scanner { state: State::Header(Fields::new(Scope::Surface)), ..Scanner::new(budget) }
    }

    /// The next octets of the message.
    pub fn push(&mut self, chunk: &[u8]) {
        self.traits.eight_bit |= !chunk.is_ascii();
        self.traits.has_nul |= memchr(0, chunk).is_some();
        let mut rest = chunk;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = behind;
            self.judge_line_end(piece);
            self.position += piece.len() as u64;
            let ended = piece.ends_with(b"\n");
            // A CR at the end of a chunk may belong to the line end.
            let end_octets = if ended { 1 + u64::from(self.crlf) } else { u64::from(piece.ends_with(b"\r")) };
            let line_octets = self.position - self.line_start - end_octets;
            self.traits.has_long_line |= line_octets > Scanned::LINE_OCTETS_MAX;
            if self.in_line {
                self.line_rest(piece);
            } else if self.held.is_empty() && (ended || piece.len() >= Self::HELD_MAX) {
                self.line(piece, ended);
            } else {
                self.hold(piece, ended);
            }
            if ended {
                self.line_end();
            }
        }
    }

    /// The message ends here.
    pub fn finish(mut self) -> Scanned {
        self.traits.has_bare_line_end |= self.last_octet == b'\r';
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.line(&held, true);
        }
        // A delimiter at which the message is cut off begins no part: only its line end would.
        self.end_headers(self.position, self.line_feeds);
        self.tree.close_down_to(0, self.position, (self.line_feeds, self.line_feeds));
        self.scanned()
    }

    fn scanned(self) -> Scanned {
        let structure = self.tree.finish();
        let sampled = self.sample.part.and_then(|index| structure.parts().get(index as usize));
        let preview = sampled.map(|part| self.sample.preview(part, &self.budget)).unwrap_or_default();
        Scanned {
            envelope: self.root.envelope,
            threading: self.root.threading,
            ancestors: self.root.ancestors,
            sent_at: self.root.sent_at,
            received_count: self.root.received_count,
            delivered_to: self.root.delivered_to,
            size_octets: self.position,
            header_octets: structure.root().body_start,
            eight_bit: self.traits.eight_bit,
            has_nul: self.traits.has_nul,
            has_bare_line_end: self.traits.has_bare_line_end,
            has_long_line: self.traits.has_long_line,
            preview,
            structure,
        }
    }

    /// Whether a CR or LF in `piece` stands alone, and how its line ends.
    fn judge_line_end(&mut self, piece: &[u8]) {
        let behind_cr = self.last_octet == b'\r';
        let (inner, bare_lf) = match piece {
            [inner @ .., b'\r', b'\n'] => (inner, false),
            [inner @ .., b'\n'] => (inner, !(inner.is_empty() && behind_cr)),
            [inner @ .., b'\r'] => (inner, false),
            inner => (inner, false),
        };
        let bare_cr = memchr(b'\r', inner).is_some() || (behind_cr && !piece.starts_with(b"\n"));
        self.traits.has_bare_line_end |= bare_lf || bare_cr;
        self.crlf = piece.ends_with(b"\r\n") || (behind_cr && piece == b"\n");
        self.last_octet = piece.last().copied().unwrap_or(self.last_octet);
    }

    /// Gathers the begin of a line that came in pieces.
    fn hold(&mut self, piece: &[u8], ended: bool) {
        let room = Self::HELD_MAX.saturating_sub(self.held.len()).min(piece.len());
        let (begin, rest) = piece.split_at_checked(room).unwrap_or((piece, &[]));
        self.held.extend_from_slice(begin);
        if !ended && self.held.len() < Self::HELD_MAX {
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        self.line(&held, ended && rest.is_empty());
        self.line_rest(rest);
        held.clear();
        self.held = held;
    }

    /// A line begins with `octets`; judged by its first [`Self::HELD_MAX`].
    fn line(&mut self, octets: &[u8], ended: bool) {
        let (begin, rest) = octets.split_at_checked(Self::HELD_MAX).unwrap_or((octets, &[]));
        let whole = ended && rest.is_empty();
        self.in_line = true;
        if begin.starts_with(b"--") && self.delimiter(begin, whole) {
            return;
        }
        match &mut self.state {
            State::Header(_) if matches!(begin, b"\n" | b"\r\n") => {
                self.header_end(self.line_start + begin.len() as u64, self.line_feeds + 1);
                return;
            }
            State::Header(fields) if matches!(begin, [b' ' | b'\t', ..]) => fields.append(begin, &mut self.budget),
            State::Header(fields) => fields.start(begin, &mut self.budget),
            State::Body => self.keep_sample(begin),
            State::Delimiter => {}
        }
        self.line_rest(rest);
    }

    /// More of the line.
    fn line_rest(&mut self, octets: &[u8]) {
        match &mut self.state {
            State::Header(fields) => fields.append(octets, &mut self.budget),
            State::Body => self.keep_sample(octets),
            State::Delimiter => {}
        }
    }

    fn line_end(&mut self) {
        self.in_line = false;
        self.line_feeds += 1;
        self.line_start = self.position;
        self.line_end_octets = 1 + u64::from(self.crlf);
        if matches!(self.state, State::Delimiter) {
            self.part_start();
        }
    }

    fn keep_sample(&mut self, octets: &[u8]) {
        if self.sample.part.is_some_and(|index| index == self.tree.current().index) {
            let room = Sample::OCTETS_MAX.saturating_sub(self.sample.octets.len());
            if self.sample.octets.is_empty() {
                self.sample.octets.reserve_exact(Sample::OCTETS_MAX);
            }
            self.sample.octets.extend_from_slice(octets.get(..room).unwrap_or(octets));
        }
    }

    /// Ends parts if the line is the delimiter of an open multipart (RFC 2046 §5.1.1), also within a header.
    fn delimiter(&mut self, line: &[u8], whole: bool) -> bool {
        let Some(delimiter) = self.tree.delimiter(line, whole, &mut self.budget) else { return false };
        // Without room for a further part, the rest belongs to the last one.
        if !delimiter.closes && self.budget.take_item().is_err() {
            self.tree.truncated = true;
            return false;
        }
        let end = self.line_start - self.line_end_octets;
        let feeds = self.line_feeds - u64::from(self.line_end_octets > 0);
        self.end_headers(end, feeds);
        self.tree.close_down_to(delimiter.level + 1, end, (feeds, self.line_feeds));
        if delimiter.closes {
            self.tree.enter_epilogue();
            self.state = State::Body;
        } else {
            self.state = State::Delimiter;
        }
        true
    }

    /// A part of a multipart begins at the line at hand.
    fn part_start(&mut self) {
        self.tree.open(self.position);
        self.state = State::Header(Fields::new(Scope::Part));
    }

    /// Ends the header at hand, if any, and that of a message which it announces.
    fn end_headers(&mut self, at: u64, feeds: u64) {
        while let State::Header(_) = self.state {
            self.header_end(at, feeds);
        }
    }

    /// The header at hand ends at `at`, before which there are `feeds` line feeds, and tells what the part is.
    fn header_end(&mut self, at: u64, feeds: u64) {
        let State::Header(fields) = std::mem::replace(&mut self.state, State::Body) else { return };
        let in_digest = self.tree.in_digest();
        let part = self.tree.current_mut();
        let (at, feeds) = if at < part.header_start { (part.header_start, self.line_feeds) } else { (at, feeds) };
        part.body_start = at;
        if fields.scope() == Scope::Surface {
            self.root = RootHeader::surface(&fields);
            return;
        }
        let mut complete = part::describe(part, &fields, in_digest);
        match fields.scope() {
            Scope::Root => {
                let (header, all) = RootHeader::new(&fields);
                self.root = header;
                complete &= all;
            }
            Scope::Message => {
                let (envelope, all) = part::envelope(&fields);
                self.tree.set_envelope(envelope);
                complete &= all;
            }
            Scope::Part | Scope::Surface => {}
        }
        self.tree.truncated |= !complete;
        self.body_start(at, feeds);
    }

    /// The body begins: that of a container is looked into.
    fn body_start(&mut self, at: u64, feeds: u64) {
        self.tree.body_start(feeds);
        let part = self.tree.current();
        if part.is("message", "rfc822") || part.is("message", "global") {
            // An encoded message cannot be looked into; RFC 2046 §5.2.1 forbids it, RFC 6532 §3.7 allows it.
            if !part.encoding.is_identity() {
                return;
            }
            if self.tree.is_full() || self.budget.take_item().is_err() {
                self.tree.truncated = true;
                return;
            }
            self.tree.set_kind(Kind::Message(Box::default()));
            self.tree.open(at);
            self.state = State::Header(Fields::new(Scope::Message));
        } else if &*part.media_type == "multipart" {
            self.tree.enter_multipart();
        } else if self.sample.part.is_none() && part.kind == Kind::Text && !is_attachment(part) {
            self.sample.part = Some(part.index);
        }
    }
}

fn is_attachment(part: &Part) -> bool {
    part.disposition.as_ref().is_some_and(|disposition| &*disposition.kind == "attachment")
}

#[cfg(test)]
mod tests;
