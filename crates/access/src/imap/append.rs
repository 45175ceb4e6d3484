//! APPEND (RFC 9051 §6.3.12, RFC 3502 §6.3.11) and REPLACE (RFC 8508 §3.2): the messages stream through the one door,
//! [`mta::append_all`].

use super::client::Client;
use super::failure;
use super::policy::Services;
use super::running::Refusal;
use super::selected::{Access, Selected, Told};
use env::BoxFuture;
use futures_util::FutureExt;
use imap::command::{AppendMessage, Numbering, Replaces};
use imap::sequence::SeqBound;
use imap::session::{AppendNext, AppendStart};
use imap::{Answer, Code, NumberSet};
use mailstore::{Account, AllAppended, AppendAll, Error, NewMessage, Usage};
use model::{MailboxId, Quota, SeqNum, Uid};
use mta::{InFlight, Incoming, ReceiveError, Received};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Octets of one command's messages held until the last is there: its batch, too, stays small.
const HELD_OCTETS_MAX: usize = 8 << 20;

/// Messages on their way in.
pub(crate) struct Appending {
    client: Box<Client>,
    services: Arc<Services>,
    to: To,
    /// Those that are there, with their places in memory.
    whole: Vec<(NewMessage, InFlight)>,
    /// Octets announced, of all.
    size_octets: u64,
    /// With what the one goes that comes now.
    message: AppendMessage,
    body: Body,
}

struct To {
    account: Arc<Account>,
    mailbox: MailboxId,
    quota: Quota,
    replaces: Option<(MailboxId, Uid)>,
}

type Finished = BoxFuture<'static, Result<(Received, InFlight), ReceiveError>>;

enum Body {
    /// Takes octets.
    Taking(Box<Incoming>),
    /// Writes what it holds before it takes more.
    Spilling(BoxFuture<'static, Result<Box<Incoming>, ReceiveError>>),
    /// Writes the rest of a message before the next one comes.
    Finishing(Finished, AppendMessage),
    /// It went wrong, and that is told.
    Failed,
}

/// What a client is told of messages that are stored.
pub(crate) struct Stored {
    /// Before what changed in the selected mailbox.
    pub first: Option<Answer<'static>>,
    pub told: Told,
    pub answer: Answer<'static>,
}

impl Appending {
    /// Looks at what can be known before the message comes: the mailbox, the message to be replaced, the quota.
    pub fn begin(
        services: &Arc<Services>,
        client: Box<Client>,
        start: AppendStart,
    ) -> Result<Appending, (Box<Client>, Answer<'static>)> {
        match Self::check(services, &client, &start) {
            Ok((to, incoming)) => {
                let (services, body) = (services.clone(), Body::Taking(incoming.into()));
                let (message, size_octets) = (start.append.message, start.size_octets);
                Ok(Appending { client, services, to, whole: Vec::new(), size_octets, message, body })
            }
            Err(answer) => Err((client, answer)),
        }
    }

    fn check(services: &Services, client: &Client, start: &AppendStart) -> Result<(To, Incoming), Answer<'static>> {
        let account = client.account()?;
        let replaces = match (start.append.replaces, &client.selected) {
            (Some(replaces), Some(selected)) => Some((selected.mailbox, replaced(replaces, selected)?)),
            _ => None,
        };
        let mailboxes = account.mailboxes();
        let mailbox = mailboxes.named(start.append.mailbox.as_str()).ok_or_else(failure::try_create)?.id;
        let quota = client.quota();
        let to = To { account, mailbox, quota, replaces };
        to.check_quota(1, start.size_octets)?;
        let incoming =
            Incoming::begin(services.mailstore.blobs(), &services.in_flight).map_err(|error| refused(&error))?;
        Ok((to, incoming))
    }

    /// Another message is announced: it may come when [`Self::advance`] says so.
    pub fn next(&mut self, next: AppendNext) -> Result<(), Answer<'static>> {
        self.size_octets += next.size_octets;
        self.to.check_quota(self.whole.len() as u64 + 2, self.size_octets)?;
        self.body = match std::mem::replace(&mut self.body, Body::Failed) {
            Body::Taking(incoming) => Body::Finishing(incoming.finish_and_stay().boxed(), next.message),
            other => other,
        };
        Ok(())
    }

    /// Ready when more octets can be taken.
    pub fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Answer<'static>>> {
        let done = match &mut self.body {
            Body::Taking(_) | Body::Failed => return Poll::Ready(Ok(())),
            Body::Spilling(spilling) => {
                ready!(spilling.poll_unpin(cx)).map(Body::Taking).map_err(|error| refused(&error))
            }
            Body::Finishing(finishing, next) => {
                let (finished, next) = (ready!(finishing.poll_unpin(cx)), std::mem::take(next));
                self.finished(finished, next)
            }
        };
        Poll::Ready(match done {
            Ok(body) => {
                self.body = body;
                Ok(())
            }
            Err(answer) => {
                self.body = Body::Failed;
                Err(answer)
            }
        })
    }

    /// A message is there; the body of the next one.
    fn finished(
        &mut self,
        finished: Result<(Received, InFlight), ReceiveError>,
        next: AppendMessage,
    ) -> Result<Body, Answer<'static>> {
        let (received, mut place) = finished.map_err(|error| refused(&error))?;
        let message = message(received, std::mem::replace(&mut self.message, next))?;
        place.shrink_to(message.email.held_octets());
        self.whole.push((message, place));
        let held: usize = self.whole.iter().map(|(message, _)| message.email.held_octets()).sum();
        if held > HELD_OCTETS_MAX {
            return Err(Answer::no("so much cannot be stored at once").code(Code::Limit));
        }
        let blobs = self.services.mailstore.blobs();
        let incoming = Incoming::begin(blobs, &self.services.in_flight).map_err(|error| refused(&error))?;
        Ok(Body::Taking(incoming.into()))
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

    /// The messages will not come.
    pub fn give_up(self) -> Box<Client> {
        self.client
    }

    /// The messages are there: the client, and the work that stores them.
    pub fn finish(self) -> (Box<Client>, BoxFuture<'static, Result<Stored, Refusal>>) {
        let Appending { client, to, whole, message, body, .. } = self;
        (client, store(to, whole, (message, body)).boxed())
    }
}

