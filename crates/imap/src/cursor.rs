//! Moves through a command's octets; every step says what it expected.

use model::{Flag, Keyword, ModSeq};

use crate::mailbox::{self, ListPattern, MailboxName, MailboxNameError, NameForm};
use crate::response::{Answer, Code, Status, text::is_astring_char};

/// Why octets are no command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    status: Status,
    code: Option<Code<'static>>,
    /// The command's name, once known.
    command: &'static str,
    text: String,
}

impl ParseError {
    /// For what is understood but not supported.
    pub(crate) fn no(code: Code<'static>, text: &str) -> ParseError {
        ParseError { status: Status::No, code: Some(code), command: "", text: text.to_owned() }
    }

    pub(crate) fn bad(text: String) -> ParseError {
        ParseError { status: Status::Bad, code: None, command: "", text }
    }

    /// The same, told of `command`, unless a more precise name is known.
    pub(crate) fn within(self, command: &'static str) -> ParseError {
        if self.command.is_empty() { ParseError { command, ..self } } else { self }
    }

    /// What the client is told.
    pub fn answer(&self) -> Answer<'static> {
        let colon = if self.command.is_empty() { "" } else { ": " };
        let text = format!("{}{colon}{}", self.command, self.text);
        Answer { status: self.status, code: self.code.clone(), text: text.into() }
    }
}

pub(crate) type Parsed<T> = Result<T, ParseError>;

/// A place in a command. Literals stand in it as `{n}`, CRLF and n octets.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    whole: usize,
    rest: &'a [u8],
    form: NameForm,
}

