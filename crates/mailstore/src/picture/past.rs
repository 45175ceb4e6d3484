//! An account as it was at a moment: what it was before, and the changes since, as a later store's log tells them.

use super::{Picture, each};
use crate::erased::has_ended;
use crate::error::Error;
use crate::gone;
use crate::log::{Change, Entry};
use crate::rows::{self, Departure, Places};
use crate::step_over::{CHANGES, CHANGES_UNIT};
use crate::view::Member;
use model::{AccountId, EmailId, MailboxId, ModSeq, ThreadId, Timestamp, Uid};
use std::collections::{BTreeMap, BTreeSet};
use store::{Bytes, Cell, Found, Query, Store};

/// An account at a moment.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// As it was.
    pub picture: Picture,
    /// Messages that came and went for good between the two stores: neither has them.
    pub lost: Vec<(MailboxId, Uid, EmailId)>,
    /// Names that were subscribed in between, or no longer.
    pub subscriptions: BTreeMap<String, bool>,
}

/// Why it cannot be said what was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PastError {
    /// The log does not reach back as far.
    #[error("the log of changes does not reach back so far: its first one is of {}", known_since(*.0))]
    Forgotten(Option<Timestamp>),
    /// The account was set back to what another backup held, or repaired after a loss.
    #[error(
        "the account was restored from another backup or repaired in between, and what happened before that is not in the later one"
    )]
    SetBack,
    /// The account was not made before this moment.
    #[error("the account was made on {0}")]
    Unborn(Timestamp),
    /// The account was erased before the later store was read, and with it what is known of its past.
    #[error("the account was erased in between, and what happened before that is not in the later one")]
    Erased,
    /// The store cannot be read, or the log is damaged.
    #[error(transparent)]
    Error(#[from] Error),
}

fn known_since(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "later".to_owned(), |at| at.to_string())
}

/// Rows asked for at once.
const AT_ONCE: usize = 500;

impl Past {
    /// What an account of `before` became until the moment `at`, by the log in `later`. Without `before` the log has to reach
    /// back to its first change.
    ///
    /// # Errors
    /// [`PastError::Forgotten`] when the log lacks changes.
    pub async fn of(
        before: Option<&dyn Store>,
        later: &dyn Store,
        account: AccountId,
        at: Timestamp,
    ) -> Result<Past, PastError> {
        let cell = rows::account_cell(account);
        if has_ended(later, &cell).await.map_err(Error::from)? {
            return Err(PastError::Erased);
        }
        let picture = match before {
            Some(before) => Picture::read(before, account).await?,
            None => Picture::default(),
        };
        if let Some(before) = before {
            is_same_story(before, later, &cell, picture.modseq).await?;
        }
        let mut replay = Replay {
            picture,
            came: BTreeSet::new(),
            subscriptions: BTreeMap::new(),
            first: None,
            gap: false,
            broken: false,
            unborn: None,
            set_back: false,
        };
        let now = Picture::keywords_of(later, &cell).await?;
        replay.picture.keywords = now;
        let mut ended = false;
        let mut take = |key: &Bytes, row: &Bytes| ended = ended || replay.row(key, row, at);
        each(later, &cell, rows::LOG, &mut take).await?;
        if let Some(first) = replay.unborn {
            return Err(PastError::Unborn(first));
        }
        if replay.set_back {
            return Err(PastError::SetBack);
        }
        if !ended && Picture::modseq_of(later, &cell).await? > replay.picture.modseq {
            replay.gap = true;
        }
        if replay.broken {
            return Err(Error::Row { row: "change log".into(), cause: model::RecordError::Value }.into());
        }
        if replay.gap {
            return Err(PastError::Forgotten(replay.first));
        }
        replay.fill(later, account).await
    }
}

/// Whether the change that `before` ends with is the one that `later` has of that number, if it still has it.
async fn is_same_story(before: &dyn Store, later: &dyn Store, cell: &Cell, last: ModSeq) -> Result<(), PastError> {
    let query = || vec![Query::row(cell, rows::log(last))];
    let was = before.read(query()).await.map_err(Error::from)?.into_row();
    let is = later.read(query()).await.map_err(Error::from)?.into_row();
    let differs = was.is_some() && is.is_some() && was != is;
    if differs || Picture::modseq_of(later, cell).await? < last { Err(PastError::SetBack) } else { Ok(()) }
}

struct Replay {
    picture: Picture,
    /// Members of which only number, email and flags are known.
    came: BTreeSet<(MailboxId, Uid)>,
    subscriptions: BTreeMap<String, bool>,
    /// When the first change that is known was.
    first: Option<Timestamp>,
    gap: bool,
    broken: bool,
    /// When the account's very first change was, if that is behind the moment.
    unborn: Option<Timestamp>,
    /// It was restored or repaired behind the moment, or from another state: the log begins with that.
    set_back: bool,
}

impl Replay {
    /// Takes a row of the log. Whether it is from behind the moment.
    fn row(&mut self, key: &Bytes, row: &Bytes, until: Timestamp) -> bool {
        let modseq = key.last_chunk().map_or(ModSeq(0), |n| ModSeq(u64::from_be_bytes(*n)));
        let Ok(entry) = Entry::decode(row) else {
            self.broken = true;
            return true;
        };
        if self.first.is_none() {
            self.first = Some(entry.at);
            if self.steps_over(modseq, entry.at <= until) {
                return true;
            }
        }
        if modseq <= self.picture.modseq {
            return false;
        }
        // What is missing may be from before the moment.
        self.gap |= modseq.0 != self.picture.modseq.0 + 1;
        if entry.at > until || self.gap {
            self.unborn = (modseq == ModSeq(1)).then_some(entry.at);
            return true;
        }
        self.picture.modseq = modseq;
        self.change(entry, modseq);
        false
    }

