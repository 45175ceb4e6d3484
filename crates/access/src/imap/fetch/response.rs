//! One FETCH response.

use super::{Trouble, binary, octets::Reading, section};
use crate::imap::flag_names::FlagNames;
use crate::imap::modseq::{Awareness, Reckoned};
use crate::imap::object_id;
use crate::imap::out::Out;
use crate::imap::running::Refusal;
use ::message::Structure;
use imap::FetchWriter;
use imap::command::{Fetch, FetchItem, SectionText};
use mailstore::{Account, Email, Error, Member};
use model::SeqNum;
use std::sync::Arc;

/// What a command wants of every message.
pub(crate) struct Wanted<'a> {
    items: &'a [FetchItem],
    adds_uid: bool,
    structure: bool,
    aware: bool,
}

impl<'a> Wanted<'a> {
    pub fn new(command: &'a Fetch, aware: Awareness) -> Wanted<'a> {
        let (items, aware) = (&command.items, aware > Awareness::None);
        let structure = items.iter().any(needs_structure);
        Wanted { items, adds_uid: super::adds_uid(command), structure, aware }
    }
}

impl Wanted<'_> {
    fn tells_modseq(&self) -> bool {
        self.items.contains(&FetchItem::ModSeq)
    }

    fn tells_uid(&self) -> bool {
        self.adds_uid || self.items.contains(&FetchItem::Uid)
    }
}

fn needs_structure(item: &FetchItem) -> bool {
    match item {
        FetchItem::Body | FetchItem::BodyStructure => true,
        FetchItem::Section(section) => !(section.part.is_empty() && section.text == SectionText::All),
        FetchItem::Binary { part, .. } | FetchItem::BinarySize { part } => !part.is_empty(),
        _ => false,
    }
}

/// A message to be told.
pub(crate) struct Message {
    seq: SeqNum,
    member: Member,
    /// `None` when it is expunged, or its row is damaged.
    email: Option<Email>,
    /// Whether this command has set `\Seen`.
    pub newly_seen: bool,
}

impl Message {
    pub fn new(seq: SeqNum, member: Member, email: Option<Email>) -> Message {
        Message { seq, member, email, newly_seen: false }
    }

    /// The whole response, from the membership alone.
    pub fn tell_view(&self, wanted: &Wanted<'_>, names: &FlagNames, out: &mut Out) {
        let mut fetch = self.begin(wanted, out);
        for item in wanted.items {
            self.view_item(item, names, &mut fetch, out);
        }
        fetch.end(out);
    }

    /// What is left to tell of a message that is gone: at least its UID, since a response without any item is none.
    fn tell_remains(&self, wanted: &Wanted<'_>, names: &FlagNames, out: &mut Out) {
        let mut fetch = self.begin(wanted, out);
        if !wanted.tells_uid() {
            fetch.uid(out, self.member.uid);
        }
        for item in wanted.items {
            self.view_item(item, names, &mut fetch, out);
        }
        fetch.end(out);
    }

    fn begin(&self, wanted: &Wanted<'_>, out: &mut Out) -> FetchWriter {
        let mut fetch = FetchWriter::begin(out, self.seq);
        if wanted.adds_uid {
            fetch.uid(out, self.member.uid);
        }
        fetch
    }

    fn view_item(&self, item: &FetchItem, names: &FlagNames, fetch: &mut FetchWriter, out: &mut Out) {
        match item {
            FetchItem::Flags => fetch.flags(out, names.of(self.member.uid, self.member.flags)),
            FetchItem::Uid => fetch.uid(out, self.member.uid),
            FetchItem::InternalDate => fetch.internal_date(out, self.member.internal_date),
            FetchItem::Size => fetch.size(out, self.member.size_octets),
            FetchItem::EmailId => fetch.email_id(out, &object_id::email(self.member.email)),
            FetchItem::ThreadId => fetch.thread_id(out, &object_id::thread(self.member.thread)),
            FetchItem::SaveDate => fetch.save_date(out, self.member.save_date),
            FetchItem::ModSeq => fetch.mod_seq(out, self.member.modseq),
            _ => {}
        }
    }

