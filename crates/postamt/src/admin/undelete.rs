//! What is asked and answered about what was deleted: see `deleted`.

use super::when::When;
use crate::language::{Text, both};
use serde::{Deserialize, Serialize};

/// Which messages; everything given must fit.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// These; none: any.
    #[serde(default)]
    pub ids: Vec<u64>,
    /// From a mailbox of this name, be it there or deleted.
    pub mailbox: Option<String>,
    /// Not deleted before.
    pub since: Option<When>,
    /// With this part in the subject, whatever its capitals; only where messages are listed.
    pub subject: Option<String>,
}

/// A deleted message; or a deleted mailbox, which has no `id`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DeletedItem {
    pub id: Option<u64>,
    pub deleted: When,
    /// It goes for good then, or earlier when there is too much.
    pub kept_until: When,
    /// Where it was; unknown when that mailbox is gone for longer.
    pub mailbox: Option<String>,
    pub mailbox_deleted: bool,
    pub from: Option<String>,
    pub subject: Option<String>,
    pub size_octets: u64,
    /// Whether the message is in some mailbox all the same.
    pub in_mailbox: bool,
}

/// What came back.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RestoredItem {
    pub messages: u64,
    /// Those that are in a mailbox.
    pub passed_over: u64,
    pub mailboxes: Vec<MadeAgain>,
    /// Whether the same once more brings back more.
    pub more: bool,
}

/// A deleted mailbox that came back.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct MadeAgain {
    pub was: String,
    pub is: String,
}

/// What ended for good.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ErasedItem {
    pub messages: u64,
    pub octets: u64,
    /// Large bodies that stay on the disk for a while; `None`: it is not known.
    #[serde(default)]
    pub large_left: Option<usize>,
}

/// That something of what was erased is still on the disk, if it is.
pub fn large_left(bodies: Option<usize>) -> Option<Text> {
    match bodies {
        Some(0) => None,
        Some(bodies) => Some(both!(
            "large bodies that stay on the disk for up to an hour behind the backup that is being taken: {bodies}",
            "große Inhalte, die bis zu einer Stunde nach dem Backup, das gerade läuft, auf der Platte bleiben: {bodies}"
        )),
        None => Some(both!(
            "large bodies could not be removed from the disk now, for which the log has the reason; it is tried again each hour",
            "große Inhalte ließen sich jetzt nicht von der Platte löschen, der Grund steht im Log; es wird jede Stunde wieder versucht"
        )),
    }
}

/// An account that was removed.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RemovedItem {
    pub address: String,
    pub id: u32,
    pub removed: When,
    /// It goes for good then.
    pub kept_until: When,
    pub messages: u64,
    pub used_octets: u64,
}
