//! Mail that is brought from elsewhere: a stream of messages, appended many at once and answered as they become durable.
//!
//! One half reads messages, the other stores them, in the order they came: so UIDs follow it, but for a message that has to wait
//! for room, which later ones may overtake.

use super::export::account_of;
use super::protocol::{Answer, REQUEST_OCTETS_MAX, Trouble};
use super::server::{Exchange, Fault, Office};
use super::transfer::{Arrival, ArrivedItem, Arriving, Frame};
use crate::language::{Language, Tell, Text, both};
use futures_util::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use mailstore::{Account, Comes, Error, Outcome, SourceId};
use model::{Flag, Keyword, MailboxId, Quota};
use mta::{AppendTo, Incoming, Post, ReceiveError, Received};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Whoever sends may itself wait for a slow server far away.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1800);
/// Bodies that are read and not yet appended: enough to hide the sync of large ones.
const STAGED_MAX: usize = 64;
/// Messages that wait for their commit: two full batches of the account's lane.
const UNDER_WAY_MAX: usize = 2000;
/// Octets of theirs that are held: half of what the lane takes, so that others get in.
const UNDER_WAY_OCTETS_MAX: usize = 16 << 20;
/// Octets of answers written at once.
const ANSWER_OCTETS: usize = 16 << 10;
/// Octets of a body read at once.
const PIECE_OCTETS: usize = 64 << 10;
/// When the server has much to do: until the next try, and how many there are.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const BUSY_TRIES_MAX: u32 = 1200;

pub async fn answer(office: &Office, address: &str, to: &mut Exchange) -> Result<(), Fault> {
    let (account, quota) = account_of(office, address).await?;
    to.go_on().await?;
    let language = to.language;
    let (reader, writer) = to.apart();
    let (sender, staged) = mpsc::channel(STAGED_MAX);
    let max = office.import_octets_max();
    let reading =
        Reading { post: &office.post, account: &account, max, reader, mailboxes: HashMap::new(), sender, language };
    let storing = Storing { account: &account, quota, writer, out: Vec::new(), language };
    // Each ends with the other: what is stored then stays, unanswered.
    tokio::try_join!(reading.run(), storing.run(staged)).map(|_| ())
}

/// A message on its way, or what became of it at once.
enum Staged {
    Message { arriving: Box<Arriving>, mailbox: MailboxId, body: Body },
    Answer(ArrivedItem),
}

type Body = BoxFuture<'static, Result<Received, ReceiveError>>;

struct Reading<'a> {
    post: &'a Post,
    account: &'a Arc<Account>,
    max: u64,
    reader: &'a mut BufReader<OwnedReadHalf>,
    mailboxes: HashMap<String, MailboxId>,
    sender: mpsc::Sender<Staged>,
    language: Language,
}