    /// Looks whether the log begins with a restore or a repair, which steps over changes; whether it is not of what `before` shows.
    fn steps_over(&mut self, first: ModSeq, is_by_then: bool) -> bool {
        let stepped = first.0.saturating_sub(self.picture.modseq.0);
        if stepped >= CHANGES && stepped.is_multiple_of(CHANGES_UNIT) && is_by_then {
            self.picture.modseq = ModSeq(first.0 - 1);
        } else {
            self.set_back = stepped >= CHANGES;
        }
        self.set_back
    }

    fn change(&mut self, Entry { at, change }: Entry, modseq: ModSeq) {
        let mailboxes = &mut self.picture.mailboxes;
        match change {
            Change::Appended { mailbox, members } => {
                let there = &mut mailboxes.entry(mailbox).or_default().members;
                for (uid, email, flags) in members {
                    let (thread, size_octets) = (ThreadId(email.0), 0);
                    let member =
                        Member { uid, email, thread, flags, modseq, internal_date: at, save_date: at, size_octets };
                    there.insert(uid, member);
                    self.came.insert((mailbox, uid));
                }
            }
            Change::Flags { mailbox, members } => {
                let there = &mut mailboxes.entry(mailbox).or_default().members;
                for (uid, flags) in members {
                    if let Some(member) = there.get_mut(&uid) {
                        (member.flags, member.modseq) = (flags, modseq);
                    }
                }
            }
            Change::Expunged { mailbox, members } => {
                if let Some(there) = mailboxes.get_mut(&mailbox) {
                    for (uid, _) in &members {
                        there.members.remove(uid);
                    }
                }
            }
            Change::Mailbox(record) => {
                let mailbox = mailboxes.entry(record.id).or_default();
                (mailbox.name, mailbox.special_use) = (Some(record.name), record.special_use);
            }
            Change::MailboxDeleted(id) => {
                mailboxes.remove(&id);
            }
            Change::Subscription { name, subscribed } => drop(self.subscriptions.insert(name, subscribed)),
        }
    }

    /// Reads what the log does not say of those that came.
    async fn fill(mut self, later: &dyn Store, account: AccountId) -> Result<Past, PastError> {
        // A mailbox that was deleted before is named by the expunging that follows.
        self.picture.mailboxes.retain(|_, mailbox| mailbox.name.is_some() || !mailbox.members.is_empty());
        let mut lost = Vec::new();
        let came: Vec<(MailboxId, Uid)> = std::mem::take(&mut self.came).into_iter().collect();
        let cell = rows::account_cell(account);
        for some in came.chunks(AT_ONCE) {
            let found = members(later, &cell, some).await?;
            for ((mailbox, uid), known) in some.iter().zip(found) {
                let Some(there) = self.picture.mailboxes.get_mut(mailbox) else { continue };
                let Some(member) = there.members.get_mut(uid) else { continue };
                let known = match known {
                    Some(known) => Some(known),
                    None => elsewhere(later, &cell, member.email).await?,
                };
                match known {
                    Some(known) => {
                        let Member { uid, flags, modseq, save_date, .. } = *member;
                        *member = Member { uid, flags, modseq, save_date, ..known };
                    }
                    None => {
                        lost.push((*mailbox, *uid, member.email));
                        there.members.remove(uid);
                    }
                }
            }
        }
        Ok(Past { picture: self.picture, lost, subscriptions: self.subscriptions })
    }
}

/// The memberships at these places, as far as there are any.
async fn members(store: &dyn Store, cell: &Cell, places: &[(MailboxId, Uid)]) -> Result<Vec<Option<Member>>, Error> {
    let queries = places.iter().map(|(mailbox, uid)| Query::row(cell, rows::member(*mailbox, *uid))).collect();
    let member = |(place, found): (&(MailboxId, Uid), Found)| match found {
        Found::Row(Some(row)) => Member::decode(*place, &row).ok(),
        _ => None,
    };
    Ok(places.iter().zip(store.read(queries).await?.0).map(member).collect())
}

/// A message as it is in another place, or was when it was deleted: it has its size, dates and conversation there too.
async fn elsewhere(store: &dyn Store, cell: &Cell, email: EmailId) -> Result<Option<Member>, Error> {
    let row = store.read(vec![Query::row(cell, rows::places(email))]).await?.into_row();
    let Some(places) = row.and_then(|row| Places::decode(email, &row).ok()) else { return Ok(None) };
    if let Some(member) = members(store, cell, &places.memberships).await?.into_iter().flatten().next() {
        return Ok(Some(member));
    }
    let queries = places.departures.iter().map(|departure| Query::row(cell, rows::gone(*departure))).collect();
    let found = places.departures.iter().zip(store.read(queries).await?.0);
    let was = |(departure, found): (&Departure, Found)| match found {
        Found::Row(Some(row)) => gone::decode(*departure, &row).ok().filter(|member| member.email == email),
        _ => None,
    };
    Ok(found.filter_map(was).next())
}
