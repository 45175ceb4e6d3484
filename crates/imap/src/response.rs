//! What the server says. Everything is written to a `Vec<u8>`, mostly [`crate::Session::out`], by plain concatenation.

mod code;
mod envelope;
mod fetch;
mod mailbox;
mod ordered;
mod structure;
pub mod text;

pub use code::Code;
pub use fetch::FetchWriter;
pub(crate) use fetch::section_spec;
pub use mailbox::{
    ESearch, ListAttribute, ListEntry, Namespace, QuotaResource, StatusValue, VANISHED_RANGES_MAX, Vanished, enabled,
    esearch, esearch_begin, esearch_end, exists, expunge, flags, id, list, lsub, namespace, quota, quota_root, recent,
    search, search_begin, search_end, search_mod_seq, search_number, status, vanished,
};
pub use ordered::{run, runs, sort_begin, thread_begin};

use std::borrow::Cow;

use crate::command::Tag;

/// The three outcomes of a command, and what untagged status responses start with (RFC 9051 §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Done.
    Ok,
    /// Understood, but not done.
    No,
    /// Not understood, or not now.
    Bad,
}

impl Status {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
        }
    }
}

/// A status response without its tag: `OK [READ-WRITE] SELECT done`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer<'a> {
    /// How it went.
    pub status: Status,
    /// What a program needs to know.
    pub code: Option<Code<'a>>,
    /// What a person needs to know; CR and LF are written as spaces.
    pub text: Cow<'a, str>,
}

impl<'a> Answer<'a> {
    /// `OK text`
    pub fn ok(text: impl Into<Cow<'a, str>>) -> Answer<'a> {
        Answer { status: Status::Ok, code: None, text: text.into() }
    }

    /// `NO text`
    pub fn no(text: impl Into<Cow<'a, str>>) -> Answer<'a> {
        Answer { status: Status::No, code: None, text: text.into() }
    }

    /// `BAD text`
    pub fn bad(text: impl Into<Cow<'a, str>>) -> Answer<'a> {
        Answer { status: Status::Bad, code: None, text: text.into() }
    }

    /// The same with a response code.
    pub fn code(self, code: Code<'a>) -> Answer<'a> {
        Answer { code: Some(code), ..self }
    }
}

/// A status response, tagged, or with `*` when there is no tag.
pub fn answer(out: &mut Vec<u8>, tag: Option<&Tag>, answer: &Answer<'_>) {
    out.extend_from_slice(tag.map_or("*", Tag::as_str).as_bytes());
    line(out, answer.status.as_str(), answer.code.as_ref(), &answer.text);
}

/// `* BYE`: the server closes the connection (RFC 9051 §7.1.5).
pub fn bye(out: &mut Vec<u8>, code: Option<&Code<'_>>, text: &str) {
    out.push(b'*');
    line(out, "BYE", code, text);
}

fn line(out: &mut Vec<u8>, word: &str, code: Option<&Code<'_>>, text: &str) {
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.push(b' ');
    if let Some(code) = code {
        code.write(out);
        out.push(b' ');
    }
    text::line_text(out, text);
    out.extend_from_slice(b"\r\n");
}

/// `+ text`: go on (RFC 9051 §7.6).
pub fn continuation(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"+ ");
    text::line_text(out, text);
    out.extend_from_slice(b"\r\n");
}

/// `* CAPABILITY …`: the names as they are, separated by spaces (RFC 9051 §7.2.2).
pub fn capability(out: &mut Vec<u8>, capabilities: &str) {
    out.extend_from_slice(b"* CAPABILITY ");
    text::line_text(out, capabilities);
    out.extend_from_slice(b"\r\n");
}

/// What this crate's grammar covers; what is advertised is decided by who carries the commands out.
pub const CAPABILITIES: &[&str] = &[
    "IMAP4rev1",
    "IMAP4rev2",
    "APPENDLIMIT",
    "BINARY",
    "CHILDREN",
    "CONDSTORE",
    "COMPRESS=DEFLATE",
    "CREATE-SPECIAL-USE",
    "ENABLE",
    "ESEARCH",
    "ESORT",
    "I18NLEVEL=1",
    "ID",
    "IDLE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "LITERAL+",
    "MOVE",
    "MULTIAPPEND",
    "NAMESPACE",
    "OBJECTID",
    "PARTIAL",
    "PREVIEW",
    "QRESYNC",
    "QUOTA",
    "QUOTA=RES-MESSAGE",
    "QUOTA=RES-STORAGE",
    "REPLACE",
    "SASL-IR",
    "SAVEDATE",
    "SEARCHRES",
    "SORT",
    "SORT=DISPLAY",
    "SPECIAL-USE",
    "STARTTLS",
    "STATUS=SIZE",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "UIDPLUS",
    "UNAUTHENTICATE",
    "UNSELECT",
    "UTF8=ACCEPT",
    "WITHIN",
];

#[cfg(test)]
mod tests;
