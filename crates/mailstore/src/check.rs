//! What must always hold of an account's rows, judged by the rows alone.
//!
//! It shares the codecs with the rest of the crate and nothing else: counts are summed anew, and every row that names
//! another is looked up. Rows are read page by page of one snapshot, so an account of any size is checked in little memory,
//! while it is used.

use crate::email::{Email, Stored};
use crate::erased::ENDED_FORMAT;
use crate::flags::{FlagBits, KeywordTable};
use crate::gone::{self, DEPARTURES_MAX, Deleted};
use crate::log::Entry;
use crate::mailbox::{INBOX, MailboxRecord, canonical_name};
use crate::op::append::DELIVERY_FORMAT;
use crate::op::import::SOURCE_FORMAT;
use crate::rows::{self, Head, Places};
use crate::sealed;
use crate::view::Member;
use crate::whereabouts::names_blob;
use crate::{Error, INBOX_ID, Usage};
use model::{AccountId, Decoder, EmailId, MailboxId, ModSeq, RecordError, Uid};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use store::{BlobId, Blobs, Bytes, Cell, Found, Get, Query, ReadError, Scan, Snapshot, Space, Store};

/// Rows looked at in one step; with an email's body each that is some megabytes.
const PAGE_ROWS: usize = 256;
/// More need not be told one by one: the account is damaged.
const VIOLATIONS_MAX: usize = 1000;

/// What an older program left, which did not know what is kept: it means nothing, and goes with its time.
const DANGLING: &str = "harmless";

/// Something that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Of which row.
    pub row: String,
    /// What is wrong.
    pub wrong: String,
    /// Of which message, where that is known; see [`whereabouts`](crate::whereabouts).
    pub email: Option<EmailId>,
}

impl Violation {
    /// Whether it means nothing, and goes with its time: what an older program left.
    pub fn is_harmless(&self) -> bool {
        self.wrong.starts_with(DANGLING)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.row, self.wrong)
    }
}

/// Checks an account's rows; no violation is a sound account. At most 1,000 are told.
///
/// # Errors
/// When the store cannot be read, or head, keywords or a mailbox's record are damaged: the rest cannot be judged without.
pub async fn check(store: &dyn Store, account: AccountId) -> Result<Vec<Violation>, Error> {
    let mut checker = Checker::new(store.snapshot().await?, account);
    if !checker.load().await? {
        return Ok(Vec::new()); // it has ended; what is left of it is on its way out
    }
    checker.names();
    checker.pass(Space::Rows).await?;
    checker.pass(Space::Bodies).await?;
    checker.sums();
    Ok(checker.violations)
}

/// Checks that every link of a blob is a queued message's or that of an email which names it.
///
/// # Errors
/// Those of the store.
pub async fn check_links(store: &dyn Store, blobs: &dyn Blobs) -> Result<Vec<Violation>, Error> {
    let (mut violations, mut after) = (Vec::new(), None);
    let snapshot = store.snapshot().await?;
    loop {
        let page = blobs.list(after).await?;
        for &blob in &page.ids {
            violations.extend(check_blob(&*snapshot, blob).await?);
        }
        after = page.ids.last().copied();
        if !page.more || after.is_none() || violations.len() >= VIOLATIONS_MAX {
            return Ok(violations);
        }
    }
}

/// As [`check_links`], of one blob.
///
/// # Errors
/// Those of the store.
pub async fn check_blob(store: &dyn Snapshot, blob: BlobId) -> Result<Vec<Violation>, ReadError> {
    let (cell, mut violations, mut after) = (rows::blob_cell(blob), Vec::new(), None);
    loop {
        let page = store.read(vec![Query::prefix(&cell, b"", after.take(), PAGE_ROWS)]).await?.into_page();
        for (key, _) in &page.rows {
            if key.first() == Some(&b'q') && key.len() == 9 {
                continue; // a queued message's, see `queue_link`
            }
            let named = match rows::linked_email(key) {
                None => false,
                Some((account, email)) => names_blob(store, account, email, blob).await?,
            };
            if !named {
                let wrong = "no email names the blob".to_owned();
                violations.push(Violation { row: format!("link of blob {blob} {key:02x?}"), wrong, email: None });
            }
        }
        match page.rows.last().filter(|_| page.more) {
            Some((key, _)) => after = Some(key.clone()),
            None => return Ok(violations),
        }
    }
}

/// What the memberships of a mailbox sum up to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Sums {
    messages: u32,
    unseen: u32,
    deleted: u32,
    size_octets: u64,
}

