//! What is asked over the admin socket, and what is answered: JSON objects, one on a line.
//!
//! A request is `{"version":1,"language":"de","ask":{"account_list":{}}}`; without a language, texts are English. The answer is any number of `{"item":…}` and at the end
//! `{"end":{}}` or `{"trouble":{"kind":…,"text":…}}`. `message_send` and `queue_message` carry octets beside: those of a
//! request follow `{"go_on":{}}`, those of an answer follow their item, each as many as were announced.

use super::undelete::Filter;
use super::when::When;
use crate::language::{Language, Tell, Text, say};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Of this protocol. A server refuses what it does not speak, so that an old program is told rather than misunderstood.
pub const VERSION: u32 = 1;

/// Longest line of a request: a thousand recipients take a tenth of it.
pub const REQUEST_OCTETS_MAX: usize = 1 << 20;

/// A line from the client.
#[derive(Serialize, Deserialize, Debug)]
pub struct Line {
    /// [`VERSION`].
    pub version: u32,
    /// Of the texts for people in the answer.
    #[serde(default)]
    pub language: Language,
    /// What is wanted.
    pub ask: Request,
}

/// What is wanted of the server.
#[derive(Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Items: [`TraceItem`], those of one message after those of another.
    Trace(TraceAsk),
    /// Items: [`QueueItem`].
    QueueList {
        /// Which.
        filter: QueueFilter,
        /// How many at most.
        limit: usize,
    },
    /// One [`MessageItem`], then its octets.
    QueueMessage {
        /// Which message.
        id: String,
        /// How many octets at most.
        limit: usize,
    },
    /// One [`Changed`].
    QueueChange {
        /// Which.
        filter: QueueFilter,
        /// How.
        change: QueueChange,
    },
    /// Items: [`AccountItem`].
    AccountList {},
    /// One [`Changed`].
    AccountAdd {
        /// Its address.
        address: String,
        /// In the clear: it does not leave the machine, and is hashed at once.
        password: Password,
        /// Octets its mail may take.
        quota_octets: Option<u64>,
        /// Messages it may have.
        quota_messages: Option<u64>,
    },
    /// One [`Changed`].
    AccountSet {
        /// Whose.
        address: String,
        /// From now on.
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<Password>,
        /// Whether it may log in.
        #[serde(skip_serializing_if = "Option::is_none")]
        enabled: Option<bool>,
        /// What it may keep.
        #[serde(skip_serializing_if = "Option::is_none")]
        quota: Option<QuotaSet>,
    },
    /// One [`Changed`].
    AccountApop {
        /// Whose.
        address: String,
        /// Kept as it is; `None`: off.
        secret: Option<Password>,
    },
    /// One [`Changed`].
    AccountRemove {
        /// Whose.
        address: String,
    },
    /// Items: [`DomainItem`].
    DomainList {},
    /// One [`Changed`].
    DomainAdd {
        /// Its name.
        domain: String,
        /// How it differs from the usual.
        settings: DomainPatch,
    },
    /// One [`Changed`].
    DomainSet {
        /// Its name.
        domain: String,
        /// What becomes different.
        settings: DomainPatch,
    },
    /// One [`Changed`].
    DomainRemove {
        /// Its name.
        domain: String,
    },
    /// Items: [`AliasItem`].
    AliasList {},
    /// One [`Changed`].
    AliasAdd {
        /// Its address.
        address: String,
        /// Where its mail goes as well.
        targets: Vec<String>,
    },
    /// One [`Changed`].
    AliasRemove {
        /// Its address.
        address: String,
        /// Where it goes no longer; none: all.
        targets: Vec<String>,
    },
    /// After `go_on` the message's octets, lines ended by CRLF; then one [`SentItem`].
    MessageSend {
        /// Whose message.
        from: String,
        /// To whom.
        to: Vec<String>,
        /// How many octets follow.
        size_octets: u64,
    },
    /// Items: [`MailboxItem`](super::transfer::MailboxItem).
    MailboxList {
        /// Whose.
        address: String,
    },
    /// Items: [`MemberItem`](super::transfer::MemberItem).
    MessageList {
        /// Whose.
        address: String,
        /// Where.
        mailbox: String,
        /// Whether each is read to its end, and told why it cannot be.
        #[serde(default)]
        read: bool,
    },
    /// Items: [`MemberItem`](super::transfer::MemberItem), each followed by its octets.
    MessageRead {
        /// Whose.
        address: String,
        /// Where.
        mailbox: String,
        /// Which.
        uids: Vec<u32>,
    },
    /// One [`KnownItem`](super::transfer::KnownItem).
    SourcesKnown {
        /// Whose.
        address: String,
        /// Which.
        sources: Vec<super::transfer::Source>,
    },
    /// After `go_on` lines of [`Frame`](super::transfer::Frame), those of messages followed by octets, while items
    /// [`ArrivedItem`](super::transfer::ArrivedItem) come.
    MailImport {
        /// Whose.
        address: String,
    },
    /// After `go_on` one [`BeginItem`](super::backup::BeginItem), then what is said there.
    BackupRead {},
    /// Items: [`CheckItem`](super::check::CheckItem), the last of which says what was looked at.
    StoreCheck {},
    /// One [`Changed`]; on the people's socket, before anything else.
    LogIn {
        /// The account's address.
        login: String,
        /// In the clear: it does not leave the machine.
        password: Password,
    },
    /// Items: [`DeletedItem`](super::undelete::DeletedItem), mailboxes first, then messages, each the newest first.
    DeletedList {
        /// Whose.
        address: String,
        /// Which.
        filter: Filter,
        /// How many at most.
        limit: usize,
    },
    /// One [`RestoredItem`](super::undelete::RestoredItem).
    DeletedRestore {
        /// Whose.
        address: String,
        /// Which.
        filter: Filter,
        /// Where to; `None`: whence they were deleted.
        into: Option<String>,
        /// Also where the quota does not do for it.
        over_quota: bool,
    },
    /// One [`ErasedItem`](super::undelete::ErasedItem).
    DeletedErase {
        /// Whose.
        address: String,
        /// Which.
        filter: Filter,
    },
    /// Items: [`RemovedItem`](super::undelete::RemovedItem).
    AccountRemoved {},
    /// One [`Changed`].
    AccountRestore {
        /// Whose.
        address: String,
    },
    /// One [`Changed`].
    AccountErase {
        /// Whose.
        address: String,
    },
    /// One [`Reloaded`](super::reload::Reloaded).
    Reload {},
    /// One [`StatusItem`].
    Status {},
}

