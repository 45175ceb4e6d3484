//! A command at work: a future that owns what it needs and gives it back.

use super::append::Stored;
use super::auth::Desk;
use super::client::Client;
use super::modseq::{self, Awareness};
use super::out::{Out, Pipe};
use super::selected::{Told, sync};
use super::{
    copy, enable, expunge, failure, fetch, id, list, lsub, mailbox, namespace, quota, search, select, sort, status,
    store, thread,
};
use directory::{SignIn, SignInStep};
use env::BoxFuture;
use futures_util::FutureExt;
use imap::command::{Command, Numbering, SearchKey, Tag, Tagged};
use imap::{Answer, Secret, SequenceSet, Session, response};
use std::task::{Context, Poll};

/// How a command ended.
pub(crate) struct Done {
    pub client: Box<Client>,
    pub end: End,
    /// Why the connection ends now, if it does.
    pub bye: Option<&'static str>,
}

/// What follows.
pub(crate) enum End {
    /// The tagged response.
    Finish(Answer<'static>),
    /// Nothing: IDLE goes on.
    Idle,
    /// The client has to answer this.
    Challenge(SignIn, Vec<u8>),
    /// A response is half written and cannot be completed.
    Broken,
}

impl End {
    /// The same, with the selected mailbox's HIGHESTMODSEQ if the client has to be told.
    fn with_highest(self, client: &mut Client, out: &mut Out) -> End {
        match self {
            End::Finish(answer) => End::Finish(client.with_highest(answer, out)),
            End::Idle => {
                if let Some(selected) = &mut client.selected {
                    selected.tell_highest(out);
                }
                End::Idle
            }
            end @ (End::Challenge(..) | End::Broken) => end,
        }
    }
}

/// The outcome of a command's own work.
pub(crate) type Outcome = Result<Answer<'static>, Refusal>;

/// Why a command was not carried out, so that `?` can say it.
pub(crate) enum Refusal {
    /// With this answer.
    Answer(Answer<'static>),
    /// In the midst of a literal: nothing more can be said.
    Broken,
}

impl From<Answer<'static>> for Refusal {
    fn from(answer: Answer<'static>) -> Refusal {
        Refusal::Answer(answer)
    }
}

impl From<mailstore::Error> for Refusal {
    fn from(error: mailstore::Error) -> Refusal {
        Refusal::Answer(failure::no(&error))
    }
}

/// A future and the pipe it writes through.
pub(crate) struct Running {
    future: BoxFuture<'static, Done>,
    pipe: Pipe,
}

impl Running {
    fn new<F: Future<Output = Done> + Send + 'static>(work: impl FnOnce(Out) -> F) -> Running {
        let out = Out::default();
        let pipe = out.pipe();
        Running { future: work(out).boxed(), pipe }
    }

    /// A command, then what others did meanwhile.
    pub fn command(client: Box<Client>, tagged: Tagged) -> Running {
        Running::new(|out| command(client, tagged, out))
    }

    /// What others did, while the client idles or when it stops.
    pub fn tell(client: Box<Client>, end: End) -> Running {
        Running::new(|out| tell(client, (Told::All, end), out))
    }

    /// Messages are stored, then what that and others did is told: for APPEND.
    pub fn append(client: Box<Client>, work: BoxFuture<'static, Result<Stored, Refusal>>) -> Running {
        Running::new(|mut out| async move {
            let (told, outcome) = match work.await {
                Ok(Stored { first, told, answer }) => {
                    first.into_iter().for_each(|first| response::answer(&mut out, None, &first));
                    (told, Ok(answer))
                }
                Err(refusal) => (Told::All, Err(refusal)),
            };
            tell(client, (told, end_of(outcome)), out).await
        })
    }

    /// LOGIN.
    pub fn log_in(desk: Desk, mut client: Box<Client>, login: String, password: Secret) -> Running {
        Running::new(|_| async move {
            let end = desk.log_in(&mut client, login, password).await;
            Done { client, end, bye: None }
        })
    }

    /// AUTHENTICATE, from one thing that the client says to the next.
    pub fn sign_in(desk: Desk, mut client: Box<Client>, step: SignInStep) -> Running {
        Running::new(|_| async move {
            let end = desk.sign_in(&mut client, step).await;
            Done { client, end, bye: None }
        })
    }

    /// Goes on as far as the services and the session's room allow.
    pub fn advance(&mut self, session: &mut Session, cx: &mut Context<'_>) -> Poll<Done> {
        loop {
            self.pipe.empty_into(session);
            if let Poll::Ready(done) = self.future.poll_unpin(cx) {
                self.pipe.finish_into(session);
                return Poll::Ready(done);
            }
            if !self.pipe.empty_into(session) || session.room() == 0 {
                return Poll::Pending;
            }
        }
    }
}