/// Rows that a row names, and what is to be judged once they are read.
struct Question {
    about: String,
    email: EmailId,
    queries: Vec<Query>,
    judge: Judge,
}

type Judge = Box<dyn FnOnce(&[Option<Bytes>]) -> Vec<String> + Send>;

/// What is told of an email that is missing, and of one that does not know a place.
type Wrong = [fn(EmailId) -> String; 2];

struct Checker {
    store: Box<dyn Snapshot>,
    account: AccountId,
    cell: Cell,
    head: Head,
    keywords: FlagBits,
    mailboxes: BTreeMap<MailboxId, MailboxRecord>,
    emptying: BTreeSet<MailboxId>,
    sums: BTreeMap<MailboxId, Sums>,
    used: Usage,
    kept: Usage,
    /// The last change that was looked at.
    logged: Option<ModSeq>,
    violations: Vec<Violation>,
}

impl Checker {
    fn new(store: Box<dyn Snapshot>, account: AccountId) -> Checker {
        Checker {
            store,
            account,
            cell: rows::account_cell(account),
            head: Head::new(),
            keywords: FlagBits::NONE,
            mailboxes: BTreeMap::new(),
            emptying: BTreeSet::new(),
            sums: BTreeMap::new(),
            used: Usage::default(),
            kept: Usage::default(),
            logged: None,
            violations: Vec::new(),
        }
    }

    fn violation(&mut self, row: impl Into<String>, wrong: impl Into<String>) {
        self.violation_of(None, row, wrong);
    }

