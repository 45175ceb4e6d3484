//! Sealed views: the members of a large mailbox as of one modification, packed into rows, so that it is opened by reading
//! hundreds of rows instead of a million. What happened since is taken from the change log and the memberships' own rows:
//! those are the truth, a sealed view only saves reading them. Where it cannot be used, all are read, and it is sealed anew.
//!
//! It is written in steps beside other work: `begun` names what is being written until all parts are there. So a crash
//! leaves nothing behind that nobody knows of.

#[cfg(test)]
mod tests;

use crate::account::Account;
use crate::error::Error;
use crate::lane::Operation;
use crate::log::{Change, Entry};
use crate::rows;
use crate::view::{CHUNK_MEMBERS, Member, Packed, View};
use crate::working::{Working, row_error};
use model::{Decoder, Encoder, MailboxId, ModSeq, RecordError, Uid};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Bytes;

/// Smaller mailboxes are read row by row, in some milliseconds.
pub(crate) const MESSAGES_MIN: u32 = if cfg!(test) { 300 } else { 2_000 };
/// Chunks in a row: some 35 KiB.
const CHUNKS_IN_PART: usize = if cfg!(test) { 2 } else { 8 };
const MEMBERS_IN_PART: usize = CHUNKS_IN_PART * CHUNK_MEMBERS;
/// Modifications of the account that are looked through at most: reading so many costs as much as opening a large mailbox
/// without a seal.
const REPLAYED_MAX: u64 = 200_000;
/// It is sealed anew when more than this part of its members had to be read one by one.
const STALE_SHARE: u32 = 8;
/// Rows read at once, and parts.
const ROWS_AT_ONCE: usize = 1000;

/// What was sealed, or is being.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seal {
    /// Members are as of this modification.
    modseq: ModSeq,
    messages: u32,
    parts: u32,
}

/// The row that says which parts there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Head {
    whole: Option<Seal>,
    begun: Option<Seal>,
}

const HEAD_FORMAT: u8 = 1;
const PART_FORMAT: u8 = 1;

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(HEAD_FORMAT);
        for seal in [self.whole, self.begun] {
            match seal {
                None => e.u64(0),
                Some(Seal { modseq, messages, parts }) => e.u64(1).u64(modseq.0).u32(messages).u32(parts),
            };
        }
        e.finish()
    }

    fn decode(row: &[u8]) -> Result<Head, RecordError> {
        let mut d = Decoder::new(row, HEAD_FORMAT)?;
        let mut seal = || match d.u64()? {
            0 => Ok(None),
            1 => Ok(Some(Seal { modseq: d.modseq()?, messages: d.u32()?, parts: d.u32()? })),
            _ => Err(RecordError::Value),
        };
        Ok(Head { whole: seal()?, begun: seal()? })
    }
}

fn encode_part(members: &[Member]) -> Vec<u8> {
    let mut e = Encoder::new(PART_FORMAT);
    let chunks = members.chunks(CHUNK_MEMBERS);
    e.usize(chunks.len());
    chunks.for_each(|chunk| Packed::new(chunk).encode_into(&mut e));
    e.finish()
}

/// Whether such a row can be read.
pub(crate) fn check(key: &[u8], row: &[u8]) -> Result<(), RecordError> {
    match key.len() {
        HEAD_KEY_OCTETS => Head::decode(row).map(drop),
        PART_KEY_OCTETS => decode_part(row).map(drop),
        _ => Err(RecordError::Value),
    }
}

const HEAD_KEY_OCTETS: usize = 5;
const PART_KEY_OCTETS: usize = 17;

fn decode_part(row: &[u8]) -> Result<Vec<Packed>, RecordError> {
    let mut d = Decoder::new(row, PART_FORMAT)?;
    let count = d.count()?;
    (0..count).map(|_| Packed::decode_from(&mut d)).collect()
}

/// A view that was loaded, and whether it is worth sealing.
pub(crate) struct Loaded {
    pub view: View,
    pub stale: bool,
}

