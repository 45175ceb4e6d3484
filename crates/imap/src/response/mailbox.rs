//! Untagged responses about mailboxes (RFC 9051 §7.3, §7.4).

use model::{Flag, ModSeq, Uid, UidValidity};

use super::text;
use crate::command::{Page, StatusItem, Tag};
use crate::mailbox::{MailboxName, NameForm};
use crate::sequence::NumberSet;

/// Name attributes of LIST and LSUB (RFC 9051 §7.3.1, RFC 6154 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListAttribute {
    /// `\NonExistent`: implies `\Noselect`.
    NonExistent,
    /// `\Noselect`
    NoSelect,
    /// `\Noinferiors`
    NoInferiors,
    /// `\HasChildren`
    HasChildren,
    /// `\HasNoChildren`
    HasNoChildren,
    /// `\Marked`
    Marked,
    /// `\Unmarked`
    Unmarked,
    /// `\Subscribed`
    Subscribed,
    /// `\Remote`
    Remote,
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
    /// `\Important` (RFC 8457 §3)
    Important,
}

impl ListAttribute {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ListAttribute::NonExistent => "\\NonExistent",
            ListAttribute::NoSelect => "\\Noselect",
            ListAttribute::NoInferiors => "\\Noinferiors",
            ListAttribute::HasChildren => "\\HasChildren",
            ListAttribute::HasNoChildren => "\\HasNoChildren",
            ListAttribute::Marked => "\\Marked",
            ListAttribute::Unmarked => "\\Unmarked",
            ListAttribute::Subscribed => "\\Subscribed",
            ListAttribute::Remote => "\\Remote",
            ListAttribute::All => "\\All",
            ListAttribute::Archive => "\\Archive",
            ListAttribute::Drafts => "\\Drafts",
            ListAttribute::Flagged => "\\Flagged",
            ListAttribute::Junk => "\\Junk",
            ListAttribute::Sent => "\\Sent",
            ListAttribute::Trash => "\\Trash",
            ListAttribute::Important => "\\Important",
        }
    }
}

/// One line of LIST or LSUB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListEntry<'a> {
    /// What the mailbox is like.
    pub attributes: &'a [ListAttribute],
    /// The hierarchy delimiter; `None` for a flat name.
    pub delimiter: Option<char>,
    /// The name; may be empty, when only the delimiter was asked for.
    pub name: &'a str,
    /// `CHILDINFO ("SUBSCRIBED")`: a child matches, as RECURSIVEMATCH tells (RFC 9051 §6.3.9.6).
    pub child_subscribed: bool,
    /// `OLDNAME`: what it was called before (RFC 9051 §6.3.9.7).
    pub old_name: Option<&'a str>,
}

/// `* LIST`
pub fn list(out: &mut Vec<u8>, entry: &ListEntry<'_>, form: NameForm) {
    out.extend_from_slice(b"* LIST (");
    list_line(out, entry, form);
}

/// `* LSUB` (RFC 3501 §7.2.3)
pub fn lsub(out: &mut Vec<u8>, entry: &ListEntry<'_>, form: NameForm) {
    out.extend_from_slice(b"* LSUB (");
    list_line(out, entry, form);
}

fn list_line(out: &mut Vec<u8>, entry: &ListEntry<'_>, form: NameForm) {
    for (i, attribute) in entry.attributes.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(attribute.as_str().as_bytes());
    }
    out.extend_from_slice(b") ");
    delimiter(out, entry.delimiter);
    out.push(b' ');
    text::mailbox_text(out, entry.name, form);
    if entry.child_subscribed || entry.old_name.is_some() {
        out.extend_from_slice(b" (");
        if entry.child_subscribed {
            out.extend_from_slice(b"\"CHILDINFO\" (\"SUBSCRIBED\")");
        }
        if let Some(old) = entry.old_name {
            out.extend_from_slice(if entry.child_subscribed { b" \"OLDNAME\" (" } else { b"\"OLDNAME\" (" });
            text::mailbox_text(out, old, form);
            out.push(b')');
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

fn delimiter(out: &mut Vec<u8>, delimiter: Option<char>) {
    match delimiter {
        Some(c) => text::quoted(out, c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => text::nil(out),
    }
}

/// One value of STATUS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StatusValue<'a> {
    /// Any item whose value is a number, as MESSAGES, UNSEEN, SIZE.
    Number(StatusItem, u64),
    /// `UIDNEXT`
    UidNext(Uid),
    /// `UIDVALIDITY`
    UidValidity(UidValidity),
    /// `HIGHESTMODSEQ`
    HighestModSeq(ModSeq),
    /// `MAILBOXID`
    MailboxId(&'a str),
}

/// `* STATUS`
pub fn status(out: &mut Vec<u8>, name: &MailboxName, values: &[StatusValue<'_>], form: NameForm) {
    out.extend_from_slice(b"* STATUS ");
    text::mailbox(out, name, form);
    out.extend_from_slice(b" (");
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        let (item, number) = match *value {
            StatusValue::Number(item, n) => (item, n),
            StatusValue::UidNext(uid) => (StatusItem::UidNext, uid.0.into()),
            StatusValue::UidValidity(validity) => (StatusItem::UidValidity, validity.0.into()),
            StatusValue::HighestModSeq(modseq) => (StatusItem::HighestModSeq, modseq.0),
            StatusValue::MailboxId(id) => {
                out.extend_from_slice(b"MAILBOXID (");
                text::line_text(out, id);
                out.push(b')');
                continue;
            }
        };
        out.extend_from_slice(item.as_str().as_bytes());
        out.push(b' ');
        text::number(out, number);
    }
    out.extend_from_slice(b")\r\n");
}

/// `* FLAGS (…)`
pub fn flags(out: &mut Vec<u8>, flags: &[Flag]) {
    out.extend_from_slice(b"* FLAGS ");
    flag_list(out, flags.iter().map(Flag::as_str));
    out.extend_from_slice(b"\r\n");
}

pub(super) fn flag_list<'a>(out: &mut Vec<u8>, flags: impl Iterator<Item = &'a str>) {
    out.push(b'(');
    for (i, flag) in flags.enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_bytes());
    }
    out.push(b')');
}