/// A line from the server.
#[derive(Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    /// One of what was asked for.
    Item(T),
    /// The octets that were announced may come.
    GoOn {},
    /// That was all.
    End {},
    /// It was not done.
    Trouble(TroubleItem),
}

/// Why something was not done, in the asker's language.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct TroubleItem {
    /// For programs.
    pub kind: TroubleKind,
    /// For people.
    pub text: String,
}

/// Why something was not done, before it is known to whom it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    pub kind: TroubleKind,
    pub text: Text,
}

/// What kind of trouble.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The request makes no sense.
    Wrong,
    /// What it is about is not there.
    NotFound,
    /// It is not allowed as things are.
    Refused,
    /// It may be done later.
    Failed,
}

impl Tell for Text {
    fn tell(&self) -> Text {
        self.clone()
    }
}

impl Trouble {
    /// The request makes no sense.
    pub fn wrong(why: impl Tell) -> Trouble {
        Trouble { kind: TroubleKind::Wrong, text: why.tell() }
    }

    /// What it is about is not there.
    pub fn not_found(why: impl Tell) -> Trouble {
        Trouble { kind: TroubleKind::NotFound, text: why.tell() }
    }

    /// It is not allowed as things are.
    pub fn refused(why: impl Tell) -> Trouble {
        Trouble { kind: TroubleKind::Refused, text: why.tell() }
    }

    /// It may be done later.
    pub fn failed(why: impl Tell) -> Trouble {
        Trouble { kind: TroubleKind::Failed, text: why.tell() }
    }

    /// As it is sent.
    pub fn within(&self, language: Language) -> TroubleItem {
        TroubleItem { kind: self.kind, text: self.text.within(language).to_owned() }
    }
}

/// A password that does not print.
#[derive(Serialize, Deserialize, Clone)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Whose story.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct TraceAsk {
    /// Of this message; the rest is ignored then.
    pub id: Option<String>,
    /// A part of a recipient's address.
    pub to: Option<String>,
    /// A part of the sender's address.
    pub from: Option<String>,
    /// Not accepted before.
    pub since: Option<When>,
    /// How many messages at most, the newest first.
    pub limit: usize,
}

/// One event of a message's story.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TraceItem {
    pub queue_id: String,
    pub at: When,
    pub event: String,
    pub recipients: Vec<String>,
    pub from: Option<String>,
    pub peer: Option<String>,
    pub protocol: Option<String>,
    pub answer: Option<String>,
    pub size_octets: Option<u64>,
    pub next_attempt: Option<When>,
    pub related: Option<String>,
    pub message_id: Option<String>,
}