/// The members of a mailbox from its sealed view; `None` when that cannot be used. Nothing may be under way.
pub(crate) async fn load(w: &Working, id: MailboxId) -> Result<Option<Loaded>, Error> {
    let record = w.mailbox(id)?;
    if record.messages < MESSAGES_MIN {
        return Ok(None);
    }
    let Some(row) = w.row(rows::sealed(id)).await? else { return Ok(None) };
    let Some(seal) = usable(id, Head::decode(&row)).and_then(|head| head.whole) else { return Ok(None) };
    let mut view = w.empty_view(id)?;
    if !take_parts(w, id, seal, &mut view).await? {
        return Ok(None);
    }
    let mut touched = 0;
    if record.highest_modseq > seal.modseq {
        let Some(uids) = touched_since(w, id, seal.modseq).await? else { return Ok(None) };
        touched = uids.len();
        replay(w, id, &uids, &mut view).await?;
    }
    if view.len() != record.messages {
        tracing::warn!(event = "sealed.wrong", mailbox = %id, sealed = view.len(), messages = record.messages);
        return Ok(None);
    }
    Ok(Some(Loaded { stale: touched as u64 > u64::from(view.len() / STALE_SHARE), view }))
}

/// What is damaged is not needed.
fn usable<T>(mailbox: MailboxId, row: Result<T, RecordError>) -> Option<T> {
    row.inspect_err(|cause| tracing::warn!(event = "sealed.damaged", %mailbox, %cause)).ok()
}

/// Whether all parts are there and fit.
async fn take_parts(w: &Working, id: MailboxId, seal: Seal, view: &mut View) -> Result<bool, Error> {
    let prefix = rows::sealed_parts(id, seal.modseq);
    let (mut after, mut parts) = (None, 0);
    loop {
        let page = w.scan_page(&prefix, after.take(), ROWS_AT_ONCE).await?;
        for (_, row) in &page.rows {
            parts += 1;
            let Some(chunks) = usable(id, decode_part(row)) else { return Ok(false) };
            for chunk in chunks {
                if view.last_uid() >= chunk.uid(0) {
                    return Ok(false);
                }
                view.push_packed(chunk);
            }
        }
        match page.rows.last().filter(|_| page.more) {
            Some((key, _)) => after = Some(key.clone()),
            None => return Ok(parts == seal.parts && view.len() == seal.messages),
        }
    }
}

/// The UIDs of the mailbox that the change log names behind `since`; `None` when the log does not reach back so far.
async fn touched_since(w: &Working, id: MailboxId, since: ModSeq) -> Result<Option<BTreeSet<Uid>>, Error> {
    let entries = w.head.modseq.0.saturating_sub(since.0);
    if entries > REPLAYED_MAX {
        return Ok(None);
    }
    let (mut uids, mut after, mut seen) = (BTreeSet::new(), Some(rows::log(since)), 0);
    loop {
        let page = w.scan_page(rows::LOG, after.take(), ROWS_AT_ONCE).await?;
        seen += page.rows.len() as u64;
        for (key, row) in &page.rows {
            match Entry::decode(row).map_err(row_error(format_args!("change log {key:02x?}")))?.change {
                Change::Appended { mailbox, members } if mailbox == id => uids.extend(members.iter().map(|m| m.0)),
                Change::Flags { mailbox, members } if mailbox == id => uids.extend(members.iter().map(|m| m.0)),
                Change::Expunged { mailbox, members } if mailbox == id => uids.extend(members.iter().map(|m| m.0)),
                _ => {}
            }
        }
        match page.rows.last().filter(|_| page.more) {
            Some((key, _)) => after = Some(key.clone()),
            // Each modification has its entry: one that is missing was trimmed.
            None => return Ok((seen == entries).then_some(uids)),
        }
    }
}

/// Makes the members with these UIDs what their rows say now.
async fn replay(w: &Working, id: MailboxId, uids: &BTreeSet<Uid>, view: &mut View) -> Result<(), Error> {
    let uids: Vec<Uid> = uids.iter().copied().collect();
    let last = view.last_uid();
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for some in uids.chunks(ROWS_AT_ONCE) {
        let keys: Vec<Bytes> = some.iter().map(|uid| rows::member(id, *uid)).collect();
        for (uid, row) in some.iter().zip(w.rows(&keys).await?) {
            match row {
                None => gone.push(*uid),
                Some(row) => {
                    let member = Member::decode((id, *uid), &row);
                    changed.push(member.map_err(row_error(format_args!("membership {uid} of mailbox {id}")))?);
                }
            }
        }
    }
    let (known, new): (Vec<Member>, Vec<Member>) = changed.into_iter().partition(|member| Some(member.uid) <= last);
    view.update(&known);
    view.remove(&gone);
    new.into_iter().for_each(|member| view.push(member));
    Ok(())
}

