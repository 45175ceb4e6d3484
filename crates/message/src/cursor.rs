//! A place in octets that only moves forward, and the lexical bits of RFC 5322 that every field shares.

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

pub(crate) fn is_wsp(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: octets }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Steps over `octet` if it is next.
    pub(crate) fn eat(&mut self, octet: u8) -> bool {
        let here = self.peek() == Some(octet);
        if here {
            self.next();
        }
        here
    }

    pub(crate) fn take_while(&mut self, mut belongs: impl FnMut(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&octet| !belongs(octet)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Steps over white space; tells whether there was some.
    pub(crate) fn skip_wsp(&mut self) -> bool {
        !self.take_while(is_wsp).is_empty()
    }

    /// Steps over white space and comments (RFC 5322 §3.2.2).
    pub(crate) fn skip_cfws(&mut self) {
        loop {
            self.skip_wsp();
            if !self.eat(b'(') {
                return;
            }
            self.comment();
        }
    }

    /// The inside of a comment whose `(` was taken, nested ones with their parentheses. Depth is counted, not recursed.
    pub(crate) fn comment(&mut self) -> Vec<u8> {
        let mut inside = Vec::new();
        let mut depth = 0usize;
        while let Some(octet) = self.next() {
            match octet {
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b'\\' => {
                    inside.extend(self.next());
                    continue;
                }
                _ => {}
            }
            inside.push(octet);
        }
        inside
    }

    /// The meaning of a quoted string whose opening quote was taken (RFC 5322 §3.2.4); it may lack its end.
    pub(crate) fn quoted(&mut self) -> Vec<u8> {
        let mut inside = Vec::new();
        while let Some(octet) = self.next() {
            match octet {
                b'"' => break,
                b'\\' => inside.extend(self.next()),
                _ => inside.push(octet),
            }
        }
        inside
    }
}
