//! The parts as they open and close.

use model::Budget;

use crate::envelope::Envelope;
use crate::scan::part;
use crate::structure::{Kind, Part, Structure};

/// RFC 2046 §5.1.1 allows 70. What fits no line (RFC 5322 §2.1.1) is compared up to here, and then never seen to end.
pub(super) const BOUNDARY_OCTETS_MAX: usize = 998;

/// All parts so far, and those of them that are not at their end.
#[derive(Debug)]
pub(super) struct Tree {
    parts: Vec<Part>,
    /// From the root to the part at hand; never empty.
    open: Vec<Open>,
    depth_max: usize,
    pub(super) truncated: bool,
}

/// A part that is not at its end.
#[derive(Debug)]
struct Open {
    index: usize,
    /// Line feeds before its body.
    feeds: u64,
    /// Where its last child ended.
    child_end: u64,
    /// Of a multipart before its epilogue.
    boundary: Option<Box<[u8]>>,
}

/// A delimiter line that was found.
pub(super) struct Delimiter {
    /// The multipart's place among the open parts.
    pub(super) level: usize,
    /// Whether it is the multipart's last.
    pub(super) closes: bool,
}

impl Tree {
    pub(super) fn new(depth_max: usize) -> Tree {
        let mut tree = Tree { parts: Vec::new(), open: Vec::new(), depth_max, truncated: false };
        tree.open(0);
        tree
    }

    /// The part at hand.
    pub(super) fn current(&self) -> &Part {
        let index = self.open.last().map_or(0, |open| open.index);
        self.parts.get(index).expect("the root opens with the tree, and open parts are parts")
    }

    /// The part at hand.
    pub(super) fn current_mut(&mut self) -> &mut Part {
        let index = self.open.last().map_or(0, |open| open.index);
        self.parts.get_mut(index).expect("the root opens with the tree, and open parts are parts")
    }

    fn parent(&mut self) -> Option<&mut Part> {
        let parent = self.open.iter().rev().nth(1)?;
        self.parts.get_mut(parent.index)
    }

    /// Whether the part at hand lies directly in a `multipart/digest`.
    pub(super) fn in_digest(&mut self) -> bool {
        self.parent().is_some_and(|parent| parent.is("multipart", "digest"))
    }

    /// Whether the part at hand must not be opened any deeper.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() > self.depth_max
    }

    /// A part begins in the part at hand.
    pub(super) fn open(&mut self, header_start: u64) {
        let index = self.parts.len();
        let parent = self.open.last().map(|open| open.index as u32);
        self.parts.push(blank(index as u32, parent, header_start));
        self.open.push(Open { index, feeds: 0, child_end: 0, boundary: None });
    }

    /// The body of the part at hand begins behind `feeds` line feeds.
    pub(super) fn body_start(&mut self, feeds: u64) {
        if let Some(open) = self.open.last_mut() {
            open.feeds = feeds;
        }
    }

    pub(super) fn set_kind(&mut self, kind: Kind) {
        self.current_mut().kind = kind;
    }

    /// The part at hand is the root of a message in its parent: this is its envelope.
    pub(super) fn set_envelope(&mut self, envelope: Envelope) {
        if let Some(parent) = self.parent() {
            parent.kind = Kind::Message(Box::new(envelope));
        }
    }

    /// Parts are looked for in the part at hand, unless it lies too deep.
    pub(super) fn enter_multipart(&mut self) {
        if self.is_full() {
            self.truncated = true;
            return;
        }
        let boundary = part::boundary(self.current()).map(|mut boundary| {
            boundary.truncate(BOUNDARY_OCTETS_MAX);
            boundary.into()
        });
        self.set_kind(Kind::Multipart);
        if let Some(open) = self.open.last_mut() {
            open.boundary = boundary;
        }
    }

    /// Behind its last delimiter the multipart at hand has no more parts.
    pub(super) fn enter_epilogue(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.boundary = None;
        }
    }

    /// The open multipart whose delimiter the line is.
    ///
    /// RFC 2046 §5.1.1: a line that begins with the boundary is one, whatever follows. If several fit, an exact one
    /// comes first, then the longest, then the innermost: a boundary may be the begin of another.
    pub(super) fn delimiter(&mut self, line: &[u8], whole: bool, budget: &mut Budget) -> Option<Delimiter> {
        let line = line.strip_prefix(b"--")?;
        let line = if whole { line.trim_ascii_end() } else { line };
        let mut best: Option<(usize, Delimiter)> = None;
        for (level, open) in self.open.iter().enumerate().rev() {
            let Some(boundary) = &open.boundary else { continue };
            if budget.take_steps(1).is_err() {
                self.truncated = true;
                return None;
            }
            let Some(behind) = line.strip_prefix(&**boundary) else { continue };
            let found = Delimiter { level, closes: behind.starts_with(b"--") };
            if whole && (behind.is_empty() || behind == b"--") {
                return Some(found);
            }
            if best.as_ref().is_none_or(|(octets, _)| boundary.len() > *octets) {
                best = Some((boundary.len(), found));
            }
        }
        best.map(|(_, delimiter)| delimiter)
    }

    /// Ends open parts until `count` are left. They end at `end`; what begins only behind it (the line end before a
    /// delimiter may be that of the line before the part) ends where it begins. Of `feeds` the first is the number of line
    /// feeds before `end`, the second that before such a begin.
    pub(super) fn close_down_to(&mut self, count: usize, end: u64, feeds: (u64, u64)) {
        while self.open.len() > count {
            let Some(open) = self.open.pop() else { return };
            let parts_count = self.parts.len();
            let Some(part) = self.parts.get_mut(open.index) else { return };
            let begin = part.body_start.max(open.child_end);
            part.body_end = end.max(begin);
            let feeds_before_end = if begin > end { feeds.1 } else { feeds.0 };
            part.lines = feeds_before_end.saturating_sub(open.feeds);
            let body_end = part.body_end;
            if part.kind == Kind::Multipart && parts_count == open.index + 1 {
                let only = only_text(part, parts_count as u32);
                self.parts.push(only);
            }
            let parts_count = self.parts.len();
            if let Some(part) = self.parts.get_mut(open.index) {
                part.end = parts_count as u32;
            }
            if let Some(outer) = self.open.last_mut() {
                outer.child_end = body_end;
            }
        }
    }

    pub(super) fn finish(self) -> Structure {
        Structure { parts: self.parts, truncated: self.truncated }
    }
}

/// A multipart in which no delimiter was found is shown as one text, for a multipart has parts (RFC 9051 §9
/// `body-type-mpart`) and what it holds shall be seen.
fn only_text(multipart: &Part, index: u32) -> Part {
    let mut text = blank(index, Some(multipart.index), multipart.body_start);
    text.body_start = multipart.body_start;
    text.body_end = multipart.body_end;
    text.lines = multipart.lines;
    part::plain_text(&mut text);
    text
}

fn blank(index: u32, parent: Option<u32>, header_start: u64) -> Part {
    Part {
        index,
        parent,
        end: index + 1,
        kind: Kind::Leaf,
        media_type: Box::default(),
        media_subtype: Box::default(),
        parameters: Vec::new(),
        id: None,
        description: None,
        encoding: Default::default(),
        md5: None,
        disposition: None,
        language: Vec::new(),
        location: None,
        header_start,
        body_start: header_start,
        body_end: header_start,
        lines: 0,
    }
}
