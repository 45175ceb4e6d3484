//! What the rows have to be.

use super::found::{Found, page};
use super::{Deed, Gap, Kept, Mended, RECOVERED};
use crate::email::{Body, Email, NewEmail, Stored};
use crate::flags::FlagBits;
use crate::gone::DEPARTURES_MAX;
use crate::log::{self, Change, Entry};
use crate::mailbox::{INBOX, MailboxRecord, canonical_name};
use crate::rows::{self, Departure, Head, Places};
use crate::view::Member;
use crate::working::{Sign, Working};
use crate::{INBOX_ID, Usage};
use message::Scanner;
use model::{AccountId, EmailId, Flag, Keyword, MailboxId, ModSeq, ThreadId, Timestamp, Uid, UidValidity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{BlobHold, BlobId, Blobs, Bytes, Cell, ReadError, RowPlace, Snapshot, Space, Write};

/// Octets of a blob read at once.
const PIECE_OCTETS: u64 = 256 << 10;

pub(super) struct Mender {
    account: AccountId,
    cell: Cell,
    now: Timestamp,
    gap: Gap,
    found: Found,
    modseq: ModSeq,
    mended: Mended,
    /// What left each mailbox.
    left: BTreeMap<MailboxId, Vec<Member>>,
}

impl Mender {
    pub fn new(account: AccountId, cell: Cell, (now, gap): (Timestamp, Gap), found: Found) -> Mender {
        let said = found.head.map_or(ModSeq(0), |head| head.modseq);
        let of_members = found.members.values().map(|member| member.modseq);
        let of_mailboxes = found.mailboxes.values().map(|record| record.highest_modseq);
        let all = of_members.chain(of_mailboxes).chain(found.log.last().copied());
        let modseq = gap.modseq(all.fold(said, ModSeq::max));
        Mender { account, cell, now, gap, found, modseq, mended: Mended::default(), left: BTreeMap::new() }
    }

    pub async fn mend(
        mut self,
        (store, blobs): (&dyn Snapshot, &dyn Blobs),
        linked: &[(EmailId, BlobId)],
    ) -> Result<Mended, ReadError> {
        for (key, row, cause) in std::mem::take(&mut self.found.bad) {
            self.take_away(Space::Rows, key, row, cause.to_string());
        }
        self.bodies(store).await?;
        if self.found.rows == 0 && self.found.emails.is_empty() && linked.is_empty() {
            return Ok(self.mended); // nobody ever had mail here
        }
        self.blobs(store, blobs, linked).await?;
        self.members();
        let stray = self.places();
        self.mailboxes();
        self.recover(stray);
        self.log();
        self.count();
        if !self.mended.deeds.is_empty() {
            // They only save reading the memberships, which are others now.
            for key in std::mem::take(&mut self.found.sealed) {
                self.write(Space::Rows, key, None);
            }
        }
        Ok(self.mended)
    }

    // What is written.

    fn write(&mut self, space: Space, key: Bytes, value: Option<Bytes>) {
        self.mended.writes.push(Write { space, cell: self.cell.clone(), key, value });
    }

    fn put(&mut self, key: Bytes, row: Vec<u8>) {
        self.write(Space::Rows, key, Some(row.into()));
    }

    fn rebuilt(&mut self, key: Bytes, row: Vec<u8>) {
        self.mended.deeds.push(Deed::Rebuilt { row: rows::name_of(&key) });
        self.put(key, row);
    }

    fn take_away(&mut self, space: Space, key: Bytes, row: Bytes, why: String) {
        self.mended.deeds.push(Deed::Dropped { row: rows::name_of(&key), why });
        self.keep(space, key.clone(), row);
        self.write(space, key, None);
    }

    fn keep(&mut self, space: Space, key: Bytes, row: Bytes) {
        self.mended.kept.push(Kept::Row(RowPlace { space, cell: self.cell.clone(), key }, row));
    }

    // Emails and their octets.

    /// Small bodies: of which an email is lost that has one, it is made anew from it.
    async fn bodies(&mut self, store: &dyn Snapshot) -> Result<(), ReadError> {
        let (mut whole, mut after) = (BTreeSet::new(), None);
        loop {
            let rows = store.read(vec![page(&self.cell, Space::Bodies, after)]).await?.into_page();
            for (key, octets) in &rows.rows {
                let id = key.as_ref().try_into().map(|id| EmailId(u64::from_be_bytes(id)));
                let Ok(id) = id else {
                    self.take_away(Space::Bodies, key.clone(), octets.clone(), "not an email's number".into());
                    continue;
                };
                match self.found.emails.get(&id).map(|email| (email.stored, email.check_body(octets), email.clone())) {
                    Some((Stored::Row, Ok(()), _)) => drop(whole.insert(id)),
                    Some((Stored::Row, Err(why), email)) => {
                        let octets = [email.prefix(), octets].concat();
                        self.mended.kept.push(Kept::Message(id, octets.into()));
                        self.lose(id, why);
                    }
                    Some((Stored::Blob(_), ..)) => {
                        self.take_away(Space::Bodies, key.clone(), octets.clone(), "its email has a blob".into());
                    }
                    None => {
                        self.rebuild(id, Body::Row(octets.clone()));
                        whole.insert(id);
                    }
                }
            }
            after = rows.rows.last().map(|(key, _)| key.clone());
            if !rows.more {
                break;
            }
        }
        let small = self.found.emails.values().filter(|email| email.stored == Stored::Row);
        let bare: Vec<EmailId> = small.map(|email| email.id).filter(|id| !whole.contains(id)).collect();
        bare.into_iter().for_each(|id| self.lose(id, "its content is missing".into()));
        Ok(())
    }

    /// Large ones, likewise; a link that is missing is put back.
    async fn blobs(
        &mut self,
        store: &dyn Snapshot,
        blobs: &dyn Blobs,
        linked: &[(EmailId, BlobId)],
    ) -> Result<(), ReadError> {
        let named: Vec<(EmailId, BlobId, Option<u64>)> = {
            let emails = self.found.emails.values().filter_map(|email| match email.stored {
                Stored::Blob(blob) => Some((email.id, blob, Some(email.size_octets() - email.prefix().len() as u64))),
                Stored::Row => None,
            });
            let lost = self.found.places.iter().filter(|(id, _)| !self.found.emails.contains_key(id));
            let lost = lost.filter_map(|(id, places)| Some((*id, places.blob?)));
            let known = |id: &EmailId| self.found.emails.contains_key(id) || self.found.places.contains_key(id);
            let linked = linked.iter().copied().filter(|(id, _)| !known(id));
            emails.chain(lost.chain(linked).map(|(id, blob)| (id, blob, None))).collect()
        };
        for (id, blob, size) in named {
            let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
            match whole_blob(blobs, blob, size.is_none().then_some(&mut scanner)).await? {
                Err(why) if size.is_some() => self.lose_large(id, blob, why),
                Err(_) => {}
                Ok(octets) if size.is_some_and(|size| size != octets) => {
                    self.lose_large(id, blob, "its content is too short".into());
                }
                Ok(size_octets) => {
                    if size.is_none() {
                        let scanned = Arc::new(scanner.finish());
                        self.rebuild_scanned(
                            id,
                            Body::Blob { id: blob, size_octets, hold: BlobHold::default() },
                            scanned,
                        );
                    }
                    let (cell, key) = (rows::blob_cell(blob), rows::blob_link(self.account, id));
                    let link = store.read(vec![store::Query::row(&cell, key.clone())]).await?.into_row();
                    if link.is_none() {
                        self.mended.deeds.push(Deed::Rebuilt { row: format!("link of email {id} to its blob") });
                        self.mended.writes.push(Write { space: Space::Rows, cell, key, value: Some(Bytes::new()) });
                    }
                }
            }
        }
        Ok(())
    }

    fn rebuild(&mut self, id: EmailId, body: Body) {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        if let Body::Row(octets) = &body {
            scanner.push(octets);
        }
        self.rebuild_scanned(id, body, Arc::new(scanner.finish()));
    }

    /// The email's row from its content; the trace fields of its delivery are lost.
    fn rebuild_scanned(&mut self, id: EmailId, body: Body, scanned: Arc<message::Scanned>) {
        let thread = self.found.members.values().find(|member| member.email == id).map(|member| member.thread);
        let new = NewEmail { prefix: Bytes::new(), body, scanned };
        let row = new.encode(id, thread.unwrap_or(ThreadId(id.0)));
        if let Ok(email) = Email::decode(id, row.clone().into()) {
            self.found.emails.insert(id, email);
        }
        self.rebuilt(rows::email(id), row);
    }

    fn lose_large(&mut self, id: EmailId, blob: BlobId, why: String) {
        if let Some(email) = self.found.emails.get(&id) {
            let prefix = Bytes::copy_from_slice(email.prefix());
            self.mended.kept.push(Kept::Blob(id, prefix, blob));
        }
        self.lose(id, why);
    }

    fn lose(&mut self, id: EmailId, why: String) {
        let Some(email) = self.found.emails.remove(&id) else { return };
        let places = self.found.members.iter().filter(|(_, member)| member.email == id).map(|(place, _)| *place);
        self.mended.deeds.push(Deed::Lost { email: id, places: places.collect(), why });
        self.keep(Space::Rows, rows::email(id), email.row());
        self.write(Space::Rows, rows::email(id), None);
        match email.stored {
            Stored::Row => self.write(Space::Bodies, rows::body(id), None),
            Stored::Blob(blob) => {
                let (cell, key) = (rows::blob_cell(blob), rows::blob_link(self.account, id));
                self.mended.writes.push(Write { space: Space::Rows, cell, key, value: None });
            }
        }
    }

    // Places.

    /// Memberships and departures of emails that are there; each says its email's size.
    fn members(&mut self) {
        for ((mailbox, uid), member) in std::mem::take(&mut self.found.members) {
            let key = rows::member(mailbox, uid);
            match self.found.emails.get(&member.email).map(Email::size_octets) {
                None => {
                    self.take_away(Space::Rows, key, member.encode(mailbox).into(), "its email is gone".into());
                    self.left.entry(mailbox).or_default().push(member);
                }
                Some(size_octets) => {
                    let modseq = if self.gap == Gap::Possible { self.modseq } else { member.modseq };
                    let now = Member { size_octets, modseq, ..member };
                    if size_octets != member.size_octets {
                        self.rebuilt(key, now.encode(mailbox));
                    } else if now != member {
                        self.put(key, now.encode(mailbox));
                    }
                    self.found.members.insert((mailbox, uid), now);
                }
            }
        }
        for (departure, member) in std::mem::take(&mut self.found.departures) {
            let key = rows::gone(departure);
            match self.found.emails.get(&member.email).map(Email::size_octets) {
                None => {
                    self.take_away(Space::Rows, key, crate::gone::encode(&member).into(), "its email is gone".into())
                }
                Some(size_octets) => {
                    let now = Member { size_octets, ..member };
                    if now != member {
                        self.rebuilt(key, crate::gone::encode(&now));
                    }
                    self.found.departures.insert(departure, now);
                }
            }
        }
    }

    /// Each email's places, as memberships and departures say; the emails that have none.
    fn places(&mut self) -> Vec<EmailId> {
        let (mut memberships, mut departures): (BTreeMap<EmailId, Vec<_>>, BTreeMap<EmailId, Vec<Departure>>) =
            Default::default();
        for (place, member) in &self.found.members {
            memberships.entry(member.email).or_default().push(*place);
        }
        for (departure, member) in &self.found.departures {
            departures.entry(member.email).or_default().push(*departure);
        }
        let mut stray = Vec::new();
        let emails: Vec<_> = self.found.emails.values().map(|e| (e.id, e.stored, e.size_octets())).collect();
        for (id, stored, size_octets) in emails {
            let blob = if let Stored::Blob(blob) = stored { Some(blob) } else { None };
            let mut departures = departures.remove(&id).unwrap_or_default();
            let surplus = departures.len().saturating_sub(DEPARTURES_MAX);
            for oldest in departures.drain(..surplus) {
                self.found.departures.remove(&oldest);
                self.write(Space::Rows, rows::gone(oldest), None);
            }
            let now =
                Places { memberships: memberships.remove(&id).unwrap_or_default(), departures, blob, size_octets };
            if now.memberships.is_empty() && now.departures.is_empty() {
                stray.push(id);
            }
            self.settle_places(id, now);
        }
        let ended: Vec<_> =
            self.found.places.keys().filter(|id| !self.found.emails.contains_key(id)).copied().collect();
        for id in ended {
            if let Some(places) = self.found.places.remove(&id) {
                self.keep(Space::Rows, rows::places(id), places.encode(id).into());
                self.write(Space::Rows, rows::places(id), None);
            }
        }
        stray
    }

    /// Writes what an email's places are, unless they are so already.
    fn settle_places(&mut self, id: EmailId, now: Places) {
        let in_order = |places: &Places| {
            let (mut memberships, mut departures) = (places.memberships.clone(), places.departures.clone());
            memberships.sort_unstable();
            departures.sort_unstable();
            Places { memberships, departures, ..places.clone() }
        };
        if self.found.places.get(&id).is_none_or(|was| in_order(was) != in_order(&now)) {
            self.rebuilt(rows::places(id), now.encode(id));
            self.found.places.insert(id, now);
        }
    }

    // Mailboxes.

    /// Every mailbox that has a message, or had a name, is there; names are names, and each is there once.
    fn mailboxes(&mut self) {
        let filled = self.found.members.keys().map(|(mailbox, _)| *mailbox);
        let all: BTreeSet<MailboxId> = filled.chain(self.found.named.keys().copied()).chain([INBOX_ID]).collect();
        for id in all {
            if self.found.mailboxes.contains_key(&id) || self.found.emptying.contains(&id) {
                continue;
            }
            let was = self.found.named.get(&id).cloned();
            let record = was.unwrap_or_else(|| self.new_record(id, &format!("{RECOVERED}/{id}")));
            self.found.mailboxes.insert(id, record);
        }
        let there: BTreeSet<MailboxId> = self.found.mailboxes.keys().copied().collect();
        for id in self.found.emptying.intersection(&there).copied().collect::<Vec<_>>() {
            self.write(Space::Rows, rows::emptying(id), None);
            self.found.emptying.remove(&id);
        }
        let mut names = BTreeSet::new();
        for (id, record) in &mut self.found.mailboxes {
            if *id == INBOX_ID {
                record.name = INBOX.into();
            }
            let sound = canonical_name(&record.name).is_ok_and(|name| name == record.name);
            let taken = *id != INBOX_ID && &*record.name == INBOX;
            if !sound || taken || names.contains(&record.name) {
                record.name = format!("{RECOVERED}/{id}").into();
            }
            names.insert(record.name.clone());
        }
        let another = self.next_validity();
        for record in self.found.mailboxes.values_mut().chain(self.found.said.values_mut()) {
            self.gap.record(record, self.modseq, another);
        }
    }

    fn new_record(&self, id: MailboxId, name: &str) -> MailboxRecord {
        let record = MailboxRecord::empty(id, name.into(), self.next_validity());
        MailboxRecord { highest_modseq: self.modseq, ..record }
    }

    fn next_validity(&self) -> UidValidity {
        let before = self.found.mailboxes.values().map(|record| record.uid_validity.0).max().unwrap_or(0);
        UidValidity(self.seconds().max(before.saturating_add(1)))
    }

    fn seconds(&self) -> u32 {
        u32::try_from(self.now.unix_ms() / 1000).unwrap_or(u32::MAX - 1)
    }

    /// Messages without a place come into a mailbox of their own.
    fn recover(&mut self, stray: Vec<EmailId>) {
        if stray.is_empty() {
            return;
        }
        let id = match self.found.mailboxes.values().find(|record| &*record.name == RECOVERED) {
            Some(record) => record.id,
            None => {
                let id = self.next_mailbox();
                self.found.mailboxes.insert(id, self.new_record(id, RECOVERED));
                id
            }
        };
        self.modseq.0 += 1;
        let taken = self.found.members.keys().filter(|(mailbox, _)| *mailbox == id).map(|(_, uid)| uid.0 + 1).max();
        let said = self.found.mailboxes.get(&id).map_or(1, |record| record.uid_next.0);
        let (mut next, mut arrived) = (said.max(taken.unwrap_or(1)), Vec::new());
        for email in stray {
            let Some(row) = self.found.emails.get(&email) else { continue };
            let (thread, size_octets) = (row.thread, row.size_octets());
            let internal_date = row.sent_at.map_or(self.now, |sent| sent.at);
            let (uid, flags, modseq, save_date) = (Uid(next), FlagBits::NONE, self.modseq, self.now);
            next += 1;
            let member = Member { uid, email, thread, flags, modseq, internal_date, save_date, size_octets };
            self.put(rows::member(id, uid), member.encode(id));
            self.found.members.insert((id, uid), member);
            if let Some(mut places) = self.found.places.get(&email).cloned() {
                places.memberships.push((id, uid));
                self.settle_places(email, places);
            }
            self.mended.deeds.push(Deed::Recovered { email });
            arrived.push(member);
        }
        self.put_log(log::appended(id, &arrived));
    }

    fn next_mailbox(&self) -> MailboxId {
        let used = self.found.mailboxes.keys().chain(&self.found.emptying).chain(self.found.named.keys());
        let next = used.map(|id| id.0 + 1).max().unwrap_or(1);
        self.gap.mailbox(MailboxId(next.max(self.found.head.map_or(1, |head| head.next_mailbox.0))))
    }

    // The log, and what is counted.

    fn put_log(&mut self, change: Change) {
        let entry = Entry { at: self.now, change };
        self.put(rows::log(self.modseq), entry.encode());
        self.found.log.insert(self.modseq);
    }

    /// What left is told; of the log the end stays that has no gap.
    fn log(&mut self) {
        for (mailbox, members) in std::mem::take(&mut self.left) {
            self.modseq.0 += 1;
            self.put_log(log::expunged(mailbox, &members));
            if let Some(record) = self.found.mailboxes.get_mut(&mailbox) {
                record.highest_modseq = self.modseq;
            }
        }
        let mut first = self.modseq.0 + 1;
        while first > 0 && self.found.log.contains(&ModSeq(first - 1)) {
            first -= 1;
        }
        for modseq in self.found.log.clone().into_iter().filter(|modseq| modseq.0 < first) {
            self.write(Space::Rows, rows::log(modseq), None);
        }
    }

    fn count(&mut self) {
        let mut sums: BTreeMap<MailboxId, MailboxRecord> = BTreeMap::new();
        for (id, record) in &self.found.mailboxes {
            let empty = MailboxRecord { messages: 0, unseen: 0, deleted: 0, size_octets: 0, ..record.clone() };
            sums.insert(*id, empty);
        }
        for ((mailbox, uid), member) in &self.found.members {
            let Some(record) = sums.get_mut(mailbox) else { continue };
            Working::count(record, member, Sign::Came);
            record.uid_next = record.uid_next.max(Uid(uid.0.saturating_add(1)));
            record.highest_modseq = record.highest_modseq.max(member.modseq);
        }
        for record in sums.values() {
            self.mailbox_row(record);
        }
        self.keywords();
        self.head(&sums);
    }

    fn mailbox_row(&mut self, record: &MailboxRecord) {
        let key = rows::mailbox(record.id);
        let said = self.found.said.get(&record.id);
        if said != Some(record) {
            self.rebuilt(key, record.encode());
        } else if self.gap == Gap::Possible {
            self.put(key, record.encode());
        }
    }

    /// Bits without a name get one.
    fn keywords(&mut self) {
        let members = self.found.members.values().chain(self.found.departures.values());
        let used = members.fold(FlagBits::NONE, |used, member| used.or(member.flags.keywords()));
        let said = self.found.keywords.clone();
        let mut table = said.clone().unwrap_or_default();
        while !table.all().contains(used) {
            let name = Keyword::new(&format!("{RECOVERED}-{}", table.keywords().len() + 1));
            let Some(name) = name else { break };
            table.name(&[Flag::Keyword(name)]);
        }
        if said.is_some_and(|said| said != table) || (self.found.keywords.is_none() && used != FlagBits::NONE) {
            self.rebuilt(rows::KEYWORDS, table.encode());
        }
    }

    fn head(&mut self, mailboxes: &BTreeMap<MailboxId, MailboxRecord>) {
        let said = self.found.head;
        let old = said.unwrap_or_else(Head::new);
        let (mut used, mut kept) = (Usage::default(), Usage::default());
        for (id, email) in &self.found.emails {
            let there = self.found.places.get(id).is_some_and(|places| !places.memberships.is_empty());
            let sum = if there { &mut used } else { &mut kept };
            *sum = sum.plus(Usage { octets: email.size_octets(), messages: 1 });
        }
        let next_email = self.found.emails.keys().map(|id| id.0 + 1).max().unwrap_or(1);
        let uid_validity = mailboxes.values().map(|record| record.uid_validity.0).max().unwrap_or(0);
        let uid_validity = if self.gap == Gap::Possible { uid_validity.max(self.seconds()) } else { uid_validity };
        let now = Head {
            batches: old.batches,
            modseq: self.modseq,
            next_email: self.gap.email(EmailId(old.next_email.0.max(next_email))),
            next_mailbox: self.next_mailbox(),
            uid_validity: old.uid_validity.max(uid_validity),
            used_octets: used.octets,
            used_emails: used.messages,
            kept: old.kept.map(|_| kept),
        };
        if self.gap == Gap::Possible {
            self.mended.deeds.push(Deed::Raised);
            self.put(rows::HEAD, Head { batches: old.batches + 1, ..now }.encode());
        } else if said != Some(now) {
            self.rebuilt(rows::HEAD, Head { batches: old.batches + 1, ..now }.encode());
        }
    }
}

/// Reads a blob to its end, also into `scanner`; how many octets it has, or why they are not what they should be.
///
/// # Errors
/// When it cannot be read now, and may be there.
pub async fn whole_blob(
    blobs: &dyn Blobs,
    id: BlobId,
    mut scanner: Option<&mut Scanner>,
) -> Result<Result<u64, String>, ReadError> {
    let mut at = 0;
    loop {
        match blobs.get(id, at..at + PIECE_OCTETS).await {
            Ok(Some(octets)) if octets.is_empty() => return Ok(Ok(at)),
            Ok(Some(octets)) => {
                if let Some(scanner) = &mut scanner {
                    scanner.push(&octets);
                }
                at += octets.len() as u64;
            }
            Ok(None) => return Ok(Err(format!("blob {id} is missing"))),
            Err(ReadError::Damaged(why)) => return Ok(Err(why)),
            Err(error) => return Err(error),
        }
    }
}