/// `* n EXISTS`
pub fn exists(out: &mut Vec<u8>, count: u32) {
    counted(out, count, b" EXISTS\r\n");
}

/// `* n RECENT` (RFC 3501 §7.3.2)
pub fn recent(out: &mut Vec<u8>, count: u32) {
    counted(out, count, b" RECENT\r\n");
}

/// `* n EXPUNGE`: all behind it move up by one.
pub fn expunge(out: &mut Vec<u8>, seq: u32) {
    counted(out, seq, b" EXPUNGE\r\n");
}

/// Which kind of VANISHED (RFC 7162 §3.2.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vanished {
    /// Messages of the selected mailbox are gone: in place of EXPUNGE.
    Now,
    /// `(EARLIER)`: UIDs that are in the mailbox no more; sequence numbers stay.
    Earlier,
}

/// `* VANISHED (EARLIER) 41,43:116`; see [`VANISHED_RANGES_MAX`].
pub fn vanished(out: &mut Vec<u8>, kind: Vanished, uids: &NumberSet) {
    out.extend_from_slice(match kind {
        Vanished::Now => b"* VANISHED ",
        Vanished::Earlier => b"* VANISHED (EARLIER) ",
    });
    out.extend_from_slice(format!("{uids}\r\n").as_bytes());
}

/// Ranges that go into one VANISHED response, so that no client has to read a line of megabytes; what is more goes into
/// another.
pub const VANISHED_RANGES_MAX: usize = 300;

fn counted(out: &mut Vec<u8>, number: u32, rest: &[u8]) {
    out.extend_from_slice(b"* ");
    text::number(out, number.into());
    out.extend_from_slice(rest);
}

/// `* SEARCH 2 3 6` (RFC 3501 §7.2.5); see [`search_begin`] for what is too long to be held.
pub fn search(out: &mut Vec<u8>, found: impl IntoIterator<Item = u32>) {
    search_begin(out);
    found.into_iter().for_each(|number| search_number(out, number));
    search_end(out);
}

/// `* SEARCH`: then any numbers of [`search_number`], with pauses while the client reads, then [`search_end`].
pub fn search_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* SEARCH");
}

/// One number of a SEARCH response that was begun.
pub fn search_number(out: &mut Vec<u8>, number: u32) {
    out.push(b' ');
    text::number(out, number.into());
}

/// ` (MODSEQ n)`, behind the last number of a SEARCH response (RFC 7162 §3.1.6).
pub fn search_mod_seq(out: &mut Vec<u8>, mod_seq: ModSeq) {
    out.extend_from_slice(b" (MODSEQ ");
    text::number(out, mod_seq.0);
    out.push(b')');
}

/// Ends a SEARCH response that was begun.
pub fn search_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// What ESEARCH tells; what is `None` was not asked for, or nothing was found (RFC 9051 §7.3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ESearch<'a> {
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// The smallest.
    pub min: Option<u32>,
    /// The largest.
    pub max: Option<u32>,
    /// All of them; not written when empty.
    pub all: Option<&'a NumberSet>,
    /// How many.
    pub count: Option<u64>,
    /// The greatest mod-sequence of what is told, when the search asked for mod-sequences (RFC 4731 §3.2).
    pub mod_seq: Option<ModSeq>,
    /// Which stretch was asked for, and what lies in it (RFC 9394 §3.1).
    pub partial: Option<(Page, &'a NumberSet)>,
}

