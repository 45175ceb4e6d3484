//! The commands of IMAP: one variant each, one file per family under `command/`.

pub mod append;
pub mod auth;
pub mod create;
mod encode;
pub mod fetch;
pub mod list;
pub mod message;
pub mod modifiers;
mod page;
mod parse;
pub mod quota;
pub mod search;
pub mod select;
pub mod sort;
pub mod status;
pub mod thread;

use std::fmt;

pub use append::{Append, AppendData, AppendMessage, Replaces};
pub use auth::{Authenticate, Id, Login};
pub use create::Create;
pub use fetch::{Fetch, FetchItem, Partial, PreviewPriority, Section, SectionName, SectionText, SeenPolicy};
pub use list::{List, ListReturn, ListSelection, ListSyntax, Lsub};
pub use message::{Copy, Expunge, Store, StoreOperation, StoreReport};
pub use modifiers::FetchModifiers;
pub use page::{Page, PageFrom};
pub use quota::SetQuota;
pub use search::{CHARSETS, Search, SearchKey, SearchReturn};
pub use select::{Resync, Select, SeqMatch};
pub use sort::{Sort, SortCriterion, SortKey, SortOrder};
pub use status::{StatusCommand, StatusItem};
pub use thread::{Thread, ThreadAlgorithm};

use crate::limits::TAG_OCTETS_MAX;
pub(crate) use encode::Encoder;
pub use parse::parse;
pub(crate) use parse::tag_of;

use crate::mailbox::MailboxName;
use crate::session::State;

/// What the client calls its command, repeated in the answer (RFC 9051 §2.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag(Box<str>);

impl Tag {
    /// `None` when `text` is no `tag` (RFC 9051 §9), or too long.
    pub fn new(text: &str) -> Option<Tag> {
        let octet = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\+".contains(&b);
        let fits = (1..=TAG_OCTETS_MAX).contains(&text.len());
        (fits && text.bytes().all(octet)).then(|| Tag(text.into()))
    }

    /// The tag as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A command with its tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tagged {
    /// The client's name for it.
    pub tag: Tag,
    /// What it asks.
    pub command: Command,
}

/// Whether numbers in a command are sequence numbers or UIDs: `FETCH` or `UID FETCH` (RFC 9051 §6.4.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbering {
    /// Positions in the selected mailbox, from 1.
    SeqNum,
    /// Unique identifiers.
    Uid,
}

/// A command, parsed in full. APPEND and REPLACE are not here: they come as [`crate::Event::AppendStart`], since their messages stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// RFC 9051 §6.1.1
    Capability,
    /// RFC 9051 §6.1.2
    Noop,
    /// RFC 9051 §6.1.3. Answer with [`crate::Session::bye`], then [`crate::Session::finish`].
    Logout,
    /// RFC 4978 §3, with DEFLATE, the only mechanism there is.
    Compress,
    /// RFC 8437 §3. Move the session on by [`crate::Session::unauthenticated`].
    Unauthenticate,
    /// RFC 2971 §3.1
    Id(Id),
    /// RFC 9051 §6.2.1. Answer with [`crate::Session::start_tls`], or refuse with [`crate::Session::finish`].
    StartTls,
    /// RFC 9051 §6.2.2. Ask on with [`crate::Session::challenge`].
    Authenticate(Authenticate),
    /// RFC 9051 §6.2.3
    Login(Login),
    /// RFC 9051 §6.3.1: capability names in upper case.
    Enable(Vec<String>),
    /// RFC 9051 §6.3.2
    Select(Select),
    /// RFC 9051 §6.3.3
    Examine(Select),
    /// RFC 9051 §6.3.4
    Create(Create),
    /// RFC 9051 §6.3.5
    Delete(MailboxName),
    /// RFC 9051 §6.3.6
    Rename {
        /// The mailbox that exists.
        from: MailboxName,
        /// Its new name.
        to: MailboxName,
    },
    /// RFC 9051 §6.3.7
    Subscribe(MailboxName),
    /// RFC 9051 §6.3.8
    Unsubscribe(MailboxName),
    /// RFC 9051 §6.3.9
    List(List),
    /// RFC 3501 §6.3.9
    Lsub(Lsub),
    /// RFC 9051 §6.3.10
    Namespace,
    /// RFC 9051 §6.3.11
    Status(StatusCommand),
    /// RFC 9208 §4.1.1: the quota root's name.
    GetQuota(String),
    /// RFC 9208 §4.1.2
    GetQuotaRoot(MailboxName),
    /// RFC 9208 §4.1.3
    SetQuota(SetQuota),
    /// RFC 9051 §6.3.13. Answer with [`crate::Session::idle`], or refuse with [`crate::Session::finish`].
    Idle,
    /// RFC 3501 §6.4.1
    Check,
    /// RFC 9051 §6.4.1
    Close,
    /// RFC 9051 §6.4.2
    Unselect,
    /// RFC 9051 §6.4.3, and UID EXPUNGE (§6.4.9)
    Expunge(Expunge),
    /// RFC 9051 §6.4.4
    Search(Search),
    /// RFC 5256 §3
    Sort(Sort),
    /// RFC 5256 §3
    Thread(Thread),
    /// RFC 9051 §6.4.5
    Fetch(Fetch),
    /// RFC 9051 §6.4.6
    Store(Store),
    /// RFC 9051 §6.4.7
    Copy(Copy),
    /// RFC 9051 §6.4.8
    Move(Copy),
}