    fn violation_of(&mut self, email: Option<EmailId>, row: impl Into<String>, wrong: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { row: row.into(), wrong: wrong.into(), email });
        }
    }

    fn expect(&mut self, holds: bool, row: &str, wrong: impl FnOnce() -> String) {
        if !holds {
            self.violation(row, wrong());
        }
    }

    async fn page(&self, space: Space, prefix: &[u8], after: Option<Bytes>) -> Result<store::Page, Error> {
        let mut query = Query::prefix(&self.cell, prefix, after, PAGE_ROWS);
        if let Query::Scan(Scan { space: of, .. }) = &mut query {
            *of = space;
        }
        env::yield_now().await;
        Ok(self.store.read(vec![query]).await?.into_page())
    }

    /// Reads what the other rows are judged by; `false`: the account has ended.
    async fn load(&mut self) -> Result<bool, Error> {
        let bad = |row: &str| crate::working::row_error(row.to_owned());
        let get = |key| Query::row(&self.cell, key);
        if let Some(head) = self.store.read(vec![get(rows::HEAD)]).await?.into_row() {
            self.head = match Head::decode(&head) {
                Err(RecordError::Version { found: ENDED_FORMAT, .. }) => return Ok(false),
                head => head.map_err(bad("head"))?,
            };
        }
        if let Some(row) = self.store.read(vec![get(rows::KEYWORDS)]).await?.into_row() {
            self.keywords = KeywordTable::decode(&row).map_err(bad("keywords"))?.all();
        }
        let mut after = None;
        loop {
            let page = self.page(Space::Rows, rows::MAILBOX, after.take()).await?;
            for (key, row) in &page.rows {
                let name = rows::name_of(key);
                let record = MailboxRecord::decode(row).map_err(bad(&name))?;
                let is_here = *key == rows::mailbox(record.id);
                self.expect(is_here, &name, || format!("it is mailbox {}'s record", record.id));
                self.mailboxes.insert(record.id, record);
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => break,
            }
        }
        let mut after = None;
        loop {
            let page = self.page(Space::Rows, rows::EMPTYING, after.take()).await?;
            for (key, _) in &page.rows {
                self.emptying.insert(rows::mailbox_of(key).map_err(bad("a deleted mailbox"))?);
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(true),
            }
        }
    }

    fn names(&mut self) {
        let mut names = BTreeSet::new();
        for record in self.mailboxes.clone().into_values() {
            let row = format!("mailbox {}", record.id);
            self.expect(record.id < self.head.next_mailbox, &row, || "its number was never given out".into());
            self.expect(!self.emptying.contains(&record.id), &row, || "it is deleted and there".into());
            self.expect(record.uid_validity.0 <= self.head.uid_validity, &row, || "UIDVALIDITY from the future".into());
            self.expect(record.highest_modseq <= self.head.modseq, &row, || "HIGHESTMODSEQ from the future".into());
            let canonical = canonical_name(&record.name).is_ok_and(|name| name == record.name);
            self.expect(canonical, &row, || format!("{:?} is no name in its form", record.name));
            self.expect(names.insert(record.name.clone()), &row, || format!("{:?} is twice", record.name));
            self.expect((record.id == INBOX_ID) == (&*record.name == INBOX), &row, || "INBOX is mailbox 1".into());
        }
        let fresh = self.head == Head::new();
        self.expect(fresh || self.mailboxes.contains_key(&INBOX_ID), "head", || "there is no INBOX".into());
    }

    /// Looks at every row of a space.
    async fn pass(&mut self, space: Space) -> Result<(), Error> {
        let mut after = None;
        while self.violations.len() < VIOLATIONS_MAX {
            let page = self.page(space, b"", after.take()).await?;
            let mut questions = Vec::new();
            for (key, row) in &page.rows {
                let question = match space {
                    Space::Rows => self.row(key, row),
                    Space::Bodies => Ok(self.body(key, row.clone())),
                };
                match question {
                    Ok(question) => questions.extend(question),
                    Err(cause) => self.violation_of(email_named(space, key), rows::name_of(key), cause.to_string()),
                }
            }
            self.ask(questions).await?;
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => break,
            }
        }
        Ok(())
    }

    async fn ask(&mut self, questions: Vec<Question>) -> Result<(), Error> {
        let queries: Vec<_> = questions.iter().flat_map(|question| question.queries.iter().cloned()).collect();
        if queries.is_empty() {
            return Ok(());
        }
        let row = |found| if let Found::Row(row) = found { row } else { None };
        let mut found = self.store.read(queries).await?.0.into_iter().map(row);
        for Question { about, email, queries, judge } in questions {
            let answers: Vec<_> = found.by_ref().take(queries.len()).collect();
            judge(&answers).into_iter().for_each(|wrong| self.violation_of(Some(email), &*about, wrong));
        }
        Ok(())
    }

    /// Each modification has its entry, from the oldest that is kept.
    fn logged(&mut self, modseq: ModSeq) {
        let (head, before) = (self.head.modseq, self.logged.replace(modseq));
        self.expect(modseq <= head, &format!("change {modseq}"), || "it has not happened yet".into());
        let follows = before.is_none_or(|before| before.0 + 1 == modseq.0);
        self.expect(follows, &format!("change {modseq}"), || "the one before is not there".into());
    }

    fn row(&mut self, key: &Bytes, row: &Bytes) -> Result<Option<Question>, RecordError> {
        match key.first() {
            Some(b'U') => self.member(key, row),
            Some(b'P') => self.places(rows::email_of(key)?, row).map(Some),
            Some(b'E') => self.email(rows::email_of(key)?, row).map(Some),
            Some(b'G') => self.gone(key, row).map(Some),
            Some(b'L') => {
                let modseq = key.last_chunk().map(|n| ModSeq(u64::from_be_bytes(*n))).ok_or(RecordError::Short)?;
                self.logged(modseq);
                Entry::decode(row).map(|_| None)
            }
            Some(b'H' | b'K' | b'M' | b'X') => Ok(None),
            _ => leaf(key, row).map(|()| None),
        }
    }

    fn member(&mut self, key: &Bytes, row: &Bytes) -> Result<Option<Question>, RecordError> {
        let (id, uid) = (rows::mailbox_of_member(key)?, rows::uid_of(key)?);
        let about = format!("message {uid} of mailbox {id}");
        let member = Member::decode((id, uid), row)?;
        let sums = self.sums.entry(id).or_default();
        sums.messages += 1;
        sums.unseen += u32::from(!member.flags.contains(FlagBits::SEEN));
        sums.deleted += u32::from(member.flags.contains(FlagBits::DELETED));
        sums.size_octets += member.size_octets;
        self.expect(self.keywords.contains(member.flags.keywords()), &about, || "a keyword without a name".into());
        self.expect(member.email < self.head.next_email, &about, || "its email was never given out".into());
        match self.mailboxes.get(&id).cloned() {
            Some(record) => {
                self.expect(uid.0 > 0 && uid < record.uid_next, &about, || "UID was never given out".into());
                let highest = record.highest_modseq;
                self.expect(member.modseq <= highest, &about, || format!("MODSEQ {} > {highest}", member.modseq));
            }
            None => {
                self.expect(self.emptying.contains(&id), &about, || "there is no such mailbox".into());
            }
        }
        let wrong: Wrong =
            [|email| format!("email {email} has no places"), |email| format!("email {email} does not know this place")];
        let knows = move |places: &Places| places.memberships.contains(&(id, uid));
        Ok(Some(self.asked_of_places(about, &member, wrong, knows)))
    }

    /// A departure: its email knows it, and is as it was.
    fn gone(&mut self, key: &Bytes, row: &Bytes) -> Result<Question, RecordError> {
        let departure = rows::departure_of(key)?;
        let (id, uid) = (departure.mailbox, departure.uid);
        let about = format!("message {uid} that left mailbox {id}");
        let member = gone::decode(departure, row)?;
        self.expect(id < self.head.next_mailbox, &about, || "its mailbox was never given out".into());
        self.expect(self.keywords.contains(member.flags.keywords()), &about, || "a keyword without a name".into());
        let wrong: Wrong = [
            |email| format!("{DANGLING}: email {email} is gone"),
            |email| format!("{DANGLING}: email {email} does not know it"),
        ];
        let knows = move |places: &Places| places.departures.contains(&departure);
        Ok(self.asked_of_places(about, &member, wrong, knows))
    }

    /// Whether the email of `member` is there, knows of it, and is of its size.
    fn asked_of_places(
        &self,
        about: String,
        member: &Member,
        [missing, unknown]: Wrong,
        knows: impl FnOnce(&Places) -> bool + Send + 'static,
    ) -> Question {
        let (email, size_octets) = (member.email, member.size_octets);
        let judge = move |found: &[Option<Bytes>]| {
            let places = found.first().cloned().flatten().and_then(|row| Places::decode(email, &row).ok());
            match places {
                None => vec![missing(email)],
                Some(places) if !knows(&places) => vec![unknown(email)],
                Some(places) if places.size_octets != size_octets => vec!["size differs from its email's".into()],
                Some(_) => Vec::new(),
            }
        };
        let queries = vec![Query::row(&self.cell, rows::places(email))];
        Question { about, email, queries, judge: Box::new(judge) }
    }

    /// An email's places: the email is there, its octets, and every membership.
    fn places(&mut self, id: EmailId, row: &Bytes) -> Result<Question, RecordError> {
        let places = Places::decode(id, row)?;
        let sum = if places.memberships.is_empty() { &mut self.kept } else { &mut self.used };
        sum.octets += places.size_octets;
        sum.messages += 1;
        let octets = match places.blob {
            Some(blob) => Query::row(&rows::blob_cell(blob), rows::blob_link(self.account, id)),
            None => Query::Get(Get { space: Space::Bodies, cell: self.cell.clone(), key: rows::body(id) }),
        };
        let mut queries = vec![Query::row(&self.cell, rows::email(id)), octets];
        queries.extend(places.memberships.iter().map(|(box_, uid)| Query::row(&self.cell, rows::member(*box_, *uid))));
        queries.extend(places.departures.iter().map(|departure| Query::row(&self.cell, rows::gone(*departure))));
        let judge = move |found: &[Option<Bytes>]| places_are_true(id, &places, found);
        Ok(Question { about: format!("places of email {id}"), email: id, queries, judge: Box::new(judge) })
    }

    fn email(&mut self, id: EmailId, row: &Bytes) -> Result<Question, RecordError> {
        let (about, next) = (format!("email {id}"), self.head.next_email);
        if let Err(error) = Email::decode(id, row.clone()).and_then(|e| Ok((e.envelope()?, e.structure()?))) {
            self.violation_of(Some(id), &*about, error.to_string());
        }
        self.expect(id < next, &about, || "its number was never given out".into());
        let judge = |found: &[Option<Bytes>]| match found.first() {
            Some(Some(_)) => Vec::new(),
            _ => vec!["it has no places".into()],
        };
        Ok(Question {
            about,
            email: id,
            queries: vec![Query::row(&self.cell, rows::places(id))],
            judge: Box::new(judge),
        })
    }

    fn body(&mut self, key: &Bytes, octets: Bytes) -> Option<Question> {
        let Some(id) = key.first_chunk().filter(|_| key.len() == 8).map(|id| EmailId(u64::from_be_bytes(*id))) else {
            self.violation(format!("body {key:02x?}"), "not an email's number");
            return None;
        };
        let judge = move |found: &[Option<Bytes>]| match found.first().cloned().flatten() {
            None => vec!["its email is gone".into()],
            Some(row) => match Email::decode(id, row) {
                Ok(email) if email.stored == Stored::Row => email.check_body(&octets).err().into_iter().collect(),
                Ok(_) => vec!["its email has a blob".into()],
                Err(_) => Vec::new(), // its row is told
            },
        };
        let queries = vec![Query::row(&self.cell, rows::email(id))];
        Some(Question { about: format!("body of email {id}"), email: id, queries, judge: Box::new(judge) })
    }

    /// What was counted against what the records say.
    fn sums(&mut self) {
        for record in self.mailboxes.clone().into_values() {
            let says = Sums {
                messages: record.messages,
                unseen: record.unseen,
                deleted: record.deleted,
                size_octets: record.size_octets,
            };
            let is = self.sums.get(&record.id).copied().unwrap_or_default();
            self.expect(says == is, &format!("mailbox {}", record.id), || {
                format!("it says {says:?}, but holds {is:?}")
            });
        }
        let last = self.logged.unwrap_or(self.head.modseq);
        self.expect(last == self.head.modseq, "head", || format!("changes after {last} are not in the log"));
        let (says, is) = (self.head.used(), self.used);
        self.expect(says == is, "head", || format!("it says {says:?}, there is {is:?}"));
        // An older program says nothing; it is summed anew when the account is loaded.
        let (says, is) = (self.head.kept.unwrap_or(self.kept), self.kept);
        self.expect(says == is, "head", || format!("it says that {says:?} is kept, there is {is:?}"));
    }
}