/// Which deliveries; everything given must fit.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct QueueFilter {
    pub id: Option<String>,
    pub to: Option<String>,
    pub from: Option<String>,
    pub next_hop: Option<String>,
    pub held: Option<bool>,
}

/// What is done to deliveries.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum QueueChange {
    Retry,
    Hold,
    Release,
    Cancel,
    Reroute(String),
}

/// One recipient's delivery.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct QueueItem {
    pub queue_id: String,
    pub arrived: When,
    pub size_octets: u64,
    pub from: String,
    pub to: String,
    pub original_to: Option<String>,
    /// `local` for our own mailboxes.
    pub next_hop: String,
    pub attempts: u32,
    pub next_attempt: When,
    pub expires: When,
    pub held: bool,
    pub under_way: bool,
    pub delay_told: bool,
    pub last_answer: Option<String>,
    pub closed_until: Option<When>,
    pub closed_cause: Option<String>,
}

/// Octets that follow.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct MessageItem {
    pub octets: usize,
}

/// What a change came to.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// How many things are different now.
    pub changed: usize,
    /// What there is to say about it.
    pub note: Option<String>,
}

/// A change that was made, before it is known to whom it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    pub changed: usize,
    pub note: Option<Text>,
}

impl Done {
    /// As it is sent.
    pub fn within(&self, language: Language) -> Changed {
        Changed { changed: self.changed, note: self.note.as_ref().map(|note| note.within(language).to_owned()) }
    }
}

/// An account.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct AccountItem {
    pub address: String,
    pub id: u32,
    pub enabled: bool,
    pub declared: bool,
    /// Whether it may log in by POP3's APOP; older servers do not say.
    #[serde(default)]
    pub apop: bool,
    pub messages: u64,
    pub used_octets: u64,
    /// What of its deleted messages is kept; older servers do not say.
    #[serde(default)]
    pub deleted_octets: u64,
    pub quota_octets: Option<u64>,
    pub quota_messages: Option<u64>,
}

/// What an account may keep from now on.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaSet {
    pub octets: Option<u64>,
    pub messages: Option<u64>,
}

/// A local domain.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DomainItem {
    pub domain: String,
    pub declared: bool,
    pub catch_all: Vec<String>,
    pub separators: String,
    pub same_as: Option<String>,
    pub accounts: usize,
}

/// What becomes different of a domain; `None` stays.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct DomainPatch {
    pub catch_all: Option<Vec<String>>,
    pub separators: Option<String>,
    /// Empty: it stands for itself again.
    pub same_as: Option<String>,
}

/// An alias.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct AliasItem {
    pub address: String,
    pub targets: Vec<String>,
    pub declared: bool,
}

/// A message that was taken.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SentItem {
    pub queue_id: String,
    pub reply: String,
}

/// How the server is.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct StatusItem {
    pub version: String,
    pub hostname: String,
    pub pid: u32,
    pub uptime_s: u64,
    pub healthy: bool,
    pub store: String,
    pub listeners: Vec<ListenerItem>,
    pub connections: usize,
    pub connections_max: usize,
    pub queue: QueueStatus,
    pub accounts: usize,
    pub domains: usize,
    /// Contradictions between what is configured and what is stored.
    pub faults: Vec<String>,
    pub memory_octets: Option<u64>,
    pub certificates: Vec<CertificateItem>,
}

/// Where the server listens.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ListenerItem {
    pub protocol: String,
    pub address: String,
    pub tls: String,
}

/// The queue at a glance.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct QueueStatus {
    pub deliveries: usize,
    pub under_way: usize,
    /// Those with the most deliveries.
    pub destinations: Vec<DestinationItem>,
    pub destinations_more: usize,
}

/// What waits for a next hop.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DestinationItem {
    pub next_hop: String,
    pub waiting: usize,
    pub under_way: usize,
    pub closed_until: Option<When>,
    pub closed_cause: Option<String>,
}

/// A certificate in use.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CertificateItem {
    pub file: String,
    pub names: Vec<String>,
    pub not_after: When,
}

impl ListenerItem {
    /// For people.
    pub fn told(&self) -> String {
        let tls = match self.tls.as_str() {
            "starttls" => " (STARTTLS)",
            "implicit" => " (TLS)",
            _ => "",
        };
        say!(
            "{protocol} on {address}{tls}",
            "{protocol} auf {address}{tls}",
            protocol = self.protocol,
            address = self.address
        )
    }
}

impl CertificateItem {
    /// For people.
    pub fn told(&self) -> String {
        let (names, until, file) = (self.names.join(", "), self.not_after.short(), &self.file);
        say!("for {names}, until {until} ({file})", "für {names}, bis {until} ({file})")
    }
}