/// Writes what a view shows, in steps; ends when the mailbox is gone or somebody else seals it.
pub(crate) async fn seal(account: Arc<Account>, mailbox: MailboxId, view: Arc<View>) {
    match write(&account, mailbox, &view).await {
        Ok(true) => tracing::debug!(event = "sealed.written", account = %account.id, %mailbox, messages = view.len()),
        Ok(false) | Err(Error::MailboxMissing) => {}
        Err(cause) => tracing::info!(event = "sealed.not_written", account = %account.id, %mailbox, %cause),
    }
}

/// Whether it was written to the end.
async fn write(account: &Arc<Account>, mailbox: MailboxId, view: &View) -> Result<bool, Error> {
    let parts = (view.len() as usize).div_ceil(MEMBERS_IN_PART) as u32;
    let seal = Seal { modseq: view.mailbox.highest_modseq, messages: view.len(), parts };
    let step = |step| account.ask(Write { mailbox, seal, step });
    step(Step::Begin).await?;
    let (mut members, mut number) = (Vec::with_capacity(MEMBERS_IN_PART), 0);
    let mut all = view.iter().map(|(_, member)| member).peekable();
    while all.peek().is_some() {
        members.extend(all.by_ref().take(MEMBERS_IN_PART));
        if !step(Step::Part { number, row: encode_part(&members) }).await? {
            return Ok(false);
        }
        members.clear();
        number += 1;
    }
    step(Step::End).await
}

/// One step of sealing a mailbox.
struct Write {
    mailbox: MailboxId,
    seal: Seal,
    step: Step,
}

enum Step {
    Begin,
    Part { number: u32, row: Vec<u8> },
    End,
}

impl Operation for Write {
    /// Whether it is still this seal that is being written.
    type Done = bool;

    fn octets(&self) -> usize {
        match &self.step {
            Step::Part { row, .. } => row.len(),
            Step::Begin | Step::End => 0,
        }
    }

    async fn fold(&self, w: &mut Working) -> Result<bool, Error> {
        w.mailbox(self.mailbox)?;
        let mut head = head(w, self.mailbox).await?;
        match &self.step {
            Step::Begin => {
                // Of one that came to no end.
                delete_parts(w, self.mailbox, head.begun, &[head.whole, Some(self.seal)]);
                head.begun = Some(self.seal);
                w.set_readable(rows::sealed(self.mailbox), Some(head.encode()));
            }
            _ if head.begun != Some(self.seal) => return Ok(false),
            Step::Part { number, row } => {
                w.put(rows::sealed_part(self.mailbox, self.seal.modseq, *number), row.clone());
            }
            Step::End => {
                delete_parts(w, self.mailbox, head.whole, &[Some(self.seal)]);
                let head = Head { whole: Some(self.seal), begun: None };
                w.set_readable(rows::sealed(self.mailbox), Some(head.encode()));
            }
        }
        Ok(true)
    }
}

async fn head(w: &Working, mailbox: MailboxId) -> Result<Head, Error> {
    let row = w.row(rows::sealed(mailbox)).await?;
    // A damaged one is written anew; its parts are found when the mailbox goes.
    Ok(row.and_then(|row| usable(mailbox, Head::decode(&row))).unwrap_or_default())
}

/// Deletes the parts of `old` but those that one of `staying` has too.
fn delete_parts(w: &mut Working, mailbox: MailboxId, old: Option<Seal>, staying: &[Option<Seal>]) {
    let Some(old) = old else { return };
    let same = staying.iter().flatten().filter(|seal| seal.modseq == old.modseq);
    let from = same.map(|seal| seal.parts).max().unwrap_or(0);
    (from..old.parts).for_each(|number| w.delete(rows::sealed_part(mailbox, old.modseq, number)));
}

/// Deletes some rows of a deleted mailbox's sealed view; whether none is left.
pub(crate) async fn forget(w: &mut Working, mailbox: MailboxId) -> Result<bool, Error> {
    let page = w.scan_page(&rows::sealed(mailbox), None, ROWS_AT_ONCE).await?;
    page.rows.into_iter().for_each(|(key, _)| w.delete(key));
    Ok(!page.more)
}
