//! What narrows a FETCH or makes a STORE conditional: modifiers (RFC 4466 §2.4, §2.5).

use model::ModSeq;

use super::{Encoder, Numbering, Page};
use crate::cursor::{Cursor, ParseError, Parsed};

/// Modifiers of FETCH.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FetchModifiers {
    /// `CHANGEDSINCE`: only messages that changed after this (RFC 7162 §3.1.4.1). Zero, which the grammar does not allow, is
    /// read as what it says.
    pub changed_since: Option<ModSeq>,
    /// `VANISHED`: also which of the UIDs are gone since then (RFC 7162 §3.2.6).
    pub vanished: bool,
    /// `PARTIAL`: only this stretch of the messages named (RFC 9394 §3.3).
    pub partial: Option<Page>,
}

/// Modifiers in one list; some three exist.
const MODIFIERS_MAX: usize = 10;

impl FetchModifiers {
    /// ` (CHANGEDSINCE 5 VANISHED)`, if there is one.
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<FetchModifiers> {
        let mut modifiers = FetchModifiers::default();
        if !cursor.take(b' ') {
            return Ok(modifiers);
        }
        let before = cursor.clone();
        if cursor.list(MODIFIERS_MAX, |c| modifiers.parse_one(c))?.is_empty() {
            return before.expected("at least one modifier");
        }
        // RFC 7162 §3.2.6
        if modifiers.vanished && (numbering == Numbering::SeqNum || modifiers.changed_since.is_none()) {
            return Err(ParseError::bad("VANISHED goes with UID FETCH and CHANGEDSINCE only".to_owned()));
        }
        // RFC 9394 §3.3
        if modifiers.partial.is_some() && numbering == Numbering::SeqNum {
            return Err(ParseError::bad("PARTIAL goes with UID FETCH only".to_owned()));
        }
        Ok(modifiers)
    }

    fn parse_one(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        let before = cursor.clone();
        match cursor.word("a modifier")?.to_ascii_uppercase().as_str() {
            "CHANGEDSINCE" if self.changed_since.is_none() => {
                cursor.space()?;
                self.changed_since = Some(cursor.mod_seq()?);
            }
            "VANISHED" => self.vanished = true,
            "PARTIAL" if self.partial.is_none() => {
                cursor.space()?;
                self.partial = Some(Page::parse(cursor)?);
            }
            _ => return before.expected("a modifier"),
        }
        Ok(())
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        let mut words = Vec::new();
        words.extend(self.changed_since.map(|since| format!("CHANGEDSINCE {}", since.0)));
        words.extend(self.vanished.then(|| "VANISHED".to_owned()));
        words.extend(self.partial.map(|page| format!("PARTIAL {page}")));
        if !words.is_empty() {
            to.raw(&format!(" ({})", words.join(" ")));
        }
    }
}

/// `(UNCHANGEDSINCE 5) `, if there is one: the only modifier of STORE (RFC 7162 §3.1.3).
pub(super) fn unchanged_since(cursor: &mut Cursor<'_>) -> Parsed<Option<ModSeq>> {
    if !cursor.take(b'(') {
        return Ok(None);
    }
    if !cursor.take_word("UNCHANGEDSINCE ") {
        return cursor.expected("UNCHANGEDSINCE");
    }
    let since = cursor.mod_seq()?;
    cursor.need(b')', "a closing parenthesis")?;
    cursor.space()?;
    Ok(Some(since))
}