async fn command(mut client: Box<Client>, tagged: Tagged, mut out: Out) -> Done {
    let told = told_after(&tagged.command);
    let Tagged { tag, command } = tagged;
    if modseq::makes_aware(&command) {
        client.becomes(Awareness::Condstore, &mut out);
    }
    let end = end_of(carry_out(&mut client, command, &tag, &mut out).await);
    let bye = match end {
        End::Broken => None,
        _ => sync(&mut client, told, &mut out).await,
    };
    let end = end.with_highest(&mut client, &mut out);
    out.hand_over();
    Done { client, end, bye }
}

fn end_of(outcome: Outcome) -> End {
    match outcome {
        Ok(answer) | Err(Refusal::Answer(answer)) => End::Finish(answer),
        Err(Refusal::Broken) => End::Broken,
    }
}

async fn tell(mut client: Box<Client>, (told, end): (Told, End), mut out: Out) -> Done {
    let bye = sync(&mut client, told, &mut out).await;
    let end = end.with_highest(&mut client, &mut out);
    out.hand_over();
    Done { client, end, bye }
}

/// What may be told after a command: no EXPUNGE during those that go by sequence numbers (RFC 9051 §7.5.1), nor VANISHED when
/// a UID SEARCH holds some (RFC 7162 §3.2.10.2), and nothing
/// after those that end or begin a selection, or do not look at mail.
fn told_after(command: &Command) -> Told {
    let by_seq = match command {
        Command::Fetch(fetch) => fetch.numbering == Numbering::SeqNum,
        Command::Store(store) => store.numbering == Numbering::SeqNum,
        Command::Search(search) => search.numbering == Numbering::SeqNum || search.key.any(&is_seq_numbers),
        Command::Sort(sort) => sort.numbering == Numbering::SeqNum || sort.key.any(&is_seq_numbers),
        Command::Thread(thread) => thread.numbering == Numbering::SeqNum || thread.key.any(&is_seq_numbers),
        _ => false,
    };
    match command {
        _ if by_seq => Told::AllButExpunged,
        Command::Select(_) | Command::Examine(_) | Command::Close | Command::Unselect => Told::Nothing,
        Command::Capability | Command::Id(_) | Command::Enable(_) | Command::Namespace => Told::Nothing,
        _ => Told::All,
    }
}

/// What `$` holds are UIDs.
fn is_seq_numbers(key: &SearchKey) -> bool {
    matches!(key, SearchKey::SeqNum(SequenceSet::Ranges(_)))
}

/// Each command's future is boxed by itself, so that a NOOP does not take the memory of a FETCH.
fn carry_out<'a>(client: &'a mut Client, command: Command, tag: &'a Tag, out: &'a mut Out) -> BoxFuture<'a, Outcome> {
    match command {
        Command::Noop | Command::Check => done(Ok(Answer::ok("nothing left to tell"))),
        Command::Id(_) => done(id::id(out)),
        Command::Enable(names) => done(enable::enable(client, &names, out)),
        Command::Namespace => done(namespace::namespace(client, out)),
        Command::Select(select) => select::select(client, select, select::Access::ReadWrite, out).boxed(),
        Command::Examine(select) => select::select(client, select, select::Access::ReadOnly, out).boxed(),
        Command::Create(command) => mailbox::create(client, command, out).boxed(),
        Command::Delete(name) => mailbox::delete(client, name, out).boxed(),
        Command::Rename { from, to } => mailbox::rename(client, from, to, out).boxed(),
        Command::Subscribe(name) => mailbox::subscribe(client, name, mailbox::Subscription::On).boxed(),
        Command::Unsubscribe(name) => mailbox::subscribe(client, name, mailbox::Subscription::Off).boxed(),
        Command::List(command) => list::list(client, command, out).boxed(),
        Command::Lsub(command) => lsub::lsub(client, command, out).boxed(),
        Command::Status(command) => status::status(client, command, out).boxed(),
        Command::GetQuota(root) => done(quota::get_quota(client, &root, out)),
        Command::GetQuotaRoot(name) => done(quota::get_quota_root(client, &name, out)),
        Command::SetQuota(_) => done(quota::set_quota()),
        Command::Close => expunge::close(client).boxed(),
        Command::Unselect => done(select::unselect(client)),
        Command::Expunge(command) => expunge::expunge(client, command).boxed(),
        Command::Search(command) => search::search(client, command, tag, out).boxed(),
        Command::Sort(command) => sort::sort(client, command, tag, out).boxed(),
        Command::Thread(command) => thread::thread(client, command, out).boxed(),
        Command::Fetch(command) => fetch::fetch(client, command, out).boxed(),
        Command::Store(command) => store::store(client, command, out).boxed(),
        Command::Copy(command) => copy::copy(client, command).boxed(),
        Command::Move(command) => copy::move_(client, command, out).boxed(),
        Command::Capability
        | Command::Logout
        | Command::StartTls
        | Command::Authenticate(_)
        | Command::Login(_)
        | Command::Unauthenticate
        | Command::Compress
        | Command::Idle => {
            // The conversation answers these, for they change the session.
            done(Ok(Answer::bad("not now")))
        }
    }
}

fn done<'a>(outcome: Outcome) -> BoxFuture<'a, Outcome> {
    futures_util::future::ready(outcome).boxed()
}