/// Whether a row can be read that no other is judged by.
pub(crate) fn leaf(key: &[u8], row: &[u8]) -> Result<(), RecordError> {
    match key.first() {
        Some(b'Z') => rows::deleted_at(key).and(Deleted::decode(row)).map(|_| ()),
        Some(b'D') => Decoder::new(row, DELIVERY_FORMAT).and_then(|mut d| d.time()).map(|_| ()),
        Some(b'I') => Decoder::new(row, SOURCE_FORMAT).and_then(|mut d| d.u64()).map(|_| ()),
        Some(b'T') => Decoder::new(row, 1).and_then(|mut d| d.u64()).map(|_| ()),
        Some(b'S') => {
            let name = key.get(1..).and_then(|name| std::str::from_utf8(name).ok());
            let canonical = name.is_some_and(|name| canonical_name(name).is_ok_and(|form| &*form == name));
            if canonical { Ok(()) } else { Err(RecordError::Value) }
        }
        Some(b'V') => sealed::check(key, row),
        _ => Err(RecordError::Value),
    }
}

/// Whose row it is, as its key says.
fn email_named(space: Space, key: &Bytes) -> Option<EmailId> {
    let names = space == Space::Bodies || matches!(key.first(), Some(b'E' | b'P'));
    names.then(|| rows::email_of(key).ok()).flatten()
}