impl Reading<'_> {
    async fn run(mut self) -> Result<(), Fault> {
        loop {
            let staged = match self.frame().await? {
                Frame::End {} => return Ok(()),
                Frame::Mailbox(name) => match self.mailbox(&name).await {
                    Ok(_) => continue,
                    Err(error) => Staged::Answer(self.no_mailbox(None, &name, &error)),
                },
                Frame::Message(arriving) => self.message(arriving).await?,
            };
            if self.sender.send(staged).await.is_err() {
                return Ok(()); // the other half says why
            }
        }
    }

    async fn frame(&mut self) -> Result<Frame, Fault> {
        let mut line = Vec::new();
        let mut bounded = (&mut *self.reader).take(REQUEST_OCTETS_MAX as u64);
        timeout(IDLE_TIMEOUT, bounded.read_until(b'\n', &mut line)).await.map_err(io::Error::from)??;
        if line.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        serde_json::from_slice(&line).map_err(|error| Fault::Lost(io::Error::other(error)))
    }

    async fn message(&mut self, arriving: Arriving) -> Result<Staged, Fault> {
        let number = Some(arriving.number);
        if arriving.size_octets > self.max && !arriving.again {
            let (octets, max) = (arriving.size_octets, self.max);
            let text = both!(
                "it has {octets} octets; at most {max} are taken",
                "sie hat {octets} Byte; angenommen werden höchstens {max}"
            );
            let text = told(&text, self.language);
            self.skip(arriving.size_octets).await?;
            return Ok(Staged::Answer(ArrivedItem { number, outcome: Arrival::Refused, text: Some(text) }));
        }
        // A large body is written before the account's lane sees that it is known: ask first.
        let large = arriving.size_octets > mailstore::BODY_ROW_OCTETS_MAX as u64 && !arriving.again;
        if large && self.account.imported(&[SourceId(arriving.source.0)]).await.is_ok_and(|known| known == [true]) {
            self.skip(arriving.size_octets).await?;
            return Ok(Staged::Answer(ArrivedItem { number, outcome: Arrival::Known, text: None }));
        }
        let mailbox = match self.mailbox(&arriving.mailbox).await {
            Ok(mailbox) => mailbox,
            Err(error) => {
                self.skip(arriving.size_octets).await?;
                return Ok(Staged::Answer(self.no_mailbox(number, &arriving.mailbox, &error)));
            }
        };
        let body = self.body(arriving.size_octets).await?;
        Ok(Staged::Message { arriving: Box::new(arriving), mailbox, body })
    }

    fn no_mailbox(&self, number: Option<u64>, name: &str, error: &Error) -> ArrivedItem {
        let text = both!("mailbox {name}: {cause}", "Ordner {name}: {cause}", cause = error.tell());
        refused(number, text.within(self.language).to_owned(), error)
    }

    /// The mailbox of that name, made if it is not there.
    async fn mailbox(&mut self, name: &str) -> Result<MailboxId, Error> {
        let known = self.mailboxes.get(name).copied();
        if let Some(id) = known.filter(|id| self.account.mailboxes().get(*id).is_some()) {
            return Ok(id);
        }
        let id = self.account.named_or_made(name).await?;
        self.mailboxes.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Takes in a body; its end is left to whoever stores it, so that the next one is read while it is synced.
    async fn body(&mut self, octets: u64) -> Result<Body, Fault> {
        let mut incoming = self.begin().await?;
        let (mut left, mut failed) = (octets, None);
        while left > 0 {
            let piece = self.piece(&mut left).await?;
            if failed.is_some() {
                continue;
            }
            incoming.take(&piece).map_err(|reply| Fault::Lost(io::Error::other(reply.to_string())))?;
            if incoming.is_full() {
                failed = incoming.spill().await.err();
            }
        }
        Ok(match failed {
            Some(error) => std::future::ready(Err(error)).boxed(),
            None => incoming.finish().boxed(),
        })
    }

    /// Waits while as many bodies come in as may.
    async fn begin(&self) -> Result<Incoming, Fault> {
        let mut tries = 0;
        loop {
            match Incoming::begin(self.post.mailstore.blobs(), &self.post.in_flight) {
                Ok(incoming) => return Ok(incoming),
                Err(error) if tries == BUSY_TRIES_MAX => return Err(Trouble::failed(error).into()),
                Err(_) => sleep(BUSY_PAUSE).await,
            }
            tries += 1;
        }
    }

    async fn skip(&mut self, mut left: u64) -> Result<(), Fault> {
        while left > 0 {
            self.piece(&mut left).await?;
        }
        Ok(())
    }

    async fn piece(&mut self, left: &mut u64) -> Result<Vec<u8>, Fault> {
        let mut piece = Vec::with_capacity((*left).min(PIECE_OCTETS as u64) as usize);
        let mut bounded = (&mut *self.reader).take((*left).min(PIECE_OCTETS as u64));
        timeout(IDLE_TIMEOUT, bounded.read_buf(&mut piece)).await.map_err(io::Error::from)??;
        if piece.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        *left -= piece.len() as u64;
        Ok(piece)
    }
}

/// A message that is whole.
struct Ready {
    arriving: Box<Arriving>,
    mailbox: MailboxId,
    received: Result<Received, ReceiveError>,
}

type Stored = (usize, ArrivedItem);

struct Storing<'a> {
    account: &'a Arc<Account>,
    quota: Quota,
    writer: &'a mut OwnedWriteHalf,
    out: Vec<u8>,
    language: Language,
}

