//! What the status page shows.

use crate::plan::{Bound, TlsStart};
use futures_util::FutureExt;
use model::Domain;
use mta::Post;
use std::sync::Arc;
use std::time::Instant;
use store_local::{Health, LocalStore};
use web::{Listening, Security, Status, StatusSource};

/// Accounts whose messages are counted for a page; with more of them the page says nothing of messages.
const ACCOUNTS_COUNTED_MAX: usize = 10_000;

/// Answers for the server.
pub struct StatusBoard {
    pub hostname: Domain,
    pub bound: Vec<Bound>,
    pub started: Instant,
    pub store: Arc<LocalStore>,
    pub post: Arc<Post>,
}

impl StatusSource for StatusBoard {
    fn status(&self) -> Status {
        let health = match self.store.health() {
            Health::Ok => web::Health::Well,
            ill => web::Health::Ill(ill.to_string()),
        };
        let listeners = self.bound.iter().map(|bound| Listening {
            service: bound.plan.protocol.name().to_uppercase(),
            address: bound.address.to_string(),
            security: match bound.plan.tls {
                TlsStart::None => Security::None,
                TlsStart::Starttls => Security::StartTls,
                TlsStart::Implicit => Security::Tls,
            },
        });
        let accounts = self.post.directory.accounts().count();
        Status {
            program: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            host: self.hostname.to_string(),
            uptime: self.started.elapsed(),
            health,
            listeners: listeners.collect(),
            accounts: accounts as u64,
            messages: self.messages(accounts),
            hint: None,
        }
    }
}

impl StatusBoard {
    /// The local store answers at once.
    fn messages(&self, accounts: usize) -> u64 {
        if accounts > ACCOUNTS_COUNTED_MAX {
            return 0;
        }
        let usage = |id| self.post.mailstore.usage(id).now_or_never().and_then(Result::ok);
        self.post.directory.accounts().filter_map(|account| usage(account.id)).map(|usage| usage.messages).sum()
    }
}
