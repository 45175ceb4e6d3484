//! A message that is handed in on this machine, for an account: through the same door as what its owner submits (RFC 6409).

use crate::fields::Hop;
use crate::incoming::Incoming;
use crate::receive::{Envelope, Origin, Post, straight_to};
use crate::route::{Recipient, Relaying, Route, route};
use crate::smtp::not_taken;
use crate::smtp::submission::{check_sender, mend};
use ::smtp::Reply;
use ::smtp::extension::{MailParams, RcptParams};
use directory::Account;
use model::{Address, Domain, ForwardPath, QueueId, ReversePath};
use std::sync::Arc;

/// A message on its way in. Dropping it forgets it.
pub struct Submitting {
    post: Arc<Post>,
    id: QueueId,
    origin: Origin,
    envelope: Envelope,
    incoming: Incoming,
}

impl Submitting {
    /// Begins a message from `from`, which has to be `account`'s, to `to`. `host` is our name.
    ///
    /// # Errors
    /// The refusal that a mail program would get.
    pub fn begin(
        post: &Arc<Post>,
        host: &Domain,
        account: Arc<Account>,
        from: Address,
        to: Vec<Address>,
    ) -> Result<Submitting, Reply> {
        let reverse_path = ReversePath::Address(from);
        check_sender(post, &account, &reverse_path)?;
        let recipients = to.into_iter().map(|to| recipient(post, to)).collect::<Result<Vec<_>, _>>()?;
        if recipients.is_empty() {
            return Err(Reply::new(554, (5, 5, 1), "a message has at least one recipient"));
        }
        let is_utf8 = |recipient: &Recipient| !recipient.path.to_string().is_ascii();
        let smtputf8 = !reverse_path.to_string().is_ascii() || recipients.iter().any(is_utf8);
        let params = MailParams { smtputf8, ..MailParams::default() };
        let id = post.queue.next_id();
        let incoming = Incoming::begin(post.mailstore.blobs(), &post.in_flight).map_err(|error| not_taken(&error))?;
        let incoming = if straight_to(&recipients, &params).is_some() { incoming } else { incoming.for_queue() };
        let incoming = incoming.mended(mend(post, &account, host, id, post.clock.wall()));
        let hop = Hop {
            helo: Some("localhost".into()),
            address: None,
            protocol: "local",
            tls: None,
            by: host.clone(),
            session_id: 0,
        };
        let origin = Origin::Submission(hop, account);
        Ok(Submitting {
            post: post.clone(),
            id,
            origin,
            envelope: Envelope { reverse_path, params, recipients },
            incoming,
        })
    }

    /// Its id, also in the trace.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// Takes octets of the message, lines ended by CRLF.
    ///
    /// # Errors
    /// Why the message cannot be taken; it is of no use then.
    pub async fn take(&mut self, octets: &[u8]) -> Result<(), Reply> {
        self.incoming.take(octets)?;
        if self.incoming.is_full() {
            self.incoming.spill().await.map_err(|error| not_taken(&error))?;
        }
        Ok(())
    }

    /// Ends the message; it is durable when the reply is positive.
    pub async fn finish(self) -> Reply {
        let received = match self.incoming.finish().await {
            Ok(received) => received,
            Err(error) => return not_taken(&error),
        };
        let replies = self.post.receive_as(self.id, self.origin, self.envelope, received).await;
        replies.into_iter().next().unwrap_or_else(|| Reply::local_error("there is no answer"))
    }
}

fn recipient(post: &Post, to: Address) -> Result<Recipient, Reply> {
    let path = ForwardPath::Address(to);
    match route(&post.directory, &path, Relaying::Allowed, &post.queue.policy().host_name) {
        Route::Accept(targets) | Route::Slow(_, targets) => {
            Ok(Recipient { path, params: RcptParams::default(), targets })
        }
        Route::Refuse(reply) => Err(reply),
    }
}
