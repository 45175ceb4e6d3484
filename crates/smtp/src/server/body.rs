//! A message on its way in: its octets between the wire and the caller, and why it may be refused.

use super::dots::{DotScanner, LineEnds, Scan};
use crate::extension::body::BodyType;
use crate::extension::chunking::Chunk;
use crate::policy::Policy;
use crate::reply::Reply;
use model::Moment;

/// Octets that wait for the caller at most. Some reads of a socket, so that the caller is asked rarely.
const CHUNK_OCTETS_MAX: usize = 32 << 10;

/// How the end is found.
#[derive(Debug)]
enum Framing {
    /// DATA.
    Dots(DotScanner),
    /// BDAT: so many octets are left of a chunk. Line ends are not looked at in BINARYMIME.
    Count { left: u64, chunk: Chunk, line_ends: Option<LineEnds> },
}

/// How far reading came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// More octets of the message are wanted.
    More,
    /// So much is read behind the refusal that the connection has to end.
    Endless,
    /// The BDAT chunk is complete.
    ChunkEnd,
    /// The message is complete.
    End,
}

/// The message of a transaction.
#[derive(Debug)]
pub(super) struct Body {
    framing: Framing,
    waiting: Vec<u8>,
    polled: bool,
    octets: u64,
    size_max_octets: u64,
    refusal: Option<Reply>,
    /// When it began.
    pub(super) started: Moment,
}

impl Body {
    /// A message sent with DATA.
    pub(super) fn data(policy: &Policy, now: Moment) -> Body {
        Body::new(Framing::Dots(DotScanner::default()), policy, now)
    }

    /// A message sent with BDAT, before its first chunk.
    pub(super) fn chunks(body: Option<BodyType>, policy: &Policy, now: Moment) -> Body {
        let line_ends = (body != Some(BodyType::BinaryMime)).then(LineEnds::default);
        Body::new(Framing::Count { left: 0, chunk: Chunk::More, line_ends }, policy, now)
    }

    fn new(framing: Framing, policy: &Policy, now: Moment) -> Body {
        let size_max_octets = policy.size_max_octets;
        Body { framing, waiting: Vec::new(), polled: false, octets: 0, size_max_octets, refusal: None, started: now }
    }

    /// Octets of the message so far.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// Why the message is refused.
    pub(super) fn refusal(&self) -> Option<&Reply> {
        self.refusal.as_ref()
    }

    /// Refuses the message, for the first reason given.
    pub(super) fn refuse(&mut self, reply: Reply) {
        self.waiting = Vec::new();
        self.refusal.get_or_insert(reply);
    }

    /// Whether octets wait that the caller did not see.
    pub(super) fn is_waiting(&self) -> bool {
        !self.polled && !self.waiting.is_empty()
    }

    /// The octets that wait, once.
    pub(super) fn poll(&mut self) -> &[u8] {
        self.polled = true;
        &self.waiting
    }

    /// A chunk of BDAT begins. Whether its announced size refuses a message that was good so far.
    pub(super) fn begin_chunk(&mut self, octets: u64, next: Chunk) -> bool {
        if let Framing::Count { left, chunk, .. } = &mut self.framing {
            (*left, *chunk) = (octets, next);
        }
        let refused = self.refusal.is_none() && self.octets.saturating_add(octets) > self.size_max_octets;
        if refused {
            self.refuse(too_large(self.size_max_octets));
        }
        refused
    }

    /// Which kind of chunk is read, if it is complete.
    pub(super) fn chunk_ended(&self) -> Option<Chunk> {
        match self.framing {
            Framing::Count { left: 0, chunk, .. } => Some(chunk),
            _ => None,
        }
    }

    /// At the end of the last chunk: whether a CR waits in vain for its LF.
    pub(super) fn ends_amid_a_line_end(&self) -> bool {
        matches!(self.framing, Framing::Count { line_ends: Some(line_ends), .. } if line_ends.is_open())
    }

    /// Takes input as far as the caller follows.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Progress {
        if std::mem::take(&mut self.polled) {
            self.waiting.clear();
        }
        let room = match self.refusal {
            Some(_) => usize::MAX,
            None => CHUNK_OCTETS_MAX.saturating_sub(self.waiting.len()),
        };
        // Never read past the octet that is one too many, so that it is found wherever the input is cut.
        let octets_max = self.size_max_octets.saturating_mul(2);
        let bearable = usize::try_from(octets_max.saturating_add(1).saturating_sub(self.octets)).unwrap_or(usize::MAX);
        let room = room.min(bearable).min(input.len());
        let Some((mut window, behind)) = input.split_at_checked(room) else { return Progress::More };
        let (progress, line_ends) = self.scan(&mut window);
        let taken = input.len() - behind.len() - window.len();
        *input = input.split_at_checked(taken).map_or(behind, |(_, rest)| rest);
        if self.octets > self.size_max_octets {
            self.refuse(too_large(self.size_max_octets));
        } else if line_ends == Ends::Bare {
            self.refuse(bare_line_end());
        }
        // Whoever is told nothing before the end shall not make us read for ever; twice the limit is no mistake any more.
        let endless = progress == Progress::More && self.octets > octets_max;
        if endless { Progress::Endless } else { progress }
    }

    fn scan(&mut self, window: &mut &[u8]) -> (Progress, Ends) {
        let keeping = self.refusal.is_none();
        let (waiting, octets) = (&mut self.waiting, &mut self.octets);
        let mut keep = |run: &[u8]| {
            *octets += run.len() as u64;
            if keeping {
                waiting.extend_from_slice(run);
            }
        };
        match &mut self.framing {
            Framing::Dots(dots) => loop {
                match dots.scan(window, &mut keep) {
                    Scan::More => return (Progress::More, Ends::Whole),
                    Scan::End => return (Progress::End, Ends::Whole),
                    Scan::Bare if keeping => return (Progress::More, Ends::Bare),
                    // The message is refused already; only its end matters.
                    Scan::Bare => {}
                }
            },
            Framing::Count { left, line_ends, .. } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(window.len());
                let octets = window.split_off(..most).unwrap_or_default();
                *left -= octets.len() as u64;
                keep(octets);
                let whole = line_ends.as_mut().is_none_or(|ends| !keeping || ends.are_whole(octets));
                let progress = if *left == 0 { Progress::ChunkEnd } else { Progress::More };
                (progress, if whole { Ends::Whole } else { Ends::Bare })
            }
        }
    }
}

/// Whether each CR had its LF so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Whole,
    Bare,
}

/// Said once the whole message is read (RFC 1870 §6.3).
pub(super) fn too_large(size_max_octets: u64) -> Reply {
    Reply::new(552, (5, 3, 4), format!("message too large, {size_max_octets} octets are taken"))
}

/// RFC 5321 §2.3.8; the status as the large providers give it.
pub(super) fn bare_line_end() -> Reply {
    Reply::new(550, (5, 6, 11), "message holds a CR or LF that stands alone; lines end with CR LF")
}
