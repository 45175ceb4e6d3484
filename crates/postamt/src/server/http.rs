//! What the sites of HTTP listeners show.

use super::status::StatusBoard;
use crate::reach;
use model::Domain;
use net::{Handler, Refusal, Shutdown};
use std::sync::Arc;
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
        let scram = self.post.directory.all_have_scram(sasl::ScramHash::Sha256);
        reach::servers(&self.hostname, &self.bound, scram)
    }

    fn origin(&self) -> Option<String> {
        reach::origin(&self.hostname, &self.bound)
    }
}

impl MetricsSource for StatusBoard {
    fn metrics(&self) -> String {
        String::new()
    }
}
