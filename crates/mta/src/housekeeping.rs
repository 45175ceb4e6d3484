//! What has to be done now and then: old log entries and unnamed blobs go.

use crate::Post;
use env::Env;
use std::sync::Arc;
use std::time::Duration;

/// Between two rounds, and before the first: a start has better things to do.
const PAUSE: Duration = Duration::from_secs(3600);

/// Never ends. Blobs stay while they are `held`: somebody reads what rows named some time ago.
pub async fn run(post: Arc<Post>, env: Env, held: impl Fn() -> bool) {
    loop {
        env.sleep.sleep_until(env.clock.monotonic() + PAUSE).await;
        for account in post.directory.accounts() {
            let trimmed = match post.mailstore.account(account.id).await {
                Ok(mail) => mail.trim().await,
                Err(error) => Err(error),
            };
            if let Err(cause) = trimmed {
                tracing::warn!(event = "account.not_trimmed", account = %account.id, %cause);
            }
        }
        if let Err(cause) = post.queue.trace.trim(env.clock.wall()).await {
            tracing::warn!(event = "trace.not_trimmed", %cause);
        }
        if held() {
            continue;
        }
        match post.mailstore.collect_blobs().await {
            Ok(0) => {}
            Ok(blobs) => tracing::info!(event = "blobs.collected", blobs),
            Err(cause) => tracing::warn!(event = "blobs.not_collected", %cause),
        }
    }
}
