//! Mailboxes and messages of accounts, over a [`store::Store`].
//!
//! It knows rows and what mail needs of them: UIDs and MODSEQs that only grow, quotas that add up, one change log. It does
//! not know protocols, addresses or sockets. Every change of an [`Account`] goes through its lane ([`lane`]), which folds
//! all that waits into one commit; what sessions see ([`View`], [`Mailboxes`]) is published when that commit is durable.
//!
//! | module | |
//! |---|---|
//! | [`account`](Account) | what an account holds, the operations on it |
//! | `lane`, `working` | folding operations into batches |
//! | `op/` | the operations, one file each |
//! | `rows` | the keys, and what lies where |
//! | `mailbox`, `email`, `view`, `flags`, `log` | the nouns and their rows |
//! | `vanished` | what left a mailbox since |
//! | `keys` | by what a mailbox's messages are sorted and put into conversations |
//! | `recent` | which messages no session was told of |
//! | `gone` | what was deleted and is kept for a while |
//! | `undelete` | bringing it back, or ending it for good |
//! | `erased` | ending a whole account |
//! | `blobs` | collecting blobs that no email names |
//! | `picture` | an account as its rows show it, without loading it |
//! | `step_over` | numbers that an account which was restored does not give out again |
//! | `check`, `repair` | what must always hold of the rows, and making it hold again |
//! | `whereabouts` | where a message is, for people |

mod account;
mod accounts;
mod blobs;
mod check;
mod email;
mod erased;
mod error;
mod flags;
mod gone;
mod keys;
mod lane;
mod log;
mod mailbox;
mod op;
mod picture;
mod recent;
mod repair;
mod rows;
mod sealed;
mod step_over;
mod undelete;
mod vanished;
mod view;
mod whereabouts;
mod working;

pub use account::{Account, Usage, joined};
pub use blobs::{Collected, blob_of, links_of, queue_link};
pub use check::{Violation, check, check_blob, check_links};
pub use email::{BODY_ROW_OCTETS_MAX, Body, Email, NewEmail};
pub use erased::is_erased;
pub use error::Error;
pub use event_listener::EventListener;
pub use flags::{FlagBits, KEYWORDS_MAX, KeywordTable};
pub use gone::{DEPARTURES_MAX, KEPT_FOR, KEPT_ROW_OCTETS, Keeping, KeptFor};
pub use keys::{KEYS_AT_ONCE, KEYS_KEPT_OCTETS_MAX, KEYS_OCTETS_MAX, Keys, SortKeys, TextId, WantedKeys};
pub use log::{Change, Entry};
pub use mailbox::{INBOX, MailboxRecord, Mailboxes, SEPARATOR, SpecialUse, canonical_name, new_name, normalized};
pub use op::append::{Append, Appended, Outcome};
pub use op::append_all::{AllAppended, AppendAll, NewMessage};
pub use op::copy::{Copied, CopyMessages, Transfer};
pub use op::expunge::{Expunge, Leaving};
pub use op::flags::{FlagChange, FlagsStored, StoreFlags, Unchanged};
pub use op::import::{Comes, Import};
pub use picture::{Past, PastError, Picture, PicturedMailbox, account_of, cell_of, read_email, read_message, usage_of};
pub use repair::{Deed, Gap, Kept, Mended, RECOVERED, mend, whole_blob};
pub use rows::{DeliveryId, Departure, SourceId};
pub use step_over::step_over;
pub use undelete::{DeletedMailbox, GoneMessage, GonePage, Restored, Wanted};
pub use vanished::VANISHED_MAX;
pub use view::{Member, View, ViewChanges};
pub use whereabouts::{Whereabouts, linked_by, names_blob, whereabouts};

use accounts::Accounts;
use env::{Clock, Spawn};
use keys::KeysPool;
use model::{AccountId, MailboxId};
use rows::Head;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Blobs, Query, Store};

/// INBOX is an account's first mailbox and stays.
pub const INBOX_ID: MailboxId = MailboxId(1);
/// Mailboxes of an account: they are held in memory while it is used.
pub const MAILBOXES_MAX: usize = 10_000;
/// Subscribed names of an account, likewise.
pub const SUBSCRIPTIONS_MAX: usize = 20_000;
/// Messages that one operation changes: bounds its batch to some ten megabytes.
pub const MESSAGES_AT_ONCE_MAX: usize = 50_000;
/// How long the change log goes back: a client that was away longer synchronises anew.
pub const LOG_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a delivery's mark is kept: longer than the queue may take to record that it is done.
pub const DELIVERIES_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The accounts' mail.
pub struct Mailstore {
    store: Arc<dyn Store>,
    blobs: Arc<dyn Blobs>,
    spawn: Arc<dyn Spawn>,
    clock: Arc<dyn Clock>,
    accounts: Mutex<Accounts<Account>>,
    keys: Arc<KeysPool>,
    keeping: Arc<dyn Keeping>,
}

impl Mailstore {
    /// The mail that lies in `store` and `blobs`; what is deleted is kept for [`KEPT_FOR`].
    pub fn new(
        store: Arc<dyn Store>,
        blobs: Arc<dyn Blobs>,
        spawn: Arc<dyn Spawn>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Mailstore> {
        Mailstore::keeping(store, blobs, spawn, clock, Arc::new(KeptFor(KEPT_FOR)))
    }

    /// As [`Mailstore::new`]; what is deleted is kept as `keeping` says.
    pub fn keeping(
        store: Arc<dyn Store>,
        blobs: Arc<dyn Blobs>,
        spawn: Arc<dyn Spawn>,
        clock: Arc<dyn Clock>,
        keeping: Arc<dyn Keeping>,
    ) -> Arc<Mailstore> {
        Arc::new(Mailstore {
            store,
            blobs,
            spawn,
            clock,
            accounts: Mutex::new(Accounts::new()),
            keys: Arc::default(),
            keeping,
        })
    }

    /// The account, read if it is not in memory; a new one gets INBOX and the special-use mailboxes.
    pub async fn account(&self, id: AccountId) -> Result<Arc<Account>, Error> {
        let account = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.get(id, || Account::new(id, self))
        };
        account.ready().await?;
        Ok(account)
    }

    /// What of an account's quota is used; where the account is not in memory, its head row tells, and the account is not loaded.
    pub async fn usage(&self, id: AccountId) -> Result<Usage, Error> {
        let held = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).held(id);
        if let Some(usage) = held.and_then(|account| account.known_usage()) {
            return Ok(usage);
        }
        Ok(self.head(id).await?.used())
    }

    /// Whether an account of that number was ever opened and is not erased.
    pub async fn has(&self, id: AccountId) -> Result<bool, Error> {
        let query = Query::row(&rows::account_cell(id), rows::HEAD);
        Ok(self.store.read(vec![query]).await?.into_row().is_some())
    }

    /// What of an account's deleted mail is kept, read likewise.
    pub async fn kept(&self, id: AccountId) -> Result<Usage, Error> {
        Ok(self.head(id).await?.kept.unwrap_or_default())
    }

    /// When the oldest that an account keeps was deleted, read likewise.
    pub async fn oldest_gone(&self, id: AccountId) -> Result<Option<model::Timestamp>, Error> {
        undelete::oldest(&*self.store, id).await
    }

    async fn head(&self, id: AccountId) -> Result<Head, Error> {
        let query = Query::row(&rows::account_cell(id), rows::HEAD);
        let row = self.store.read(vec![query]).await?.into_row();
        row.as_deref().map_or(Ok(Head::new()), Head::decode).map_err(working::row_error("head"))
    }

    /// Where large bodies are streamed to before they are appended.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }
}
