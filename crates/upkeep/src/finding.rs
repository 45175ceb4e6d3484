//! What was found.

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// The engine's files: rows cannot be read, or were lost.
    Files,
    /// An account's rows.
    Account,
    /// A message, or its content.
    Message,
    /// A queued message.
    Queue,
    /// Accounts, domains and aliases.
    People,
    /// What happened to messages.
    Trace,
    /// A blob that no message is known to need.
    Blob,
    /// A row that is nobody's.
    Stray,
}

impl Kind {
    /// All, with their names for programs.
    pub const ALL: [(Kind, &str); 8] = [
        (Kind::Files, "files"),
        (Kind::Account, "account"),
        (Kind::Message, "message"),
        (Kind::Queue, "queue"),
        (Kind::People, "people"),
        (Kind::Trace, "trace"),
        (Kind::Blob, "blob"),
        (Kind::Stray, "stray"),
    ];

    /// For programs.
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// Something that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Of which kind.
    pub kind: Kind,
    /// Whose mail it is about.
    pub account: Option<u32>,
    /// Their address, where the directory knows it.
    pub address: Option<String>,
    /// The mailbox that the message is in.
    pub mailbox: Option<String>,
    /// Its UID there.
    pub uid: Option<u32>,
    /// The message's number within the account.
    pub email: Option<u64>,
    /// Its subject.
    pub subject: Option<String>,
    /// Which row, blob, file or queued message.
    pub what: String,
    /// How it is wrong.
    pub wrong: String,
}

impl Finding {
    /// One of which no more is known.
    pub fn new(kind: Kind, what: impl Into<String>, wrong: impl Into<String>) -> Finding {
        let (what, wrong) = (what.into(), wrong.into());
        Finding {
            kind,
            account: None,
            address: None,
            mailbox: None,
            uid: None,
            email: None,
            subject: None,
            what,
            wrong,
        }
    }
}
