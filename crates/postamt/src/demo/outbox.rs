//! Where the demo's mail to the world ends: a folder of files that any mail program opens.

use env::BoxFuture;
use futures_util::FutureExt;
use model::Address;
use mta::queue::{Fault, Health, Job, Outcome, OutcomeKind, Relay};
use std::path::PathBuf;

/// Puts messages into a folder instead of sending them.
pub struct Outbox {
    /// Where they go; made with the first one.
    pub folder: PathBuf,
}

impl Relay for Outbox {
    fn next_hop(&self, _: &str, recipient: &Address) -> String {
        recipient.domain.to_string()
    }

    fn deliver(&self, job: Job) -> BoxFuture<'_, (Vec<Outcome>, Health)> {
        async move {
            let written = self.write(&job).await;
            let outcomes = job.deliveries.iter().map(|_| match &written {
                Ok(file) => Outcome {
                    peer: Some("the demo's outbox".into()),
                    ..Outcome::ours(OutcomeKind::Relayed { tells_success: false }, (2, 0, 0), file.as_str())
                },
                Err(error) => Outcome::ours(OutcomeKind::Deferred, (4, 3, 0), error.as_str()),
            });
            (outcomes.collect(), Health::Reachable)
        }
        .boxed()
    }
}

impl Outbox {
    async fn write(&self, job: &Job) -> Result<String, String> {
        let octets = job.octets().await.map_err(|fault: Fault| fault.to_string())?;
        let to = job.deliveries.first().map_or("", |delivery| delivery.recipient.as_str());
        let harmless = |c: char| if c.is_ascii_alphanumeric() || "@.+-_".contains(c) { c } else { '_' };
        let name: String = to.chars().map(harmless).collect();
        let file = self.folder.join(format!("{}-{name}.eml", mta::queue_name(job.message.id)));
        let wrong = |error: std::io::Error| format!("cannot write {}: {error}", file.display());
        std::fs::create_dir_all(&self.folder).and_then(|()| std::fs::write(&file, octets)).map_err(wrong)?;
        Ok(file.display().to_string())
    }
}
