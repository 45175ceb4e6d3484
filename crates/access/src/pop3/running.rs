//! A command at work: a future that owns the maildrop and gives it back.

use super::list::{self, Listing};
use super::maildrop::Maildrop;
use super::retrieve::{self, Extent, Form};
use super::update;
use super::{failure, policy::Services};
use crate::imap::out::{Out, Pipe, Sink};
use env::BoxFuture;
use futures_util::FutureExt;
use pop3::{Answer, Session};
use std::sync::Arc;
use std::task::{Context, Poll};

/// How a command ended.
pub(crate) struct Done {
    /// `None`: nobody is logged in.
    pub maildrop: Option<Box<Maildrop>>,
    pub end: End,
}

/// What follows.
pub(crate) enum End {
    /// The status line.
    Finish(Answer),
    /// Nothing: the whole response is written.
    Finished,
    /// The last status line.
    Close(Answer),
    /// A response is half written and cannot be completed.
    Broken,
}

/// What takes time, or room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    List(Listing),
    Retrieve(u32, Extent),
    Quit,
}

/// A future and the pipe it writes through.
pub(crate) struct Running {
    future: BoxFuture<'static, Done>,
    pipe: Pipe,
}

impl Sink for Session {
    fn room(&self) -> usize {
        self.room()
    }

    fn out(&mut self) -> &mut Vec<u8> {
        self.out()
    }
}

impl Running {
    /// A command on an open maildrop.
    pub fn task(maildrop: Box<Maildrop>, task: Task, form: Form) -> Running {
        let out = Out::default();
        let pipe = out.pipe();
        Running { future: carry_out(maildrop, task, form, out).boxed(), pipe }
    }

    /// Opens the maildrop of who has logged in.
    pub fn open(services: Arc<Services>, login: Arc<directory::Account>) -> Running {
        let opening = async move {
            let opened = async { Maildrop::open(services.mailstore.account(login.id).await?).await };
            match opened.await {
                Ok(maildrop) => {
                    let answer = Answer::ok(maildrop.summary());
                    Done { maildrop: Some(Box::new(maildrop)), end: End::Finish(answer) }
                }
                Err(error) => Done { maildrop: None, end: End::Finish(failure::store(&error)) },
            }
        };
        Running { future: opening.boxed(), pipe: Pipe::default() }
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

async fn carry_out(mut maildrop: Box<Maildrop>, task: Task, form: Form, mut out: Out) -> Done {
    let end = match task {
        Task::List(listing) => list::all(&maildrop, listing, form.language, &mut out).await,
        Task::Retrieve(number, extent) => retrieve::retrieve(&mut maildrop, number, extent, form, &mut out).await,
        Task::Quit => End::Close(update::update(&maildrop).await),
    };
    out.hand_over();
    Done { maildrop: Some(maildrop), end }
}