/// `* ESEARCH (TAG "a1") UID …`
pub fn esearch(out: &mut Vec<u8>, tag: &Tag, result: &ESearch<'_>) {
    esearch_begin(out, tag, result);
    if let Some(all) = result.all.filter(|all| !all.is_empty()) {
        out.extend_from_slice(format!(" ALL {all}").as_bytes());
    }
    if let Some((page, numbers)) = result.partial {
        let numbers = if numbers.is_empty() { "NIL".to_owned() } else { numbers.to_string() };
        out.extend_from_slice(format!(" PARTIAL ({page} {numbers})").as_bytes());
    }
    esearch_end(out, result);
}

/// What follows ALL and PARTIAL.
pub fn esearch_end(out: &mut Vec<u8>, result: &ESearch<'_>) {
    if let Some(mod_seq) = result.mod_seq {
        out.extend_from_slice(b" MODSEQ ");
        text::number(out, mod_seq.0);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* ESEARCH …` up to and without ALL and PARTIAL, which the caller may have to write piece by piece.
pub fn esearch_begin(out: &mut Vec<u8>, tag: &Tag, result: &ESearch<'_>) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    text::quoted(out, tag.as_str().as_bytes());
    out.push(b')');
    if result.uid {
        out.extend_from_slice(b" UID");
    }
    let mut item = |name: &[u8], value: Option<u64>| {
        if let Some(value) = value {
            out.extend_from_slice(name);
            text::number(out, value);
        }
    };
    item(b" MIN ", result.min.map(u64::from));
    item(b" MAX ", result.max.map(u64::from));
    item(b" COUNT ", result.count);
}

/// `* ENABLED …`
pub fn enabled(out: &mut Vec<u8>, names: &[&str]) {
    out.extend_from_slice(b"* ENABLED");
    for name in names {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* ID (…)`, or `* ID NIL` when there is nothing to say (RFC 2971 §3.2).
pub fn id(out: &mut Vec<u8>, fields: &[(&str, &str)]) {
    out.extend_from_slice(b"* ID ");
    if fields.is_empty() {
        text::nil(out);
    } else {
        for (i, (field, value)) in fields.iter().enumerate() {
            out.push(if i == 0 { b'(' } else { b' ' });
            text::string(out, field.as_bytes());
            out.push(b' ');
            text::string(out, value.as_bytes());
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// A namespace: its prefix and delimiter (RFC 9051 §6.3.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespace<'a> {
    /// What its names begin with; empty for the personal one of most servers.
    pub prefix: &'a str,
    /// The hierarchy delimiter.
    pub delimiter: Option<char>,
}

/// `* NAMESPACE personal others shared`
pub fn namespace(out: &mut Vec<u8>, kinds: [&[Namespace<'_>]; 3], form: NameForm) {
    out.extend_from_slice(b"* NAMESPACE");
    for kind in kinds {
        out.push(b' ');
        if kind.is_empty() {
            text::nil(out);
            continue;
        }
        out.push(b'(');
        for namespace in kind {
            out.push(b'(');
            let prefix = crate::mailbox::encode(namespace.prefix, form);
            match form {
                NameForm::ModifiedUtf7 => text::string(out, prefix.as_bytes()),
                NameForm::Utf8 => text::utf8_string(out, &prefix),
            }
            out.push(b' ');
            delimiter(out, namespace.delimiter);
            out.push(b')');
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// A resource of a quota root (RFC 9208 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaResource {
    /// `STORAGE`, in units of 1024 octets, or `MESSAGE`.
    pub name: &'static str,
    /// What is used.
    pub usage: u64,
    /// What may be used.
    pub limit: u64,
}

/// `* QUOTA "" (STORAGE 10 512)` (RFC 9208 §4.2.1)
pub fn quota(out: &mut Vec<u8>, root: &str, resources: &[QuotaResource]) {
    out.extend_from_slice(b"* QUOTA ");
    text::astring(out, root.as_bytes());
    out.extend_from_slice(b" (");
    for (i, QuotaResource { name, usage, limit }) in resources.iter().enumerate() {
        let space = if i == 0 { "" } else { " " };
        out.extend_from_slice(format!("{space}{name} {usage} {limit}").as_bytes());
    }
    out.extend_from_slice(b")\r\n");
}

/// `* QUOTAROOT INBOX ""` (RFC 9208 §4.2.2)
pub fn quota_root(out: &mut Vec<u8>, mailbox: &MailboxName, roots: &[&str], form: NameForm) {
    out.extend_from_slice(b"* QUOTAROOT ");
    text::mailbox(out, mailbox, form);
    for root in roots {
        out.push(b' ');
        text::astring(out, root.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
