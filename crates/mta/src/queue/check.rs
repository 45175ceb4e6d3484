//! What must always hold of the queue's rows.

use super::row::{self, Delivery, QueuedMessage};
use super::{Fault, LEASE, PAGE_ROWS};
use crate::fields::queue_name;
use mailstore::{Body, queue_link};
use model::QueueId;
use std::collections::BTreeSet;
use store::{Found, Get, Query, ReadError, Snapshot, Space};

/// Something that does not hold of a queued message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which message, as `postamt queue` calls it; or which row.
    pub message: String,
    /// To whom it goes, or whose row it is.
    pub recipient: Option<String>,
    /// What is wrong.
    pub wrong: String,
}

/// Checks all rows of the queue; no violation is a sound queue. What a blob holds is not looked at.
///
/// # Errors
/// When the store cannot be read.
pub async fn check(store: &dyn Snapshot) -> Result<Vec<Violation>, ReadError> {
    let mut checker = Checker { store, there: BTreeSet::new(), bad: BTreeSet::new(), violations: Vec::new() };
    checker.each(Space::Rows, b"M").await?;
    checker.each(Space::Rows, b"R").await?;
    checker.each(Space::Bodies, b"").await?;
    checker.others().await?;
    Ok(checker.violations)
}

/// To whom the message of the link `key` to a blob still goes, as far as that can be read.
///
/// # Errors
/// When the store cannot be read.
pub async fn recipients(store: &dyn Snapshot, key: &[u8]) -> Result<Vec<String>, ReadError> {
    let id = key.get(1..).and_then(|rest| rest.first_chunk()).map(|id| QueueId(u64::from_be_bytes(*id)));
    let Some(id) = id else { return Ok(Vec::new()) };
    let query = Query::prefix(&row::cell(), &row::deliveries(Some(id)), None, PAGE_ROWS);
    let rows = store.read(vec![query]).await?.into_page().rows;
    Ok(rows.iter().filter_map(|(key, octets)| Some(Delivery::decode(key, octets).ok()?.recipient)).collect())
}

struct Checker<'a> {
    store: &'a dyn Snapshot,
    there: BTreeSet<QueueId>,
    /// Of which something was told.
    bad: BTreeSet<QueueId>,
    violations: Vec<Violation>,
}

impl Checker<'_> {
    fn tell(&mut self, message: String, recipient: Option<String>, wrong: impl Into<String>) {
        self.violations.push(Violation { message, recipient, wrong: wrong.into() });
    }

    async fn each(&mut self, space: Space, prefix: &[u8]) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            let mut query = Query::prefix(&row::cell(), prefix, after.take(), PAGE_ROWS);
            if let Query::Scan(scan) = &mut query {
                scan.space = space;
            }
            let page = self.store.read(vec![query]).await?.into_page();
            for (key, octets) in &page.rows {
                let id = key.get(1..).and_then(|rest| rest.first_chunk()).map(|id| QueueId(u64::from_be_bytes(*id)));
                match (id, space, prefix) {
                    (None, ..) => self.tell(key.escape_ascii().to_string(), None, "nobody knows such a row"),
                    (Some(id), Space::Rows, b"M") => self.message(id, octets).await?,
                    (Some(_), Space::Rows, _) => self.delivery(key, octets),
                    (Some(id), Space::Bodies, _) if !self.there.contains(&id) => {
                        self.tell(queue_name(id), None, "there is a body, and no message");
                    }
                    _ => {}
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
            env::yield_now().await;
        }
    }

    async fn message(&mut self, id: QueueId, octets: &[u8]) -> Result<(), ReadError> {
        self.there.insert(id);
        let body = Query::Get(Get { space: Space::Bodies, cell: row::cell(), key: row::message_key(id) });
        let Found::Row(beside) = self.store.read(vec![body]).await?.0.into_iter().next().unwrap_or(Found::Row(None))
        else {
            return Ok(());
        };
        let wrong = match QueuedMessage::decode_whole(id, octets, beside) {
            Err(Fault::MessageMissing) => Some("its body is gone".to_owned()),
            Err(error) => Some(error.to_string()),
            Ok(QueuedMessage { body: Body::Blob { id: blob, .. }, .. }) => {
                let (cell, key) = queue_link(blob, id);
                let link = self.store.read(vec![Query::row(&cell, key)]).await?.into_row();
                link.is_none().then(|| format!("the link of its blob {blob} is gone"))
            }
            Ok(_) => None,
        };
        if let Some(wrong) = wrong {
            self.bad.insert(id);
            self.tell(queue_name(id), None, wrong);
        }
        Ok(())
    }

    fn delivery(&mut self, key: &[u8], octets: &[u8]) {
        match Delivery::decode(key, octets) {
            Ok(delivery) if !self.there.contains(&delivery.key.id) => {
                self.tell(
                    queue_name(delivery.key.id),
                    Some(delivery.recipient),
                    "the delivery is there, the message is not",
                );
            }
            Ok(delivery) if self.bad.contains(&delivery.key.id) => {
                self.tell(queue_name(delivery.key.id), Some(delivery.recipient), "it waits for this message");
            }
            Ok(_) => {}
            Err(cause) => self.tell(key.escape_ascii().to_string(), None, format!("a delivery: {cause}")),
        }
    }

    /// Nothing else lies in the cell.
    async fn others(&mut self) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            let page =
                self.store.read(vec![Query::prefix(&row::cell(), b"", after.take(), PAGE_ROWS)]).await?.into_page();
            let strange = |key: &[u8]| key != LEASE && !matches!(key.first(), Some(b'M' | b'R'));
            for (key, _) in page.rows.iter().filter(|(key, _)| strange(key)) {
                self.tell(key.escape_ascii().to_string(), None, "nobody knows such a row");
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }
}
