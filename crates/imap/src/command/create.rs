//! CREATE (RFC 9051 §6.3.4, RFC 6154 §3).

use super::Encoder;
use crate::cursor::{Cursor, Parsed};
use crate::mailbox::MailboxName;

/// Parameters of CREATE, and special uses in one; a handful are known.
const PARAMETERS_MAX: usize = 20;

/// CREATE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    /// The new mailbox. A trailing hierarchy delimiter stays in the name.
    pub mailbox: MailboxName,
    /// `USE (…)`: what it is for, as the client writes it, with backslashes.
    pub uses: Vec<String>,
}

impl Create {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Create> {
        cursor.space()?;
        let mut create = Create { mailbox: cursor.mailbox()?, uses: Vec::new() };
        if cursor.take(b' ') {
            cursor.list(PARAMETERS_MAX, |c| {
                if !c.take_word("USE ") {
                    return c.expected("USE");
                }
                create.uses.extend(c.list(PARAMETERS_MAX, special_use)?);
                Ok(())
            })?;
        }
        Ok(create)
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.mailbox(&self.mailbox);
        if !self.uses.is_empty() {
            to.raw(" (USE (").raw(&self.uses.join(" ")).raw("))");
        }
    }
}

/// RFC 6154 §6 `use-attr`.
fn special_use(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.need(b'\\', "a special use")?;
    Ok(format!("\\{}", cursor.atom("a special use")?))
}
