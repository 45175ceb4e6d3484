//! What the status page shows.

use crate::plan::{Bound, Limits, ServePlan, TlsStart};
use futures_util::FutureExt;
use model::Domain;
use mta::Post;
use net::Acceptor;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use store_local::{Health, LocalStore};
use web::{Listening, Security, Status, StatusSource};

/// Accounts whose messages are counted for a page; with more of them the page says nothing of messages.
const ACCOUNTS_COUNTED_MAX: usize = 10_000;

/// Answers for the server.
pub struct StatusBoard {
    pub started: Instant,
    pub store: Arc<LocalStore>,
    pub post: Arc<Post>,
    current: RwLock<Arc<Current>>,
}

/// What a reload puts another in place of.
pub struct Current {
    pub hostname: Domain,
    pub bound: Vec<Bound>,
    pub limits: Limits,
    /// The certificates, where there is TLS.
    pub acceptor: Option<Acceptor>,
}

impl Current {
    /// As `plan` says, on the listeners that stand.
    pub fn new(plan: &ServePlan, bound: Vec<Bound>, acceptor: Option<Acceptor>) -> Arc<Current> {
        Arc::new(Current { hostname: plan.hostname.clone(), bound, limits: plan.limits, acceptor })
    }
}

impl StatusSource for StatusBoard {
    fn status(&self) -> Status {
        let health = match self.store.health() {
            Health::Ok => web::Health::Well,
            ill => web::Health::Ill(ill.to_string()),
        };
        let current = self.current();
        let listeners = current.bound.iter().map(|bound| Listening {
            service: bound.plan.protocol.name().to_uppercase(),
            address: bound.address.to_string(),
            security: match bound.plan.tls {
                TlsStart::None => Security::None,
                TlsStart::Starttls => Security::StartTls,
                TlsStart::Implicit => Security::Tls,
            },
        });
        let accounts = self.post.directory.account_count();
        Status {
            program: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            host: current.hostname.to_string(),
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
    pub fn new(started: Instant, store: Arc<LocalStore>, post: Arc<Post>, current: Arc<Current>) -> Arc<StatusBoard> {
        Arc::new(StatusBoard { started, store, post, current: RwLock::new(current) })
    }

    /// As it is now.
    pub fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everybody sees `current` from now on.
    pub fn set(&self, current: Arc<Current>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
    }

    /// The local store answers at once.
    fn messages(&self, accounts: usize) -> u64 {
        if accounts > ACCOUNTS_COUNTED_MAX {
            return 0;
        }
        let usage = |id| self.post.mailstore.usage(id).now_or_never().and_then(Result::ok);
        self.post.directory.accounts().filter_map(|account| usage(account.id)).map(|usage| usage.messages).sum()
    }
}
