//! Makes the queue's rows true again: what cannot be delivered any more goes, and is given to whoever keeps it aside.

use super::row::{self, Delivery, QueuedMessage};
use super::{Fault, PAGE_ROWS};
use crate::fields::queue_name;
use mailstore::{Body, queue_link, whole_blob};
use model::QueueId;
use std::collections::BTreeMap;
use store::{BlobId, Blobs, Bytes, Query, ReadError, RowPlace, Snapshot, Space, Write};

/// What makes the queue whole.
#[derive(Clone, Debug, Default)]
pub struct Mended {
    /// In order; doing it again finds nothing more to do.
    pub writes: Vec<Write>,
    /// Of which message, and why it goes; its recipients, as far as they are known.
    pub lost: Vec<(String, String, Vec<String>)>,
    /// What is taken away.
    pub kept: Vec<(RowPlace, Bytes)>,
    /// And the content of messages: of which, what we put before it if that is known, and the rest, which may be damaged.
    pub contents: Vec<(String, String, Body)>,
}

/// What makes the queue whole, judged by `store` and `blobs`, which nobody changes meanwhile.
///
/// # Errors
/// When the store cannot be read.
pub async fn mend(store: &dyn Snapshot, blobs: &dyn Blobs) -> Result<Mended, ReadError> {
    let messages = rows(store, Space::Rows, b"M").await?;
    let deliveries = rows(store, Space::Rows, b"R").await?;
    let bodies: BTreeMap<Bytes, Bytes> = rows(store, Space::Bodies, b"").await?.into_iter().collect();
    let (mut mended, mut there) = (Mended::default(), BTreeMap::new());
    let mut lost: BTreeMap<QueueId, (String, Vec<String>)> = BTreeMap::new();
    for (key, octets) in messages {
        let Some(id) = id_of(&key) else {
            mended.take(Space::Rows, &key, &octets);
            continue;
        };
        match QueuedMessage::decode_whole(id, &octets, bodies.get(&key).cloned()) {
            Ok(message) => {
                if let Body::Blob { id: blob, size_octets, .. } = &message.body {
                    let (blob, size_octets) = (*blob, *size_octets);
                    // One that cannot be read now may be there: only what is lost for certain is given up.
                    let why = match whole_blob(blobs, blob, None).await {
                        Ok(Ok(octets)) if octets != size_octets => Some("its content is too short".to_owned()),
                        Ok(found) => found.err(),
                        Err(_) => None,
                    };
                    if let Some(why) = why {
                        lost.insert(id, (why, Vec::new()));
                        mended.take(Space::Rows, &key, &octets);
                        mended.unlink(blob, id);
                        mended.contents.push((queue_name(id), message.trace, message.body));
                        continue;
                    }
                    mended.link(store, blob, id).await?;
                }
                there.insert(id, message);
            }
            Err(why) => {
                lost.insert(id, (why.to_string(), Vec::new()));
                mended.take(Space::Rows, &key, &octets);
            }
        }
    }
    for (key, octets) in deliveries {
        let id = id_of(&key).unwrap_or(QueueId(0));
        match Delivery::decode(&key, &octets) {
            Ok(_) if there.contains_key(&id) => continue,
            Ok(delivery) => {
                let missing = || (Fault::MessageMissing.to_string(), Vec::new());
                lost.entry(id).or_insert_with(missing).1.push(delivery.recipient);
            }
            Err(why) => drop(lost.entry(id).or_insert_with(|| (why.to_string(), Vec::new()))),
        }
        mended.take(Space::Rows, &key, &octets);
    }
    // To whom one delivery was to go is lost, and the message ends with the last of the others.
    for (id, message) in there.iter().filter(|(id, _)| lost.contains_key(id)) {
        mended.contents.push((queue_name(*id), message.trace.clone(), message.body.clone()));
    }
    for (key, octets) in &bodies {
        match id_of(key) {
            Some(id) if there.contains_key(&id) => {}
            Some(id) => {
                mended.contents.push((queue_name(id), String::new(), Body::Row(octets.clone())));
                mended.delete(Space::Bodies, key);
            }
            None => mended.take(Space::Bodies, key, octets),
        }
    }
    mended.lost = lost.into_iter().map(|(id, (why, to))| (queue_name(id), why, to)).collect();
    Ok(mended)
}

impl Mended {
    fn take(&mut self, space: Space, key: &Bytes, octets: &Bytes) {
        self.kept.push((RowPlace { space, cell: row::cell(), key: key.clone() }, octets.clone()));
        self.delete(space, key);
    }

    fn delete(&mut self, space: Space, key: &Bytes) {
        self.writes.push(Write { space, cell: row::cell(), key: key.clone(), value: None });
    }

    fn unlink(&mut self, blob: BlobId, id: QueueId) {
        let (cell, key) = queue_link(blob, id);
        self.writes.push(Write { space: Space::Rows, cell, key, value: None });
    }

    /// Without its link the blob would be collected.
    async fn link(&mut self, store: &dyn Snapshot, blob: BlobId, id: QueueId) -> Result<(), ReadError> {
        let (cell, key) = queue_link(blob, id);
        if store.read(vec![Query::row(&cell, key.clone())]).await?.into_row().is_none() {
            self.writes.push(Write { space: Space::Rows, cell, key, value: Some(Bytes::new()) });
        }
        Ok(())
    }
}

/// Whether the queue has the message of the link `key` to a blob; `None` if it is no message's.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_queued(store: &dyn Snapshot, key: &[u8]) -> Result<Option<bool>, ReadError> {
    let Some(id) = id_of(key).filter(|_| key.len() == 9 && key.first() == Some(&b'q')) else { return Ok(None) };
    let row = store.read(vec![Query::row(&row::cell(), row::message_key(id))]).await?.into_row();
    Ok(Some(row.is_some()))
}

fn id_of(key: &[u8]) -> Option<QueueId> {
    key.get(1..)?.first_chunk().map(|id| QueueId(u64::from_be_bytes(*id)))
}

/// All rows of a kind: as many as may wait.
async fn rows(store: &dyn Snapshot, space: Space, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, ReadError> {
    let (mut all, mut after): (Vec<(Bytes, Bytes)>, _) = (Vec::new(), None);
    loop {
        let mut query = Query::prefix(&row::cell(), prefix, after.take(), PAGE_ROWS);
        if let Query::Scan(scan) = &mut query {
            scan.space = space;
        }
        let page = store.read(vec![query]).await?.into_page();
        all.extend(page.rows);
        match all.last().filter(|_| page.more) {
            Some((key, _)) => after = Some(key.clone()),
            None => return Ok(all),
        }
    }
}