fn places_are_true(id: EmailId, places: &Places, found: &[Option<Bytes>]) -> Vec<String> {
    let mut wrong = Vec::new();
    match found.first().cloned().flatten().map(|row| Email::decode(id, row)) {
        None => wrong.push("the email is gone".into()),
        Some(Err(error)) => wrong.push(error.to_string()),
        Some(Ok(email)) => {
            let stored = places.blob.map_or(Stored::Row, Stored::Blob);
            if (email.stored, email.size_octets()) != (stored, places.size_octets) {
                wrong.push("email and places differ in body or size".into());
            }
        }
    }
    if found.get(1).is_none_or(Option::is_none) {
        wrong.push("its body, or its blob's link, is gone".into());
    }
    if places.memberships.is_empty() && places.departures.is_empty() {
        wrong.push("it has no place and had none".into());
    }
    if places.departures.len() > DEPARTURES_MAX {
        wrong.push("more departures than are kept".into());
    }
    let distinct: BTreeSet<&(MailboxId, Uid)> = places.memberships.iter().collect();
    if distinct.len() != places.memberships.len() {
        wrong.push("a place is named twice".into());
    }
    for ((mailbox, uid), row) in places.memberships.iter().zip(found.iter().skip(2)) {
        let email = row.as_ref().and_then(|row| Member::decode((*mailbox, *uid), row).ok()).map(|member| member.email);
        if email != Some(id) {
            wrong.push(format!("message {uid} of mailbox {mailbox} is {email:?}"));
        }
    }
    for (departure, row) in places.departures.iter().zip(found.iter().skip(2 + places.memberships.len())) {
        let email = row.as_ref().and_then(|row| gone::decode(*departure, row).ok()).map(|member| member.email);
        if email != Some(id) {
            wrong.push(format!("what left as {departure:?} is {email:?}"));
        }
    }
    wrong
}
