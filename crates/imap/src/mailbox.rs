//! Mailbox names and the patterns of LIST.

mod utf7;

use std::fmt;

use crate::limits::MAILBOX_OCTETS_MAX;

/// How names travel: modified UTF-7, until the client enabled IMAP4rev2 or UTF8=ACCEPT (RFC 9051 §5.1, RFC 6855 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NameForm {
    /// RFC 3501 §5.1.3
    #[default]
    ModifiedUtf7,
    /// RFC 9051 §5.1
    Utf8,
}

/// Why a text is no mailbox name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailboxNameError {
    /// Nothing names nothing.
    #[error("a mailbox name must not be empty")]
    Empty,
    /// Longer than [`MAILBOX_OCTETS_MAX`].
    #[error("the mailbox name is too long")]
    Long,
    /// A control character or a line's end, which no client could show (RFC 9051 §5.1, RFC 6855 §3).
    #[error("the mailbox name holds a control character")]
    Control,
    /// Not what [`NameForm`] says.
    #[error("the mailbox name is not valid modified UTF-7 or UTF-8")]
    Encoding,
}

/// A mailbox's full name, decoded; `INBOX` in any case is `INBOX` (RFC 9051 §5.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MailboxName(Box<str>);

impl MailboxName {
    /// From UTF-8.
    pub fn new(name: &str) -> Result<MailboxName, MailboxNameError> {
        if name.is_empty() {
            return Err(MailboxNameError::Empty);
        }
        check(name)?;
        Ok(if name.eq_ignore_ascii_case("INBOX") { MailboxName::inbox() } else { MailboxName(name.into()) })
    }

    /// `INBOX`
    pub fn inbox() -> MailboxName {
        MailboxName("INBOX".into())
    }

    /// Whether this is the inbox.
    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }

    /// The name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(name: &str) -> Result<(), MailboxNameError> {
    if name.len() > MAILBOX_OCTETS_MAX {
        return Err(MailboxNameError::Long);
    }
    let unshown = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if name.chars().any(unshown) { Err(MailboxNameError::Control) } else { Ok(()) }
}

/// The UTF-8 of a name as it came over the wire; the empty name is allowed (as reference or pattern of LIST).
///
/// Octets that are not modified UTF-7 make the name invalid rather than a name of its own: else two spellings
/// of one name could exist, or one that cannot be told to clients (RFC 3501 §5.1.3).
pub fn decode(octets: &[u8], form: NameForm) -> Result<String, MailboxNameError> {
    let text = std::str::from_utf8(octets).map_err(|_| MailboxNameError::Encoding)?;
    let name = match form {
        NameForm::ModifiedUtf7 if text.is_ascii() => utf7::decode(text).ok_or(MailboxNameError::Encoding)?,
        // Raw UTF-8 is no rev1 syntax, but unambiguous, and clients send it: we read it as what it says.
        _ => text.to_owned(),
    };
    check(&name)?;
    Ok(name)
}

/// The octets that stand for `name` on the wire, before quoting.
pub fn encode(name: &str, form: NameForm) -> std::borrow::Cow<'_, str> {
    match form {
        NameForm::ModifiedUtf7 => utf7::encode(name),
        NameForm::Utf8 => name.into(),
    }
}

/// A name with wildcards: `*` matches anything, `%` anything within one level (RFC 9051 §6.3.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListPattern(Box<str>);

impl ListPattern {
    /// From UTF-8; may be empty.
    pub fn new(pattern: &str) -> Result<ListPattern, MailboxNameError> {
        check(pattern)?;
        Ok(ListPattern(pattern.into()))
    }

    /// The pattern in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the empty string, which asks for the hierarchy delimiter (RFC 9051 §6.3.9).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pattern behind a reference: our names are absolute, so it is appended (RFC 9051 §6.3.9).
    pub fn under(&self, reference: &str) -> Result<ListPattern, MailboxNameError> {
        ListPattern::new(&format!("{reference}{}", self.0))
    }

    /// Whether `name` matches; at most pattern length × name length steps. INBOX is written in any case, also as the level
    /// above others (RFC 9051 §5.1).
    pub fn matches(&self, name: &str, delimiter: char) -> bool {
        let folded = if name.split(delimiter).next() == Some("INBOX") { "INBOX".len() } else { 0 };
        let name: Vec<char> = name.chars().collect();
        // One row of a table: reach[j] says that the pattern so far matches the first j characters.
        let mut reach = vec![false; name.len() + 1];
        if let Some(first) = reach.first_mut() {
            *first = true;
        }
        for p in self.0.chars() {
            match p {
                '*' | '%' => spread(&mut reach, &name, |c| p == '*' || c != delimiter),
                p => step(&mut reach, &name, |at, c| c == p || at < folded && c.eq_ignore_ascii_case(&p)),
            }
        }
        reach.last().copied().unwrap_or(false)
    }
}

/// A wildcard: whatever was reached goes on through characters that it `takes`.
fn spread(reach: &mut [bool], name: &[char], takes: impl Fn(char) -> bool) {
    let mut open = false;
    let mut cells = reach.iter_mut();
    if let Some(first) = cells.next() {
        open = *first;
    }
    for (cell, &c) in cells.zip(name) {
        *cell |= open && takes(c);
        open = *cell;
    }
}

/// A plain character: whatever was reached goes one on if the next character `fits`.
fn step(reach: &mut [bool], name: &[char], fits: impl Fn(usize, char) -> bool) {
    let mut before = false;
    let mut cells = reach.iter_mut();
    if let Some(first) = cells.next() {
        before = std::mem::replace(first, false);
    }
    for (cell, (at, &c)) in cells.zip(name.iter().enumerate()) {
        let next = before && fits(at, c);
        before = std::mem::replace(cell, next);
    }
}

#[cfg(test)]
mod tests;
