//! What the sites of HTTP listeners show.

use super::status::StatusBoard;
use crate::admin;
use crate::figures;
use crate::reach;
use model::Domain;
use net::{Handler, Refusal, Shutdown};
use std::sync::Arc;
use store_local::Health;
use web::{DiscoverySource, MailServer, MetricsSource, Page, Site, Sources};

/// All of them know the server by its board.
pub fn sources(board: &Arc<StatusBoard>) -> Sources {
    Sources { status: board.clone(), discovery: board.clone(), metrics: board.clone() }
}

/// Answers the requests of each connection.
pub fn handler(sources: Sources, pages: &[Page], shutdown: &Shutdown) -> Handler {
    let (site, shutdown) = (Site::new(sources, pages), shutdown.clone());
    Arc::new(move |stream, _| Box::pin(site.clone().converse(stream, shutdown.begun())))
}

/// Whoever does not get in may come back in a minute.
pub fn refusal() -> Refusal {
    Arc::new(|reason| {
        let text = format!("{reason}; try again later\n");
        format!(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nConnection: close\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
    })
}

impl DiscoverySource for StatusBoard {
    fn is_local(&self, domain: &Domain) -> bool {
        self.post.directory.domains().iter().any(|local| local.domain == *domain)
    }

    fn servers(&self) -> Vec<MailServer> {
        let scram = self.post.directory.mechanisms(false).contains(&sasl::Mechanism::ScramSha256);
        let current = self.current();
        reach::servers(&current.hostname, &current.bound, scram)
    }

    fn origin(&self) -> Option<String> {
        let current = self.current();
        reach::origin(&current.hostname, &current.bound)
    }
}

impl MetricsSource for StatusBoard {
    fn metrics(&self) -> String {
        let queue = &self.post.queue;
        let under_way = queue.under_way();
        figures::QUEUE_MESSAGES.set(queue.len().saturating_sub(under_way) as f64, &["waiting"]);
        figures::QUEUE_MESSAGES.set(under_way as f64, &["under_way"]);
        figures::ACCOUNTS.set(self.post.directory.account_count() as f64, &[]);
        figures::HEALTHY.set(f64::from(u8::from(self.store.health() == Health::Ok)), &[]);
        figures::UPTIME_SECONDS.set(self.started.elapsed().as_secs_f64().round(), &[]);
        if let Some(octets) = admin::status::memory() {
            figures::MEMORY_OCTETS.set(octets as f64, &[]);
        }
        figures::text()
    }
}
