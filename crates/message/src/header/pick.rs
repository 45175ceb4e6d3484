//! Fields of a header by name, while the header comes in pieces of any size.

use super::Selection;

/// White space between a name and its colon that is still looked at; RFC 5322 §4.5 allows some, nobody writes as much.
const SPACE_OCTETS_MAX: usize = 256;

/// Picks fields out of a header that need not be in memory at once (RFC 9051 §6.4.5.1).
///
/// The cost is fields × names: the caller bounds the names. What is held is a little more than the longest name.
#[derive(Clone, Debug)]
pub struct FieldPicker<'n, N> {
    names: &'n [N],
    selection: Selection,
    state: State,
    /// The begin of a field, until its name is known.
    held: Vec<u8>,
    held_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A field begins, or the blank line.
    Name,
    /// Within a field.
    Field(Picked),
    /// Behind a line's end: white space goes on with the field.
    LineEnd(Picked),
    /// Behind the blank line.
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picked {
    Yes,
    No,
}

impl<'n, N: AsRef<[u8]>> FieldPicker<'n, N> {
    /// For those named, or all but those.
    pub fn new(names: &'n [N], selection: Selection) -> FieldPicker<'n, N> {
        let longest = names.iter().map(|name| name.as_ref().len()).max().unwrap_or(0);
        let held_max = longest + SPACE_OCTETS_MAX;
        FieldPicker { names, selection, state: State::Name, held: Vec::new(), held_max }
    }

    /// The next octets of the header; what is picked of them goes to `take`.
    pub fn push(&mut self, octets: &[u8], mut take: impl FnMut(&[u8])) {
        let mut rest = octets;
        while !rest.is_empty() {
            rest = match self.state {
                State::Name => self.name(rest, &mut take),
                State::Field(picked) => self.field(picked, rest, &mut take),
                State::LineEnd(picked) => {
                    let goes_on = matches!(rest.first(), Some(b' ' | b'\t'));
                    self.state = if goes_on { State::Field(picked) } else { State::Name };
                    rest
                }
                State::Body => return,
            };
        }
    }

    /// Whether what follows is no header any more.
    pub fn is_behind_header(&self) -> bool {
        self.state == State::Body
    }

    /// The header is over: its blank line; a message that is all header has none (RFC 9051 §6.4.5.1).
    pub fn finish(mut self, mut take: impl FnMut(&[u8])) {
        if self.state == State::Name && !self.held.is_empty() {
            self.begin_field(b"", &mut take);
        }
        if self.state == State::Field(Picked::Yes) {
            take(b"\r\n");
        }
        if self.state == State::Body {
            take(b"\r\n");
        }
    }

    fn name<'a>(&mut self, octets: &'a [u8], take: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let room = self.held_max.saturating_sub(self.held.len());
        let end = octets.iter().take(room).position(|&octet| octet == b':' || octet == b'\n');
        let (held, rest) = octets.split_at(end.unwrap_or(room.min(octets.len())));
        self.held.extend_from_slice(held);
        match rest.first() {
            None => {}
            Some(b'\n') if matches!(self.held.as_slice(), b"" | b"\r") => self.state = State::Body,
            Some(b':') => {
                let name = std::mem::take(&mut self.held);
                self.begin_field(name.trim_ascii_end(), &mut *take);
                self.pass(&name, take);
            }
            // No colon in the line, or the name is longer than any that is asked for.
            Some(_) => self.begin_field(b"", take),
        }
        rest
    }

    /// What is known of a field whose name is `name`; empty when it has none.
    fn begin_field(&mut self, name: &[u8], take: &mut impl FnMut(&[u8])) {
        let named = self.names.iter().any(|wanted| wanted.as_ref().eq_ignore_ascii_case(name));
        let picked = if named == (self.selection == Selection::Include) { Picked::Yes } else { Picked::No };
        self.state = State::Field(picked);
        let held = std::mem::take(&mut self.held);
        self.pass(&held, take);
    }

    fn field<'a>(&mut self, picked: Picked, octets: &'a [u8], take: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let end = octets.iter().position(|&octet| octet == b'\n').map(|at| at + 1);
        let (line, rest) = octets.split_at(end.unwrap_or(octets.len()));
        self.pass(line, take);
        if end.is_some() {
            self.state = State::LineEnd(picked);
        }
        rest
    }

    fn pass(&self, octets: &[u8], take: &mut impl FnMut(&[u8])) {
        if self.state == State::Field(Picked::Yes) && !octets.is_empty() {
            take(octets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fields;
    use super::*;
    use proptest::prelude::*;

    /// The same by the book: each field whole.
    fn by_the_book(header: &[u8], names: &[&str], selection: Selection) -> Vec<u8> {
        let mut out = Vec::new();
        let mut fields = Fields::new(header);
        for field in &mut fields {
            let named = names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(field.name));
            if named == (selection == Selection::Include) {
                out.extend_from_slice(field.raw);
                if !field.raw.ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
        if !fields.rest.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn in_pieces(header: &[u8], names: &[&str], selection: Selection, piece: usize) -> Vec<u8> {
        let (mut picker, mut out) = (FieldPicker::new(names, selection), Vec::new());
        for piece in header.chunks(piece) {
            picker.push(piece, |octets| out.extend_from_slice(octets));
            assert!(picker.held.len() <= picker.held_max);
        }
        picker.finish(|octets| out.extend_from_slice(octets));
        out
    }

    proptest! {
        #[test]
        fn any_pieces_give_what_the_whole_gives(
            header in "(a|bc|To|: |:|\\r\\n|\\n|\\r| |\\t|x{300}|[\\x00-\\x7f]){0,30}",
            piece in 1usize..20,
            include: bool,
        ) {
            let selection = if include { Selection::Include } else { Selection::Exclude };
            let names = ["a", "TO", "bcx"];
            prop_assert_eq!(
                in_pieces(header.as_bytes(), &names, selection, piece),
                by_the_book(header.as_bytes(), &names, selection)
            );
        }
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let header = [b"x".repeat(1 << 20), b"\r\nTo: y\r\n\r\nTo: body\r\n".to_vec()].concat();
        assert_eq!(in_pieces(&header, &["to"], Selection::Include, 1000), b"To: y\r\n\r\n");
        assert_eq!(in_pieces(&header, &["to"], Selection::Exclude, 1000).len(), (1 << 20) + 4);
    }
}