impl Command {
    /// The command's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Capability => "CAPABILITY",
            Command::Noop => "NOOP",
            Command::Logout => "LOGOUT",
            Command::Compress => "COMPRESS",
            Command::Unauthenticate => "UNAUTHENTICATE",
            Command::Id(_) => "ID",
            Command::StartTls => "STARTTLS",
            Command::Authenticate(_) => "AUTHENTICATE",
            Command::Login(_) => "LOGIN",
            Command::Enable(_) => "ENABLE",
            Command::Select(_) => "SELECT",
            Command::Examine(_) => "EXAMINE",
            Command::Create(_) => "CREATE",
            Command::Delete(_) => "DELETE",
            Command::Rename { .. } => "RENAME",
            Command::Subscribe(_) => "SUBSCRIBE",
            Command::Unsubscribe(_) => "UNSUBSCRIBE",
            Command::List(_) => "LIST",
            Command::Lsub(_) => "LSUB",
            Command::Namespace => "NAMESPACE",
            Command::Status(_) => "STATUS",
            Command::GetQuota(_) => "GETQUOTA",
            Command::GetQuotaRoot(_) => "GETQUOTAROOT",
            Command::SetQuota(_) => "SETQUOTA",
            Command::Idle => "IDLE",
            Command::Check => "CHECK",
            Command::Close => "CLOSE",
            Command::Unselect => "UNSELECT",
            Command::Expunge(_) => "EXPUNGE",
            Command::Search(_) => "SEARCH",
            Command::Sort(_) => "SORT",
            Command::Thread(_) => "THREAD",
            Command::Fetch(_) => "FETCH",
            Command::Store(_) => "STORE",
            Command::Copy(_) => "COPY",
            Command::Move(_) => "MOVE",
        }
    }

    /// Whether the command may come in `state` (RFC 9051 §6.1 to §6.4).
    pub fn is_legal_in(&self, state: State) -> bool {
        match self {
            Command::Capability | Command::Noop | Command::Logout | Command::Id(_) => true,
            Command::StartTls | Command::Authenticate(_) | Command::Login(_) => state == State::NotAuthenticated,
            Command::Check
            | Command::Close
            | Command::Unselect
            | Command::Expunge(_)
            | Command::Search(_)
            | Command::Sort(_)
            | Command::Thread(_)
            | Command::Fetch(_)
            | Command::Store(_)
            | Command::Copy(_)
            | Command::Move(_) => state == State::Selected,
            _ => state >= State::Authenticated,
        }
    }
}

#[cfg(test)]
mod tests;
