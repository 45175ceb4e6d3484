//! The demo's sixty messages, put into a mailbox that never had any.

use crate::samples::{Sample, samples};
use anyhow::Context;
use futures_util::future::try_join_all;
use mailstore::{Account, INBOX_ID};
use model::{Address, Quota, Uid};
use mta::{AppendTo, Incoming, Post};
use std::sync::Arc;

/// Octets given to a body at once.
const PIECE_OCTETS: usize = 32 * 1024;

/// Fills the mailboxes of `address`, unless its INBOX was ever used.
pub async fn fill(post: &Arc<Post>, address: &Address) -> anyhow::Result<()> {
    let id = post.directory.account(address).with_context(|| format!("there is no account {address}"))?.id;
    let account = post.mailstore.account(id).await?;
    let used = account.mailboxes().get(INBOX_ID).is_none_or(|inbox| inbox.uid_next > Uid(1));
    if used {
        return Ok(());
    }
    let samples = samples(post.clock.wall());
    for sample in &samples {
        if account.mailboxes().named(sample.mailbox).is_none() {
            account.create(sample.mailbox, None).await?;
        }
    }
    let stored = samples.into_iter().map(|sample| store(post, &account, sample));
    try_join_all(stored).await.map(|_| ())
}

async fn store(post: &Post, account: &Arc<Account>, sample: Sample) -> anyhow::Result<()> {
    let mut incoming = Incoming::begin(post.mailstore.blobs(), &post.in_flight)?;
    for piece in sample.octets.chunks(PIECE_OCTETS) {
        incoming.take(piece).expect("only submitted headers are mended");
        if incoming.is_full() {
            incoming.spill().await?;
        }
    }
    let received = incoming.finish().await?;
    let mailbox = account.mailboxes().named(sample.mailbox).context("a sample's mailbox is gone")?.id;
    let to = AppendTo { mailbox, flags: sample.flags, internal_date: Some(sample.date), quota: Quota::default() };
    mta::append(account, to, received).await?;
    Ok(())
}