impl Storing<'_> {
    async fn run(mut self, mut staged: mpsc::Receiver<Staged>) -> Result<(), Fault> {
        let mut bodies: FuturesOrdered<BoxFuture<'static, Ready>> = FuturesOrdered::new();
        let mut under_way: FuturesUnordered<BoxFuture<'static, Stored>> = FuturesUnordered::new();
        let (mut octets, mut more) = (0, true);
        while more || !bodies.is_empty() || !under_way.is_empty() {
            let room = under_way.len() < UNDER_WAY_MAX && octets < UNDER_WAY_OCTETS_MAX;
            tokio::select! {
                Some((held, item)) = under_way.next() => {
                    octets -= held;
                    self.put(&item)?;
                    while let Some(Some((held, item))) = under_way.next().now_or_never() {
                        octets -= held;
                        self.put(&item)?;
                    }
                    self.flush(ANSWER_OCTETS).await?;
                }
                Some(ready) = bodies.next(), if room => {
                    let held = held(&ready);
                    octets += held;
                    under_way.push(self.store(ready, held));
                }
                next = staged.recv(), if more && bodies.len() < STAGED_MAX => match next {
                    None => more = false,
                    Some(Staged::Answer(item)) => self.put(&item)?,
                    Some(Staged::Message { arriving, mailbox, body }) => {
                        bodies.push_back(body.map(move |received| Ready { arriving, mailbox, received }).boxed());
                    }
                },
            }
            // Whoever sends waits for answers before the last of them too.
            if under_way.is_empty() && bodies.is_empty() {
                self.flush(1).await?;
            }
        }
        self.flush(1).await
    }

    fn put(&mut self, item: &ArrivedItem) -> Result<(), Fault> {
        serde_json::to_writer(&mut self.out, &Answer::Item(item)).map_err(io::Error::from)?;
        self.out.push(b'\n');
        Ok(())
    }

    /// Writes the answers if they are so many octets.
    async fn flush(&mut self, octets: usize) -> Result<(), Fault> {
        if self.out.len() >= octets {
            timeout(IDLE_TIMEOUT, self.writer.write_all(&self.out)).await.map_err(io::Error::from)??;
            self.out.clear();
        }
        Ok(())
    }

    /// The first try is queued at once, which keeps the order.
    fn store(&self, ready: Ready, held: usize) -> BoxFuture<'static, Stored> {
        let Ready { arriving, mailbox, received } = ready;
        let number = Some(arriving.number);
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                let item = ArrivedItem { number, outcome: Arrival::Stopped, text: Some(told(&error, self.language)) };
                return std::future::ready((held, item)).boxed();
            }
        };
        let (flags, left_out) = flags(&arriving.flags);
        let internal_date = arriving.date.map(|date| date.0);
        let mut to = AppendTo { mailbox, flags, internal_date, quota: self.quota };
        let comes = if arriving.again { Comes::AgainIfGone } else { Comes::Once };
        let (account, source) = (self.account.clone(), (SourceId(arriving.source.0), comes));
        let language = self.language;
        let without =
            || both!("flags left out: {flags}", "Markierungen weggelassen: {flags}", flags = left_out.join(" "));
        let mut note = (!left_out.is_empty()).then(without);
        let first = mta::import(&account, to.clone(), source, received.clone());
        async move {
            let (mut outcome, mut tries) = (first.await, 0);
            loop {
                match &outcome {
                    Err(Error::Busy) if tries < BUSY_TRIES_MAX => sleep(BUSY_PAUSE).await,
                    Err(Error::KeywordsFull) if to.flags.iter().any(|flag| matches!(flag, Flag::Keyword(_))) => {
                        to.flags.retain(|flag| !matches!(flag, Flag::Keyword(_)));
                        note = Some(both!(
                            "its keywords are left out: the account has as many as it may",
                            "ohne ihre Schlagwörter: das Konto hat so viele, wie es haben darf"
                        ));
                    }
                    _ => break,
                }
                tries += 1;
                outcome = mta::import(&account, to.clone(), source, received.clone()).await;
            }
            let text = note.map(|note: Text| note.within(language).to_owned());
            let item = match outcome {
                Ok(Outcome::Appended(_)) => ArrivedItem { number, outcome: Arrival::Added, text },
                Ok(Outcome::AlreadyDelivered) => ArrivedItem { number, outcome: Arrival::Known, text: None },
                Err(error) => refused(number, told(&error, language), &error),
            };
            (held, item)
        }
        .boxed()
    }
}

fn told(error: &impl Tell, language: Language) -> String {
    error.tell().within(language).to_owned()
}

/// What an append holds in memory.
fn held(ready: &Ready) -> usize {
    match &ready.received {
        Ok(Received { body: mailstore::Body::Row(octets), .. }) => octets.len() + 1024,
        _ => 1024,
    }
}

fn refused(number: Option<u64>, text: String, error: &Error) -> ArrivedItem {
    let of_this_only = matches!(
        error,
        Error::MailboxMissing
            | Error::MailboxName(_)
            | Error::MailboxesFull
            | Error::KeywordsFull
            | Error::UidsExhausted
    );
    let outcome = if of_this_only { Arrival::Refused } else { Arrival::Stopped };
    ArrivedItem { number, outcome, text: Some(text) }
}

/// The flags, and those that we cannot keep. What other systems call `\X` or write with odd characters is no flag here.
pub fn flags(names: &[String]) -> (Vec<Flag>, Vec<String>) {
    let (mut flags, mut left_out): (Vec<Flag>, Vec<String>) = (Vec::new(), Vec::new());
    for name in names {
        match Flag::parse(name).or_else(|| Keyword::new(name).map(Flag::Keyword)) {
            Some(flag) if !flags.contains(&flag) => flags.push(flag),
            Some(_) => {}
            None => left_out.push(name.clone()),
        }
    }
    (flags, left_out)
}