/// RFC 9051 §9 `ATOM-CHAR`.
fn is_atom_char(b: u8) -> bool {
    is_astring_char(b) && b != b']'
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(octets: &'a [u8], form: NameForm) -> Cursor<'a> {
        Cursor { whole: octets.len(), rest: octets, form }
    }

    /// An error at this place.
    pub(crate) fn expected<T>(&self, what: &str) -> Parsed<T> {
        let column = self.whole - self.rest.len() + 1;
        Err(ParseError::bad(format!("expected {what} at column {column}")))
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn end(&self) -> Parsed<()> {
        if self.is_at_end() { Ok(()) } else { self.expected("the end of the command") }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Passes over `octet` if it is next.
    pub(crate) fn take(&mut self, octet: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn need(&mut self, octet: u8, what: &str) -> Parsed<()> {
        if self.take(octet) { Ok(()) } else { self.expected(what) }
    }

    pub(crate) fn space(&mut self) -> Parsed<()> {
        self.need(b' ', "a space")
    }

    /// Passes over `word`, in any case, if it is next.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((first, rest)) if first.eq_ignore_ascii_case(word.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The longest run of octets that are `of`; may be empty.
    pub(crate) fn run(&mut self, of: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&b| !of(b)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    /// A run of ASCII; `None` when it is empty.
    fn ascii(&mut self, of: impl Fn(u8) -> bool) -> Option<&'a str> {
        std::str::from_utf8(self.run(|b| b.is_ascii() && of(b))).ok().filter(|run| !run.is_empty())
    }

    pub(crate) fn atom(&mut self, what: &str) -> Parsed<&'a str> {
        match self.ascii(is_atom_char) {
            Some(atom) => Ok(atom),
            None => self.expected(what),
        }
    }

    /// Letters, digits, `.`, `-` and `=`: a word of the grammar, that ends where no such word can go on.
    pub(crate) fn word(&mut self, what: &str) -> Parsed<&'a str> {
        match self.ascii(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'=' | b'_')) {
            Some(word) => Ok(word),
            None => self.expected(what),
        }
    }

    pub(crate) fn astring(&mut self, what: &str) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(what),
            _ => match self.ascii(is_astring_char) {
                Some(atom) => Ok(atom.as_bytes().to_vec()),
                None => self.expected(what),
            },
        }
    }

    /// An `astring` that is UTF-8.
    pub(crate) fn text(&mut self, what: &str) -> Parsed<String> {
        let before = self.clone();
        match String::from_utf8(self.astring(what)?) {
            Ok(text) => Ok(text),
            Err(_) => before.expected(&format!("{what} in UTF-8")),
        }
    }

    /// A header field's name, which is printable ASCII without colon (RFC 5322 §2.2).
    pub(crate) fn field_name(&mut self) -> Parsed<String> {
        let before = self.clone();
        let name = self.text("a field name")?;
        let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if fits { Ok(name) } else { before.expected("a field name") }
    }

    pub(crate) fn string(&mut self, what: &str) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(what),
            _ => self.expected(what),
        }
    }

    /// UTF-8 in quotes is IMAP4rev2's (RFC 9051 §4.3); we read it always, since nothing else could be meant.
    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        let before = self.clone();
        self.take(b'"');
        let mut value = Vec::new();
        loop {
            value.extend_from_slice(self.run(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n' | 0)));
            if self.take(b'"') {
                break;
            }
            if !self.take(b'\\') {
                return self.expected("the closing quote");
            }
            match self.rest.split_first() {
                Some((&special @ (b'"' | b'\\'), rest)) => {
                    value.push(special);
                    self.rest = rest;
                }
                _ => return self.expected("a quote or backslash"),
            }
        }
        if std::str::from_utf8(&value).is_ok() { Ok(value) } else { before.expected("UTF-8 in the quoted string") }
    }

    /// The session has made sure that the octets announced are there.
    fn literal(&mut self, what: &str) -> Parsed<Vec<u8>> {
        let before = self.clone();
        self.take(b'{');
        let size = self.number64().ok().and_then(|n| usize::try_from(n).ok());
        self.take(b'+');
        let framed = self.take(b'}') && self.take(b'\r') && self.take(b'\n');
        match size.filter(|_| framed).and_then(|n| self.rest.split_at_checked(n)) {
            Some((value, rest)) if !value.contains(&0) => {
                self.rest = rest;
                Ok(value.to_vec())
            }
            Some(_) => before.expected("a literal without NUL"),
            None => before.expected(what),
        }
    }

    /// RFC 9051 §9 `number64`: up to 63 bits.
    pub(crate) fn number64(&mut self) -> Parsed<u64> {
        let before = self.clone();
        let value = self.ascii(|b| b.is_ascii_digit()).and_then(|digits| digits.parse::<u64>().ok());
        match value.filter(|&n| n <= i64::MAX as u64) {
            Some(value) => Ok(value),
            None => before.expected("a number"),
        }
    }

    /// RFC 7162 §7 `mod-sequence-valzer`: up to 63 bits, as RFC 7162 §3.1 has it.
    pub(crate) fn mod_seq(&mut self) -> Parsed<ModSeq> {
        let before = self.clone();
        self.number64().map(ModSeq).or_else(|_| before.expected("a mod-sequence"))
    }

    /// RFC 9051 §9 `nz-number`.
    pub(crate) fn nz_number(&mut self, what: &str) -> Parsed<u32> {
        let before = self.clone();
        let starts_well = self.peek() != Some(b'0');
        let value = self.ascii(|b| b.is_ascii_digit()).and_then(|digits| digits.parse::<u32>().ok());
        match value.filter(|&n| n > 0 && starts_well) {
            Some(value) => Ok(value),
            None => before.expected(what),
        }
    }

    /// RFC 8474 §7 `objectid`, whose case counts.
    pub(crate) fn object_id(&mut self) -> Parsed<String> {
        const OCTETS_MAX: usize = 255;
        let before = self.clone();
        let id = self.ascii(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        match id.filter(|id| id.len() <= OCTETS_MAX) {
            Some(id) => Ok(id.to_owned()),
            None => before.expected("an object identifier"),
        }
    }

    pub(crate) fn mailbox(&mut self) -> Parsed<MailboxName> {
        let octets = self.astring("a mailbox name")?;
        let name = mailbox::decode(&octets, self.form).map_err(name_error)?;
        MailboxName::new(&name).map_err(name_error)
    }

    /// The decoded text of a mailbox name that may be empty.
    pub(crate) fn reference(&mut self) -> Parsed<String> {
        let octets = self.astring("a mailbox name")?;
        mailbox::decode(&octets, self.form).map_err(name_error)
    }

    /// RFC 9051 §9 `list-mailbox`.
    pub(crate) fn list_mailbox(&mut self) -> Parsed<ListPattern> {
        self.list_pattern()?.map_err(name_error)
    }

    /// The same; within it, why no name could match it.
    pub(crate) fn list_pattern(&mut self) -> Parsed<Result<ListPattern, MailboxNameError>> {
        let what = "a mailbox pattern";
        let octets = match self.peek() {
            Some(b'"' | b'{') => self.string(what)?,
            _ => match self.ascii(|b| is_astring_char(b) || matches!(b, b'*' | b'%')) {
                Some(pattern) => pattern.as_bytes().to_vec(),
                None => return self.expected(what),
            },
        };
        Ok(mailbox::decode(&octets, self.form).and_then(|pattern| ListPattern::new(&pattern)))
    }

    /// A flag that a client may set: not `\Recent`, and no system flag we do not know (RFC 9051 §2.3.2).
    pub(crate) fn flag(&mut self) -> Parsed<Flag> {
        let before = self.clone();
        let system = self.take(b'\\');
        let name = self.atom("a flag")?;
        let flag = if system { Flag::parse(&format!("\\{name}")) } else { Keyword::new(name).map(Flag::Keyword) };
        match flag {
            Some(flag) => Ok(flag),
            None => before.expected("a flag that can be set"),
        }
    }

    pub(crate) fn keyword(&mut self) -> Parsed<Keyword> {
        let before = self.clone();
        match Keyword::new(self.atom("a keyword")?) {
            Some(keyword) => Ok(keyword),
            None => before.expected("a keyword"),
        }
    }

    /// `(a b c)`, at most `max` of them; may be empty if the grammar of `item` lets the caller say so.
    pub(crate) fn list<T>(&mut self, max: usize, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.need(b'(', "an opening parenthesis")?;
        let mut items = Vec::new();
        if self.take(b')') {
            return Ok(items);
        }
        loop {
            if items.len() == max {
                return Err(ParseError::bad(format!("more than {max} items in a list")));
            }
            items.push(item(self)?);
            if self.take(b')') {
                return Ok(items);
            }
            self.need(b' ', "a space or closing parenthesis")?;
        }
    }
}

fn name_error(error: MailboxNameError) -> ParseError {
    ParseError::no(Code::Cannot, &error.to_string())
}
