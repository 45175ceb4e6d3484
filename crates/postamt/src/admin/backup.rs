//! All rows of one moment and the blobs that they name, for whoever takes a backup.
//!
//! After `go_on` come items of [`PieceItem`], each followed by as many octets as it says: pages of rows, until one says that they
//! are all. Then the other side asks for blobs by lines of [`Wish`], each answered by pieces, until it says that it has all.

use super::protocol::{REQUEST_OCTETS_MAX, Trouble};
use super::server::{Exchange, Fault, Office};
use super::when::When;
use crate::backups::names;
use crate::language::Text;
use model::Encoder;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::{BlobId, Snapshot};
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use tokio::time::timeout;

/// Whoever packs and writes to a slow disk far away has nothing to say meanwhile.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1800);
/// Octets of a page of rows: read on a thread that serves others too.
const PAGE_OCTETS: usize = 128 << 10;
/// Octets of a blob read at once.
const PIECE_OCTETS: u64 = 64 << 10;

/// While somebody holds it, no blob goes: a backup may name it.
#[derive(Clone, Default)]
pub struct Hold(Arc<AtomicUsize>);

/// Somebody who holds it, until this is dropped.
pub struct Held(Arc<AtomicUsize>);

impl Hold {
    /// Whether somebody holds it.
    pub fn is_held(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    fn hold(&self) -> Held {
        self.0.fetch_add(1, Ordering::SeqCst);
        Held(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What is read.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct BeginItem {
    /// The moment.
    pub taken: When,
    /// The server's version.
    pub version: String,
    /// The key by which encrypted objects are named, in hexadecimal digits.
    pub names: String,
}

/// Octets that follow; none: there are no more.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PieceItem {
    pub octets: u64,
    /// There is no such blob, or it is damaged.
    #[serde(default)]
    pub missing: bool,
}

/// What the other side wants next.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// A blob, by its hash in hexadecimal digits.
    Blob(String),
    /// Nothing more.
    End {},
}

pub async fn answer(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    let _held = office.hold.hold();
    let names = names::key(&office.data).map_err(Trouble::failed)?;
    to.go_on().await?;
    let taken = When(office.env.clock.wall());
    let snapshot = office.store.snapshot().await.map_err(Trouble::failed)?;
    let begin = BeginItem { taken, version: env!("CARGO_PKG_VERSION").into(), names: names::text(&names) };
    to.item(&begin).await?;
    tracing::info!(event = "backup.begun");
    rows(&*snapshot, to).await?;
    drop(snapshot);
    blobs(office, to).await?;
    tracing::info!(event = "backup.read");
    Ok(())
}

async fn rows(snapshot: &dyn Snapshot, to: &mut Exchange) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let page = snapshot.rows(after.as_ref(), PAGE_OCTETS).await.map_err(Trouble::failed)?;
        let mut rows = Encoder::default();
        page.rows.iter().for_each(|(place, value)| backup::encode_row(&mut rows, place, value));
        if !page.rows.is_empty() {
            piece(&rows.into_fields(), to).await?;
        }
        if !page.more {
            return end(false, to).await;
        }
        after = page.rows.into_iter().next_back().map(|(place, _)| place);
        env::yield_now().await;
    }
}

async fn blobs(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    loop {
        let id = match wish(to).await? {
            Wish::Blob(id) => {
                BlobId(names::parse(&id).ok_or_else(|| Trouble::wrong(Text::same("no blob is called so")))?)
            }
            Wish::End {} => return Ok(()),
        };
        let (mut at, mut missing) = (0, false);
        loop {
            match office.post.mailstore.blobs().get(id, at..at + PIECE_OCTETS).await {
                Err(error) if !error.is_damage() => return Err(Trouble::failed(error).into()),
                Err(_) | Ok(None) => missing = true,
                Ok(Some(octets)) if octets.is_empty() => {}
                Ok(Some(octets)) => {
                    piece(&octets, to).await?;
                    at += octets.len() as u64;
                    continue;
                }
            }
            break;
        }
        end(missing, to).await?;
    }
}

async fn piece(octets: &[u8], to: &mut Exchange) -> Result<(), Fault> {
    to.item(&PieceItem { octets: octets.len() as u64, missing: false }).await?;
    to.octets(octets).await
}

async fn end(missing: bool, to: &mut Exchange) -> Result<(), Fault> {
    to.item(&PieceItem { octets: 0, missing }).await?;
    to.octets(&[]).await
}

async fn wish(to: &mut Exchange) -> Result<Wish, Fault> {
    let (reader, _) = to.apart();
    let mut line = Vec::new();
    let mut bounded = reader.take(REQUEST_OCTETS_MAX as u64);
    timeout(IDLE_TIMEOUT, bounded.read_until(b'\n', &mut line)).await.map_err(io::Error::from)??;
    serde_json::from_slice(&line).map_err(|error| Fault::Lost(io::Error::other(error)))
}
