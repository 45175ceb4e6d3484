//! LIST with its extensions (RFC 9051 §6.3.9, RFC 5258) and LSUB (RFC 3501 §6.3.9).

use super::StatusItem;
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
    /// At least one, without the reference: see [`ListPattern::under`].
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
