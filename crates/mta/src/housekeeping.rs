//! What has to be done now and then: old log entries, what was deleted long ago, and unnamed blobs go.

use crate::Post;
use directory::{Edit, Edited, RemovedAccount};
use env::Env;
use mailstore::{Collected, Error, Keeping, Mailstore, Usage};
use model::{AccountId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Between two rounds, and before the first: a start has better things to do.
const PAUSE: Duration = Duration::from_secs(3600);
/// Between two looks at the disk: the store takes five seconds to reclaim what was deleted.
const ROOM_PAUSE: Duration = Duration::from_secs(10);
/// What goes at once when the disk is nearly full: this part of the time that is kept, or this much of it.
const ROOM_PART: i64 = 16;
const ROOM_SPAN_MIN_MS: i64 = 3600 * 1000;

/// Never ends. Blobs stay while they are `held`: see [`Mailstore::collect_blobs`].
pub async fn run(post: Arc<Post>, env: Env, kept: Arc<dyn Keeping>, held: impl Fn() -> bool + Sync) {
    loop {
        env.sleep.sleep_until(env.clock.monotonic() + PAUSE).await;
        let mut ended = Usage::default();
        for account in post.directory.accounts() {
            match tend(&post, account.id).await {
                Ok(Usage { octets, messages }) => {
                    ended.octets += octets;
                    ended.messages += messages;
                }
                Err(cause) => tracing::warn!(event = "account.not_trimmed", account = %account.id, %cause),
            }
        }
        if ended.messages > 0 {
            let Usage { octets, messages } = ended;
            tracing::info!(event = "deleted.purged", cause = "time", messages, octets);
        }
        give_up_removed(&post, kept.time(), env.clock.wall()).await;
        erase_accounts(&post).await;
        if let Err(cause) = post.queue.trace.trim(env.clock.wall()).await {
            tracing::warn!(event = "trace.not_trimmed", %cause);
        }
        collect_blobs(&post.mailstore, &held).await;
    }
}

async fn tend(post: &Post, account: AccountId) -> Result<Usage, Error> {
    let mail = post.mailstore.account(account).await?;
    // What is wrong with the rows of one keeps the others from nothing.
    let (trimmed, emptied, purged) = (mail.trim().await, mail.finish_emptying().await, mail.purge(None).await);
    trimmed.and(emptied).and(purged)
}

/// Removes large bodies that nothing names; how many stay, as they are `held`, or `None` when that failed: a later
/// [round](PAUSE) takes them.
pub async fn collect_blobs(mailstore: &Mailstore, held: &(dyn Fn() -> bool + Sync)) -> Option<usize> {
    match mailstore.collect_blobs(held).await {
        Ok(Collected { gone, left }) => {
            if gone > 0 {
                tracing::info!(event = "blobs.collected", blobs = gone);
            }
            Some(left)
        }
        Err(cause) => {
            tracing::warn!(event = "blobs.not_collected", %cause);
            None
        }
    }
}

/// Accounts that were removed before the time that is kept are given up.
async fn give_up_removed(post: &Post, kept: Duration, now: Timestamp) {
    for removed in post.directory.removed() {
        let Some(edit) = due(&removed, kept, now) else { continue };
        if let Err(cause) = post.directory.edit(edit).await {
            tracing::warn!(event = "account.not_given_up", address = %removed.account.address, %cause);
        }
    }
}

fn due(removed: &RemovedAccount, kept: Duration, now: Timestamp) -> Option<Edit> {
    let address = removed.account.address.clone();
    match removed.there {
        // It came back another way.
        true => Some(Edit::RestoreAccount { address }),
        false if removed.at + kept <= now => Some(Edit::EraseAccount { address }),
        false => None,
    }
}

/// Ends the mail of accounts that were given up; what a crash interrupts, the next round does.
pub async fn erase_accounts(post: &Post) {
    for (id, address) in post.directory.erasing() {
        let rows = match post.mailstore.erase_account(id).await {
            Ok(rows) => rows,
            Err(cause) => {
                tracing::warn!(event = "account.not_erased", account = %id, %address, %cause);
                continue;
            }
        };
        match post.directory.edit(Edit::AccountErased { id }).await {
            Ok(Edited::Unchanged) => {} // somebody else was quicker
            Ok(_) => tracing::info!(event = "account.erased", account = %id, %address, rows),
            Err(cause) => tracing::warn!(event = "account.not_erased", account = %id, %address, %cause),
        }
    }
}

/// Frees what was deleted, the oldest of all accounts first, while the disk is nearly `full`. Never ends.
pub async fn make_room(post: Arc<Post>, env: Env, full: impl Fn() -> bool, held: impl Fn() -> bool + Sync) {
    // Something was freed, and may still lie there.
    let mut uncollected = false;
    loop {
        env.sleep.sleep_until(env.clock.monotonic() + ROOM_PAUSE).await;
        if !full() {
            continue;
        }
        let accounts = post.directory.accounts().map(|account| account.id);
        match purge_oldest(&post.mailstore, accounts, env.clock.wall()).await {
            Ok(None) => {}
            Ok(Some((before, Usage { octets, messages }))) => {
                // Somebody may look for these in vain.
                tracing::error!(event = "deleted.purged", cause = "disk", messages, octets, %before);
                uncollected = true;
            }
            Err(cause) => tracing::warn!(event = "deleted.not_purged", %cause),
        }
        if uncollected {
            uncollected = collect_blobs(&post.mailstore, &held).await != Some(0);
        }
    }
}

/// What was deleted before a time that is a little after the oldest; `None` where nothing is kept any more.
async fn purge_oldest(
    mailstore: &Mailstore,
    accounts: impl Iterator<Item = AccountId>,
    now: Timestamp,
) -> Result<Option<(Timestamp, Usage)>, Error> {
    let mut kept = Vec::new();
    for id in accounts {
        env::yield_now().await;
        kept.extend(mailstore.oldest_gone(id).await?.map(|at| (at, id)));
    }
    let Some(&(oldest, _)) = kept.iter().min() else { return Ok(None) };
    let span_ms = ((now.unix_ms() - oldest.unix_ms()) / ROOM_PART).max(ROOM_SPAN_MIN_MS);
    // What is told lies in the future only if the oldest does.
    let end_ms = oldest.unix_ms().saturating_add(span_ms).min(now.unix_ms().max(oldest.unix_ms()).saturating_add(1));
    let before = Timestamp::from_unix_ms(end_ms);
    let mut ended = Usage::default();
    for (_, id) in kept.into_iter().filter(|(at, _)| *at < before) {
        let Usage { octets, messages } = mailstore.account(id).await?.purge(Some(before)).await?;
        ended.octets += octets;
        ended.messages += messages;
    }
    Ok(Some((before, ended)))
}

#[cfg(test)]
mod tests;
