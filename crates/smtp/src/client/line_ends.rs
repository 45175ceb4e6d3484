//! Line ends and dots of a message on its way out (RFC 5321 §2.3.8, §4.5.2), across any cut of it.

/// What stands before a dot that begins a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dots {
    /// DATA: another one.
    Doubled,
    /// BDAT: nothing.
    Kept,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    LineStart,
    Inside,
    /// Behind a CR that is not written yet.
    Cr,
}

/// Writes a message so that every CR and LF has its partner: one that stands alone becomes CRLF, and the last line is
/// ended. A server that takes a bare LF for a line end sees the same lines as one that does not (CVE-2023-51764).
///
/// NUL and other controls go out as they are: they end nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineEnds(State);

impl LineEnds {
    /// Octets that one octet of content may become, with [`Self::EXTRA`] more over the whole.
    pub(super) const GROWTH: usize = 2;

    /// A CR kept back before the content, and the end of the last line.
    pub(super) const EXTRA: usize = 4;

    /// Appends `content` to `out`.
    pub(super) fn write(&mut self, mut content: &[u8], dots: Dots, out: &mut Vec<u8>) {
        while let Some(&first) = content.first() {
            if self.0 == State::Cr {
                out.extend_from_slice(b"\r\n");
                self.0 = State::LineStart;
                if first == b'\n' {
                    content.split_off_first();
                }
                continue;
            }
            if self.0 == State::LineStart && first == b'.' && dots == Dots::Doubled {
                out.push(b'.');
            }
            let end = line_end(content).unwrap_or(content.len());
            let text = content.split_off(..end).unwrap_or_default();
            out.extend_from_slice(text);
            self.0 = match content.split_off_first() {
                Some(b'\r') => State::Cr,
                Some(_) => {
                    out.extend_from_slice(b"\r\n");
                    State::LineStart
                }
                None => State::Inside,
            };
        }
    }

    /// Ends the last line.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.0 != State::LineStart {
            out.extend_from_slice(b"\r\n");
        }
        self.0 = State::LineStart;
    }
}

/// Where the first CR or LF is; whole blocks are tested without a branch per octet.
fn line_end(octets: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let ends = |b: &u8| matches!(b, b'\r' | b'\n');
    let (blocks, _) = octets.as_chunks::<BLOCK>();
    let clear = blocks.iter().take_while(|block| !block.iter().fold(false, |any, b| any | ends(b))).count() * BLOCK;
    octets.get(clear..)?.iter().position(ends).map(|at| clear + at)
}