    /// The whole response; what cannot be told is left out and noted.
    pub async fn tell(
        &self,
        account: &Arc<Account>,
        (wanted, names): (&Wanted<'_>, &FlagNames),
        trouble: &mut Trouble,
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let Some(email) = &self.email else {
            trouble.expunged |= !trouble.damaged;
            self.tell_remains(wanted, names, out);
            return Ok(());
        };
        // Envelope and structure are decoded from it, and a message costs something even when they are not.
        out.looked_at(email.row_octets()).await;
        let structure = if wanted.structure { structure_of(email, trouble) } else { None };
        let mut fetch = self.begin(wanted, out);
        let mut reading = Reading { account, email, trouble };
        let told = self.items(&mut reading, (wanted, names), structure.as_ref(), (&mut fetch, out)).await;
        if let Err(Refusal::Broken) = told {
            return told;
        }
        // Something may be left out, and a response without any item is none (RFC 9051 §9 `msg-att`).
        let adds_uid = told.is_err() || reading.trouble.any() || (self.newly_seen && wanted.aware);
        if adds_uid && !wanted.tells_uid() {
            fetch.uid(out, self.member.uid);
        }
        if self.newly_seen {
            self.tell_seen(wanted, names, &mut fetch, out);
        }
        // Also when the store could not be read: the command's own answer begins a line.
        fetch.end(out);
        told
    }

    /// What is asked of it, as far as it can be told.
    async fn items(
        &self,
        reading: &mut Reading<'_>,
        (wanted, names): (&Wanted<'_>, &FlagNames),
        structure: Option<&Structure>,
        (fetch, out): (&mut FetchWriter, &mut Out),
    ) -> Result<(), Refusal> {
        for item in wanted.items {
            match (item, structure) {
                (FetchItem::Envelope, _) => match reading.email.envelope() {
                    Ok(envelope) => fetch.envelope(out, &envelope),
                    Err(error) => reading.trouble.note(&error),
                },
                // RFC 8970 §4.1: LAZY may be NIL, but the row has it.
                (FetchItem::Preview { .. }, _) => fetch.preview(out, preview(reading.email.preview())),
                (FetchItem::Body, Some(structure)) => fetch.body(out, structure),
                (FetchItem::BodyStructure, Some(structure)) => fetch.body_structure(out, structure),
                (FetchItem::Section(section), structure) => {
                    section::tell(reading, structure, section, fetch, out).await?
                }
                (FetchItem::Binary { part, partial, .. }, structure) => {
                    binary::tell(reading, structure, (part, *partial), fetch, out).await?
                }
                (FetchItem::BinarySize { part }, structure) => {
                    binary::tell_size(reading, structure, part, fetch, out).await?
                }
                _ => self.view_item(item, names, fetch, out),
            }
        }
        Ok(())
    }

    /// RFC 9051 §6.4.5: a change of flags that the command makes is told; RFC 7162 §3.2.4: with its MODSEQ.
    fn tell_seen(&self, wanted: &Wanted<'_>, names: &FlagNames, fetch: &mut FetchWriter, out: &mut Out) {
        if !wanted.items.contains(&FetchItem::Flags) {
            fetch.flags(out, names.of(self.member.uid, self.member.flags));
        }
        if wanted.aware && !wanted.tells_modseq() {
            fetch.mod_seq(out, self.member.modseq);
        }
    }

    /// What the client reckons with once it was told.
    pub fn note(&self, wanted: &Wanted<'_>, reckoned: &mut Reckoned) {
        if wanted.tells_modseq() || (self.newly_seen && wanted.aware) {
            reckoned.saw(self.member.modseq);
        }
    }
}

/// RFC 8970 §3.3: a preview should have at most 200 characters; the row keeps the 256 of RFC 8621 §4.1.4.
fn preview(kept: &str) -> &str {
    const CHARS_MAX: usize = 200;
    kept.char_indices().nth(CHARS_MAX).and_then(|(end, _)| kept.get(..end)).unwrap_or(kept).trim_end()
}

fn structure_of(email: &Email, trouble: &mut Trouble) -> Option<Structure> {
    match email.structure() {
        Ok(structure) => Some(structure),
        Err(error) => {
            trouble.note(&error);
            None
        }
    }
}

impl Trouble {
    fn any(&self) -> bool {
        self.expunged || self.unknown_encoding || self.damaged
    }

    /// Notes why something is not told.
    pub fn note(&mut self, error: &Error) {
        match error {
            // Most likely it was expunged meanwhile; a blob that is lost shows in each FETCH, and in the log.
            Error::BodyMissing(_) => self.expunged = true,
            _ => self.damaged = true,
        }
        tracing::warn!(event = "message.not_told", cause = %error);
    }
}
