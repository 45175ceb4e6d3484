//! APPEND (RFC 9051 §6.3.12): the message streams through the one door, [`mta::append`].

use super::client::Client;
use super::failure;
use super::policy::Services;
use super::running::{Outcome, Refusal};
use env::BoxFuture;
use futures_util::FutureExt;
use imap::session::AppendStart;
use imap::{Answer, Code};
use mailstore::{Account, Error};
use model::Quota;
use mta::{AppendTo, Incoming, ReceiveError};
use std::sync::Arc;
use std::task::{Context, Poll};

/// A message on its way in.
pub(crate) struct Appending {
    client: Box<Client>,
    account: Arc<Account>,
    to: AppendTo,
    body: Body,
}

/// Whether a message's header may hold UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Ascii,
    Utf8,
}

enum Body {
    /// Takes octets.
    Taking(Box<Incoming>),
    /// Writes what it holds before it takes more.
    Spilling(BoxFuture<'static, Result<Box<Incoming>, ReceiveError>>),
    /// It went wrong, and that is told.
    Failed,
}

impl Appending {
    /// Looks at what can be known before the message comes: the mailbox and the quota.
    pub fn begin(
        services: &Services,
        client: Box<Client>,
        start: AppendStart,
    ) -> Result<Appending, (Box<Client>, Answer<'static>)> {
        match Self::check(services, &client, start) {
            Ok((account, to, incoming)) => Ok(Appending { client, account, to, body: Body::Taking(incoming.into()) }),
            Err(answer) => Err((client, answer)),
        }
    }

    fn check(
        services: &Services,
        client: &Client,
        start: AppendStart,
    ) -> Result<(Arc<Account>, AppendTo, Incoming), Answer<'static>> {
        let account = client.account()?;
        let mailboxes = account.mailboxes();
        let mailbox = mailboxes.named(start.append.mailbox.as_str()).ok_or_else(failure::try_create)?.id;
        let quota = client.user.as_ref().map(|user| user.login.quota).unwrap_or_default();
        if let Some(limit) = over_quota(&quota, &account, start.size_octets) {
            return Err(failure::no(&limit));
        }
        let incoming =
            Incoming::begin(services.mailstore.blobs(), &services.in_flight).map_err(|error| refused(&error))?;
        let internal_date = start.append.date.map(|date| date.timestamp);
        Ok((account, AppendTo { mailbox, flags: start.append.flags, internal_date, quota }, incoming))
    }

    /// Ready when more octets can be taken.
    pub fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Answer<'static>>> {
        match &mut self.body {
            Body::Taking(_) | Body::Failed => Poll::Ready(Ok(())),
            Body::Spilling(spilling) => match std::task::ready!(spilling.poll_unpin(cx)) {
                Ok(incoming) => {
                    self.body = Body::Taking(incoming);
                    Poll::Ready(Ok(()))
                }
                Err(error) => {
                    self.body = Body::Failed;
                    Poll::Ready(Err(refused(&error)))
                }
            },
        }
    }

    /// The next octets.
    pub fn take(&mut self, octets: &[u8]) {
        self.body = match std::mem::replace(&mut self.body, Body::Failed) {
            Body::Taking(mut incoming) => {
                incoming.take(octets).expect("only submitted headers are mended");
                if incoming.is_full() { Body::Spilling(spill(incoming).boxed()) } else { Body::Taking(incoming) }
            }
            other => other,
        };
    }

    /// The message will not come.
    pub fn give_up(self) -> Box<Client> {
        self.client
    }

    /// The message is there: the client, and the work that stores it.
    pub fn finish(self) -> (Box<Client>, BoxFuture<'static, Outcome>) {
        let Appending { client, account, to, body } = self;
        // RFC 6855 §4; RFC 9051 §6.3.12 asks nothing of those who speak IMAP4rev2.
        let header = if client.reads_utf8() { Header::Utf8 } else { Header::Ascii };
        (client, store(account, to, body, header).boxed())
    }
}

async fn spill(mut incoming: Box<Incoming>) -> Result<Box<Incoming>, ReceiveError> {
    incoming.spill().await?;
    Ok(incoming)
}

async fn store(account: Arc<Account>, to: AppendTo, body: Body, header: Header) -> Outcome {
    let incoming = match body {
        Body::Taking(incoming) => incoming,
        Body::Spilling(spilling) => spilling.await.map_err(|error| refused(&error))?,
        Body::Failed => return Err(Refusal::Broken),
    };
    let received = incoming.finish().await.map_err(|error| refused(&error))?;
    if received.scanned.has_nul {
        // RFC 9051 §4.3 forbids NUL in a literal; of a literal8 RFC 3516 §4.4 allows to refuse it so.
        return Err(Answer::no("a message that holds NUL cannot be stored").code(Code::UnknownCte).into());
    }
    if received.scanned.has_eight_bit_header && header == Header::Ascii {
        let text = "this message has 8-bit characters in its header; ENABLE UTF8=ACCEPT first";
        return Err(Answer::no(text).code(Code::Cannot).into());
    }
    let appended = mta::append(&account, to, received).await.map_err(|error| failure::no_destination(&error))?;
    Ok(Answer::ok("message stored").code(Code::AppendUid(appended.uid_validity, appended.uid)))
}

fn refused(error: &ReceiveError) -> Answer<'static> {
    tracing::warn!(event = "append.refused", cause = %error);
    Answer::no("the message cannot be taken in now; try again later").code(Code::Unavailable)
}

/// Before megabytes are sent in vain; what counts is the check in the commit.
fn over_quota(quota: &Quota, account: &Account, size_octets: u64) -> Option<Error> {
    let usage = account.usage();
    let over = |used: u64, more: u64, limit: Option<u64>, unit| {
        limit.filter(|&limit| used.saturating_add(more) > limit).map(|limit| Error::OverQuota { used, limit, unit })
    };
    over(usage.octets, size_octets, quota.octets, "octets")
        .or_else(|| over(usage.messages, 1, quota.messages, "messages"))
}
