//! Response codes (RFC 9051 §7.1, RFC 5530).

use std::borrow::Cow;

use model::{Flag, Uid, UidValidity};

use super::text;
use crate::sequence::NumberSet;

/// What a program should know about a status response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Code<'a> {
    /// The text must be shown to the user.
    Alert,
    /// The charset of SEARCH is not supported; those that are.
    BadCharset(&'a [&'a str]),
    /// The capabilities now.
    Capability(Cow<'a, str>),
    /// The message could not be parsed.
    Parse,
    /// The flags that can be kept; `any` for `\*`: new keywords can be made.
    PermanentFlags {
        /// Flags and keywords.
        flags: &'a [Flag],
        /// Whether new keywords can be made.
        any: bool,
    },
    /// Selected read-only.
    ReadOnly,
    /// Selected read-write.
    ReadWrite,
    /// The destination does not exist, but CREATE may help.
    TryCreate,
    /// The next UID.
    UidNext(Uid),
    /// The UIDVALIDITY.
    UidValidity(UidValidity),
    /// The first unseen message's sequence number (RFC 3501 §7.1).
    Unseen(u32),
    /// UIDVALIDITY of the destination, and what the appended messages got, ascending (RFC 4315 §3).
    AppendUid(UidValidity, NumberSet),
    /// UIDVALIDITY of the destination, the UIDs there were, the UIDs they became; both sets ascending.
    CopyUid(UidValidity, NumberSet, NumberSet),
    /// UIDs do not last in this mailbox.
    UidNotSticky,
    /// The previously selected mailbox is closed.
    Closed,
    /// The special use is not supported, or not for that mailbox (RFC 6154 §3).
    UseAttr,
    /// RFC 7162 §3.1.2.1
    HighestModSeq(u64),
    /// The mailbox keeps no mod-sequences (RFC 7162 §3.1.2.2).
    NoModSeq,
    /// Messages that a conditional STORE left alone, as the command counts (RFC 7162 §3.1.3).
    Modified(NumberSet),
    /// RFC 8474 §4.1
    MailboxId(Cow<'a, str>),
    /// A literal is too large (RFC 4469 §4.2, RFC 7888 §5).
    TooBig,
    /// SEARCH could not save its result (RFC 9051 §6.4.4.1).
    NotSaved,
    /// DELETE of a mailbox with children.
    HasChildren,
    /// BINARY cannot decode the part (RFC 9051 §6.4.5.1).
    UnknownCte,
    /// Temporary failure: a subsystem is down.
    Unavailable,
    /// Wrong user or password.
    AuthenticationFailed,
    /// May not act as that user.
    AuthorizationFailed,
    /// The credential is too old.
    Expired,
    /// Only with encryption.
    PrivacyRequired,
    /// The administrator must help.
    ContactAdmin,
    /// No right to do that.
    NoPerm,
    /// Something else holds it.
    InUse,
    /// A message was expunged meanwhile.
    ExpungeIssued,
    /// The server's data are damaged.
    Corruption,
    /// The server erred.
    ServerBug,
    /// The client erred.
    ClientBug,
    /// This can never work.
    Cannot,
    /// A limit of the server.
    Limit,
    /// RFC 4978 §3
    CompressionActive,
    /// Over quota.
    OverQuota,
    /// The mailbox exists.
    AlreadyExists,
    /// The mailbox does not exist.
    NonExistent,
}

impl Code<'_> {
    /// With its brackets.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(self.name().as_bytes());
        self.write_arguments(out);
        out.push(b']');
    }

    fn write_arguments(&self, out: &mut Vec<u8>) {
        let mut value = |n: u64| {
            out.push(b' ');
            text::number(out, n);
        };
        match self {
            Code::UidNext(uid) => value(uid.0.into()),
            Code::UidValidity(validity) => value(validity.0.into()),
            Code::Unseen(seq) => value((*seq).into()),
            Code::HighestModSeq(modseq) => value(*modseq),
            Code::AppendUid(validity, uids) => {
                value(validity.0.into());
                out.extend_from_slice(format!(" {uids}").as_bytes());
            }
            Code::CopyUid(validity, from, to) => {
                value(validity.0.into());
                out.extend_from_slice(format!(" {from} {to}").as_bytes());
            }
            Code::Modified(set) => out.extend_from_slice(format!(" {set}").as_bytes()),
            Code::Capability(names) => {
                out.push(b' ');
                text::line_text(out, names);
            }
            Code::MailboxId(id) => {
                out.extend_from_slice(b" (");
                text::line_text(out, id);
                out.push(b')');
            }
            Code::BadCharset(names) => parenthesized(out, names.iter().copied()),
            Code::PermanentFlags { flags, any } => {
                parenthesized(out, flags.iter().map(Flag::as_str).chain(any.then_some("\\*")));
            }
            _ => (),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Code::Alert => "ALERT",
            Code::BadCharset(_) => "BADCHARSET",
            Code::Capability(_) => "CAPABILITY",
            Code::Parse => "PARSE",
            Code::PermanentFlags { .. } => "PERMANENTFLAGS",
            Code::ReadOnly => "READ-ONLY",
            Code::ReadWrite => "READ-WRITE",
            Code::TryCreate => "TRYCREATE",
            Code::UidNext(_) => "UIDNEXT",
            Code::UidValidity(_) => "UIDVALIDITY",
            Code::Unseen(_) => "UNSEEN",
            Code::AppendUid(..) => "APPENDUID",
            Code::CopyUid(..) => "COPYUID",
            Code::UidNotSticky => "UIDNOTSTICKY",
            Code::Closed => "CLOSED",
            Code::HighestModSeq(_) => "HIGHESTMODSEQ",
            Code::NoModSeq => "NOMODSEQ",
            Code::Modified(_) => "MODIFIED",
            Code::MailboxId(_) => "MAILBOXID",
            Code::TooBig => "TOOBIG",
            Code::UseAttr => "USEATTR",
            Code::NotSaved => "NOTSAVED",
            Code::HasChildren => "HASCHILDREN",
            Code::UnknownCte => "UNKNOWN-CTE",
            Code::Unavailable => "UNAVAILABLE",
            Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Code::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Code::Expired => "EXPIRED",
            Code::PrivacyRequired => "PRIVACYREQUIRED",
            Code::ContactAdmin => "CONTACTADMIN",
            Code::NoPerm => "NOPERM",
            Code::InUse => "INUSE",
            Code::ExpungeIssued => "EXPUNGEISSUED",
            Code::Corruption => "CORRUPTION",
            Code::ServerBug => "SERVERBUG",
            Code::ClientBug => "CLIENTBUG",
            Code::Cannot => "CANNOT",
            Code::Limit => "LIMIT",
            Code::CompressionActive => "COMPRESSIONACTIVE",
            Code::OverQuota => "OVERQUOTA",
            Code::AlreadyExists => "ALREADYEXISTS",
            Code::NonExistent => "NONEXISTENT",
        }
    }
}

/// ` (a b)`
fn parenthesized<'a>(out: &mut Vec<u8>, words: impl Iterator<Item = &'a str>) {
    out.extend_from_slice(b" (");
    for (i, word) in words.enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word.as_bytes());
    }
    out.push(b')');
}
