//! The octets of a message in the order they come, and what each belongs to.

use crate::structure::{Kind, Part, Structure};

/// Octets of one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) what: What,
    /// The part's place in [`Structure::parts`].
    pub(super) part: usize,
    /// One behind its last octet; it begins where the one before it ends.
    end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A part's header.
    Header,
    /// The body of a part that has none within.
    Leaf,
    /// Between the parts of a multipart: delimiters, preamble, epilogue.
    Gap,
}

/// Goes through the regions as octets come.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    regions: std::vec::IntoIter<Region>,
    current: Option<Region>,
    position: u64,
}

/// Octets of one region, and whether it ends with them.
pub(super) struct Piece<'a> {
    pub(super) region: Region,
    pub(super) octets: &'a [u8],
    pub(super) ends: bool,
}

impl Walk {
    pub(super) fn new(structure: &Structure) -> Walk {
        let mut regions = regions(structure).into_iter();
        let current = regions.next();
        Walk { regions, current, position: 0 }
    }

    /// The next octets that belong together, taken from `chunk`. `None` at its end, or at the message's.
    pub(super) fn next<'a>(&mut self, chunk: &mut &'a [u8]) -> Option<Piece<'a>> {
        let region = self.current.filter(|_| !chunk.is_empty())?;
        let left = usize::try_from(region.end - self.position).unwrap_or(usize::MAX);
        let (octets, rest) = chunk.split_at_checked(left).unwrap_or((chunk, &[]));
        *chunk = rest;
        self.position += octets.len() as u64;
        let ends = self.position == region.end;
        if ends {
            self.current = self.regions.next();
        }
        Some(Piece { region, octets, ends })
    }

    /// Whether all octets came.
    pub(super) fn is_done(&self) -> bool {
        self.current.is_none()
    }
}

/// All regions that are not empty: at most three for each part, and one behind its children.
fn regions(structure: &Structure) -> Vec<Region> {
    let mut list = List { regions: Vec::new(), at: 0 };
    let mut open: Vec<&Part> = Vec::new();
    for part in structure.parts() {
        while let Some(container) = open.pop_if(|container| part.parent != Some(container.index)) {
            list.push(What::Gap, container, container.body_end);
        }
        if let Some(container) = open.last() {
            list.push(What::Gap, container, part.header_start);
        }
        list.push(What::Header, part, part.body_start);
        match part.kind {
            Kind::Multipart | Kind::Message(_) => open.push(part),
            Kind::Text | Kind::Leaf => list.push(What::Leaf, part, part.body_end),
        }
    }
    while let Some(container) = open.pop() {
        list.push(What::Gap, container, container.body_end);
    }
    list.regions
}

struct List {
    regions: Vec<Region>,
    at: u64,
}

impl List {
    fn push(&mut self, what: What, part: &Part, end: u64) {
        if end > self.at {
            self.regions.push(Region { what, part: part.index as usize, end });
            self.at = end;
        }
    }
}
