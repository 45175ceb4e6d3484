//! POP3's conversations.

use super::{Desk, address_of, mechanisms};
use crate::plan::{ListenerPlan, PlaintextLogin, TlsStart};
use access::imap::TlsOffer;
use access::pop3::{Pop3Conversation, Pop3Policy, Services};
use env::Conversation;
use mta::Peer;
use net::{Factory, Refusal};
use std::sync::Arc;

pub fn factory(desk: Arc<Desk>, plan: &ListenerPlan) -> Factory {
    let post = &desk.post;
    let services = Arc::new(Services {
        mailstore: post.mailstore.clone(),
        directory: post.directory.clone(),
        clock: desk.env.clock.clone(),
        random: desk.env.random.clone(),
    });
    let policy = Arc::new(Pop3Policy {
        host_name: desk.hostname.clone(),
        tls: match plan.tls {
            TlsStart::None => TlsOffer::None,
            TlsStart::Starttls => TlsOffer::StartTls,
            TlsStart::Implicit => TlsOffer::Implicit,
        },
        plaintext_login: match plan.plaintext_login {
            PlaintextLogin::Allowed => access::imap::PlaintextLogin::Allowed,
            PlaintextLogin::Refused => access::imap::PlaintextLogin::Refused,
        },
        mechanisms: mechanisms(&desk, plan),
        limits: ::pop3::Limits::default(),
    });
    Arc::new(move |who| -> Box<dyn Conversation> {
        let now = desk.env.clock.monotonic();
        let peer = Peer { address: address_of(&who), session_id: who.session_id };
        Box::new(Pop3Conversation::new(services.clone(), policy.clone(), (peer, who.tls), now))
    })
}

/// RFC 3206 §4: it may be better later.
pub fn refusal() -> Refusal {
    Arc::new(|reason| format!("-ERR [SYS/TEMP] {reason}; try again later\r\n"))
}
