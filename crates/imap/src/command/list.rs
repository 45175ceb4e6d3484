//! LIST with its extensions (RFC 9051 §6.3.9, RFC 5258) and LSUB (RFC 3501 §6.3.9).

use super::{Encoder, StatusItem};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::limits::LIST_PATTERNS_MAX;
use crate::mailbox::ListPattern;

/// LIST.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Whether any part of the extended syntax was used: then an empty pattern has no special meaning (RFC 9051 §6.3.9).
    pub syntax: ListSyntax,
    /// Which mailboxes are looked at.
    pub selection: ListSelection,
    /// What pattern names are relative to, decoded; mostly empty.
    pub reference: String,
    /// Without the reference: see [`ListPattern::under`]. What cannot be part of a name is passed over silently (RFC 5258 §3):
    /// there may be none.
    pub patterns: Vec<ListPattern>,
    /// What is told about each.
    pub returns: ListReturn,
}

/// Basic or extended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListSyntax {
    /// `LIST reference pattern`
    Basic,
    /// With selection options, return options or a list of patterns.
    Extended,
}

/// Selection options (RFC 9051 §6.3.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ListSelection {
    /// `SUBSCRIBED`: subscribed names, also of mailboxes that are gone.
    pub subscribed: bool,
    /// `REMOTE`: also mailboxes on other hosts.
    pub remote: bool,
    /// `RECURSIVEMATCH`: also parents of what matches, with CHILDINFO.
    pub recursive_match: bool,
    /// `SPECIAL-USE`: only those with a special use (RFC 6154 §3).
    pub special_use: bool,
}

/// Return options (RFC 9051 §6.3.9.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListReturn {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `CHILDREN`
    pub children: bool,
    /// `SPECIAL-USE` (RFC 6154 §3)
    pub special_use: bool,
    /// `STATUS (…)`: a STATUS response for each selectable mailbox; empty when not asked.
    pub status: Vec<StatusItem>,
}

/// LSUB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lsub {
    /// What the pattern is relative to, decoded.
    pub reference: String,
    /// Without the reference: see [`ListPattern::under`].
    pub pattern: ListPattern,
}

/// Options in one list; few exist, and each counts once.
const OPTIONS_MAX: usize = 10;

impl List {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<List> {
        cursor.space()?;
        let mut syntax = ListSyntax::Basic;
        let mut selection = ListSelection::default();
        if cursor.peek() == Some(b'(') {
            syntax = ListSyntax::Extended;
            selection = ListSelection::parse(cursor)?;
            cursor.space()?;
        }
        let reference = cursor.reference()?;
        cursor.space()?;
        let patterns = if cursor.peek() == Some(b'(') {
            syntax = ListSyntax::Extended;
            cursor.list(LIST_PATTERNS_MAX, Cursor::list_pattern)?
        } else {
            vec![cursor.list_pattern()?]
        };
        if patterns.is_empty() {
            return cursor.expected("at least one mailbox pattern");
        }
        let patterns = patterns.into_iter().filter_map(Result::ok).collect();
        let mut returns = ListReturn::default();
        if cursor.take_word(" RETURN ") {
            syntax = ListSyntax::Extended;
            returns = ListReturn::parse(cursor)?;
        }
        Ok(List { syntax, selection, reference, patterns, returns })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        let extended = self.syntax == ListSyntax::Extended;
        if extended {
            let s = &self.selection;
            to.raw(" (").options(&[
                (s.subscribed, "SUBSCRIBED"),
                (s.remote, "REMOTE"),
                (s.recursive_match, "RECURSIVEMATCH"),
                (s.special_use, "SPECIAL-USE"),
            ]);
            to.raw(")");
        }
        to.name(&self.reference);
        to.raw(" ").raw(if extended { "(" } else { "" });
        for (i, pattern) in self.patterns.iter().enumerate() {
            to.raw(if i == 0 { "" } else { " " }).pattern(pattern);
        }
        to.raw(if extended { ")" } else { "" });
        if extended {
            self.returns.encode(to);
        }
    }
}

impl ListSelection {
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<ListSelection> {
        let mut selection = ListSelection::default();
        cursor.list(OPTIONS_MAX, |c| {
            let before = c.clone();
            match c.word("a selection option")?.to_ascii_uppercase().as_str() {
                "SUBSCRIBED" => selection.subscribed = true,
                "REMOTE" => selection.remote = true,
                "RECURSIVEMATCH" => selection.recursive_match = true,
                "SPECIAL-USE" => selection.special_use = true,
                _ => return before.expected("a selection option we support"),
            }
            Ok(())
        })?;
        // RFC 5258 §6 `list-select-opts`: RECURSIVEMATCH needs SUBSCRIBED, other options do not go with it alone.
        if selection.recursive_match && !selection.subscribed {
            return Err(ParseError::bad("RECURSIVEMATCH needs SUBSCRIBED".to_owned()));
        }
        Ok(selection)
    }
}

impl ListReturn {
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<ListReturn> {
        let mut returns = ListReturn::default();
        cursor.list(OPTIONS_MAX, |c| {
            let before = c.clone();
            match c.word("a return option")?.to_ascii_uppercase().as_str() {
                "SUBSCRIBED" => returns.subscribed = true,
                "CHILDREN" => returns.children = true,
                "SPECIAL-USE" => returns.special_use = true,
                "STATUS" => {
                    c.space()?;
                    returns.status = StatusItem::parse_list(c)?;
                }
                _ => return before.expected("a return option we support"),
            }
            Ok(())
        })?;
        Ok(returns)
    }

    fn encode(&self, to: &mut Encoder) {
        let plain = [
            (self.subscribed, "SUBSCRIBED"),
            (self.children, "CHILDREN"),
            (self.special_use, "SPECIAL-USE"),
            (!self.status.is_empty(), "STATUS "),
        ];
        to.raw(" RETURN (").options(&plain);
        if !self.status.is_empty() {
            StatusItem::encode_list(&self.status, to);
        }
        to.raw(")");
    }
}

impl Lsub {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Lsub> {
        cursor.space()?;
        let reference = cursor.reference()?;
        cursor.space()?;
        Ok(Lsub { reference, pattern: cursor.list_mailbox()? })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.name(&self.reference).raw(" ").pattern(&self.pattern);
    }
}