/// The message that REPLACE removes.
fn replaced(replaces: Replaces, selected: &Selected) -> Result<Uid, Answer<'static>> {
    if selected.access == Access::ReadOnly {
        return Err(failure::read_only());
    }
    let view = &selected.known;
    match (replaces.message, replaces.numbering) {
        (SeqBound::Star, _) => view.last_uid().ok_or_else(|| Answer::bad("there are no messages")),
        (SeqBound::Number(seq), Numbering::SeqNum) => match view.get(SeqNum(seq)) {
            Some(member) => Ok(member.uid),
            None => Err(Answer::bad(format!("there are only {} messages", view.len()))),
        },
        (SeqBound::Number(uid), Numbering::Uid) => match view.by_uid(Uid(uid)) {
            Some(member) => Ok(member.uid),
            None => Err(Answer::no("there is no message with that UID").code(Code::NonExistent)),
        },
    }
}

impl To {
    /// Before megabytes are sent in vain; what counts is the check in the commit.
    fn check_quota(&self, messages: u64, octets: u64) -> Result<(), Answer<'static>> {
        let replaced = self.replaces.and_then(|(mailbox, uid)| {
            let view = self.account.current_view(mailbox)?;
            view.by_uid(uid).map(|member| member.size_octets)
        });
        let freed = Usage { octets: replaced.unwrap_or(0), messages: replaced.is_some().into() };
        let room = self.account.usage().room_for_swap(Usage { octets, messages }, freed, &self.quota);
        room.map_err(|error| failure::no(&error))
    }
}

async fn spill(mut incoming: Box<Incoming>) -> Result<Box<Incoming>, ReceiveError> {
    incoming.spill().await?;
    Ok(incoming)
}

/// RFC 6855 §4 refuses 8-bit octets in a header from who did not enable UTF8=ACCEPT: we allow more, because old mail is full of them, and
/// who moves it here shall not have to leave some behind.
fn message(received: Received, with: AppendMessage) -> Result<NewMessage, Answer<'static>> {
    if received.scanned.has_nul {
        // RFC 9051 §4.3 forbids NUL in a literal; of a literal8 RFC 3516 §4.4 allows to refuse it so.
        return Err(Answer::no("a message that holds NUL cannot be stored").code(Code::UnknownCte));
    }
    Ok(received.into_message(with.flags, with.date.map(|date| date.timestamp)))
}

async fn store(
    to: To,
    whole: Vec<(NewMessage, InFlight)>,
    (last, body): (AppendMessage, Body),
) -> Result<Stored, Refusal> {
    let incoming = match body {
        Body::Taking(incoming) => incoming,
        Body::Spilling(spilling) => spilling.await.map_err(|error| refused(&error))?,
        Body::Finishing(..) | Body::Failed => return Err(Refusal::Broken),
    };
    let received = incoming.finish().await.map_err(|error| refused(&error))?;
    let (mut messages, _places): (Vec<_>, Vec<_>) = whole.into_iter().unzip();
    let To { account, mailbox, quota, replaces } = to;
    messages.push(message(received, last)?);
    let append = AppendAll { mailbox, messages, quota, replaces };
    let appended = mta::append_all(&account, append).await.map_err(|error| match error {
        // A mailbox that is gone is the destination, or the client is sent away anyhow.
        error @ Error::MailboxMissing => failure::no_destination(&error),
        error => failure::no(&error),
    })?;
    Ok(told(appended, replaces.is_some()))
}

fn told(AllAppended { uid_validity, uids }: AllAppended, replaced: bool) -> Stored {
    let code = Code::AppendUid(uid_validity, uids.iter().map(|uid| uid.0).collect::<NumberSet>());
    if replaced {
        // RFC 8508 §4.3: the UID of the new message is told before the old one is expunged.
        let first = Some(Answer::ok("the replacement is stored").code(code));
        return Stored { first, told: Told::AppendedFirst, answer: Answer::ok("message replaced") };
    }
    let text = if uids.len() == 1 { "message stored".to_owned() } else { format!("{} messages stored", uids.len()) };
    Stored { first: None, told: Told::All, answer: Answer::ok(text).code(code) }
}

fn refused(error: &ReceiveError) -> Answer<'static> {
    tracing::warn!(event = "append.refused", cause = %error);
    Answer::no("the message cannot be taken in now; try again later").code(Code::Unavailable)
}
