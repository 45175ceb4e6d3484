//! The one loop between a socket and a conversation.

use crate::leftover::Leftover;
use crate::metrics;
use crate::shutdown::{Begun, Shutdown};
use crate::stream::Stream;
use crate::timer::Timer;
use crate::tls::Acceptor;
use env::{Clock, Conversation, Next};
use futures_util::future::{Either, select};
use model::Moment;
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets read at once: one TLS record. The buffer lies on the stack, an idle connection has none.
const READ_MAX: usize = 16 * 1024;

/// Input kept while the conversation takes none; then reading stops and TCP holds the peer back. Enough for pipelined
/// commands, and a hang-up behind them is still seen.
const LEFTOVER_MAX: usize = 32 * 1024;

/// How long a peer may take no octet of our output; the time SMTP gives a reply (RFC 5321 §4.5.3.2).
const STALL_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// When a connection counts as quiet and gives back memory.
const QUIET_AFTER: Duration = Duration::from_secs(10);

/// How long sessions may take to come to an end once we stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long, and for how many octets, a closed connection is read on: closing a socket with unread input resets the
/// connection, and a reset takes our last reply from the peer's buffer (RFC 9293 §3.6.1).
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
const LINGER_MAX: usize = 1024 * 1024;

/// Turns of the loop before other tasks get theirs: each may write all that a conversation holds, some 64 KiB.
const TURNS_MAX: usize = 8;

/// Output that does not wait for that of further commands.
const GATHERED_OCTETS_MAX: usize = 4096;

/// How long the turns may take together: a login beside a hundred busy connections waits for each of them several times, from
/// the accept to the answer, and shall not take half a second.
const TURNS_TIME_MAX: Duration = Duration::from_micros(250);

/// What a connection is driven with.
pub struct Driver {
    /// Gives the conversation its time.
    pub clock: Arc<dyn Clock>,
    /// For STARTTLS, where it is offered.
    pub starttls: Option<Acceptor>,
    /// When it begins, idle sessions are told to go, the others get [`DRAIN_TIMEOUT`].
    pub shutdown: Shutdown,
    /// The connection's number, for events.
    pub session_id: u64,
    /// What is spoken, for figures.
    pub service: &'static str,
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The conversation closed it.
    Closed,
    /// The peer or the network broke it.
    Lost,
    /// The peer took no output for five minutes.
    Stalled,
    /// The handshake of STARTTLS failed.
    TlsFailed,
    /// We stopped, and the conversation had not come to an end in time.
    Stopped,
}

/// Drives `conversation` over `stream` until either ends.
pub async fn drive(stream: Stream, conversation: Box<dyn Conversation>, driver: Driver) -> Ended {
    let mut turn = Turn::new(stream, conversation, driver);
    loop {
        match poll_fn(|cx| turn.poll(cx)).await {
            Ok(Next::StartTls) => match Box::pin(turn.secure()).await {
                Ok(secured) => turn = secured,
                Err(ended) => return ended,
            },
            Ok(_) => {
                let (stream, ended) = (turn.stream, turn.input != Input::Open);
                // From here on the peer costs a socket only.
                drop(turn.conversation);
                Box::pin(linger(stream, ended)).await;
                return Ended::Closed;
            }
            Err(ended) => return ended,
        }
    }
}

/// What is known about the peer's input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// It is over, but the conversation has not taken all of it.
    Ended,
    /// The conversation knows.
    Told,
}

/// A connection between two polls.
struct Turn {
    stream: Stream,
    conversation: Box<dyn Conversation>,
    driver: Driver,
    begun: Begun,
    timer: Timer,
    leftover: Leftover,
    input: Input,
    /// Octets may still lie in the TLS layer.
    unflushed: bool,
    /// Since when the peer takes nothing.
    stalled: Option<Moment>,
    /// The last octet in either direction.
    active: Moment,
    rested: bool,
    /// The deadline for which the conversation was told; it is told once.
    expired: Option<Moment>,
    /// We stop: until when this may take.
    stop_by: Option<Moment>,
    farewell: bool,
}

impl Turn {
    fn new(stream: Stream, conversation: Box<dyn Conversation>, driver: Driver) -> Turn {
        Turn {
            stream,
            conversation,
            begun: driver.shutdown.begun(),
            timer: Timer::default(),
            leftover: Leftover::default(),
            input: Input::Open,
            unflushed: false,
            stalled: None,
            active: driver.clock.monotonic(),
            rested: false,
            expired: None,
            stop_by: None,
            farewell: false,
            driver,
        }
    }

    /// Goes on until everything waits. Nothing happens after the last `advance` that could need another one, and
    /// everything that waits has left its waker: the conversation, the socket in both directions, the timer, the signal.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, Ended>> {
        let begun = self.driver.clock.monotonic();
        for _ in 0..TURNS_MAX {
            let now = self.driver.clock.monotonic();
            if now - begun > TURNS_TIME_MAX {
                break;
            }
            self.conversation.advance(cx, now);
            if self.gathers() && self.feed(now) {
                continue;
            }
            if self.write(cx, now).map_err(|error| self.lost(&error))? {
                continue;
            }
            let next = self.conversation.next();
            if next != Next::Continue {
                if self.conversation.output().is_empty() && !self.unflushed {
                    return Poll::Ready(Ok(next));
                }
            } else if self.feed(now) || self.read(cx, now).map_err(|error| self.lost(&error))? {
                continue;
            }
            if self.keep_time(cx)?.is_pending() {
                return Poll::Pending;
            }
        }
        // What was gathered does not wait for the next turn.
        let now = self.driver.clock.monotonic();
        self.write(cx, now).map_err(|error| self.lost(&error))?;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether there are commands that came together: what is answered at once goes in one piece (RFC 2920 §3.2 (4)). Nobody
    /// waits longer for it than this turn takes, nor for commands that have not arrived. Point (5) excepts EHLO, DATA and others
    /// so that a client that waits for their answers is not kept waiting: one that has sent more already does not wait.
    fn gathers(&self) -> bool {
        let output = self.conversation.output().len();
        (1..GATHERED_OCTETS_MAX).contains(&output)
            && !self.leftover.is_empty()
            && self.conversation.next() == Next::Continue
    }

    /// Writes as much output as the socket takes; true if that was any, for then there is room for more.
    fn write(&mut self, cx: &mut Context<'_>, now: Moment) -> io::Result<bool> {
        let mut wrote = false;
        loop {
            let output = self.conversation.output();
            if output.is_empty() {
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, output)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(octets) => {
                    metrics::OCTETS.add(octets as u64, &[self.driver.service, "out"]);
                    self.conversation.sent(octets);
                    (wrote, self.unflushed, self.stalled) = (true, true, None);
                    self.stir(now);
                }
                Poll::Pending => {
                    self.stalled.get_or_insert(now);
                    return Ok(wrote);
                }
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx)? {
                Poll::Ready(()) => (self.unflushed, self.stalled) = (false, None),
                Poll::Pending => {
                    self.stalled.get_or_insert(now);
                }
            }
        }
        Ok(wrote)
    }

    /// Offers the conversation what it did not take before; true if something changed.
    fn feed(&mut self, now: Moment) -> bool {
        if !self.leftover.is_empty() {
            let taken = self.conversation.receive(self.leftover.octets(), now);
            self.leftover.take(taken);
            return taken > 0;
        }
        let tell = self.input == Input::Ended;
        if tell {
            self.input = Input::Told;
            self.conversation.input_ended(now);
        }
        tell
    }

    /// Reads what has arrived; true if that was anything.
    fn read(&mut self, cx: &mut Context<'_>, now: Moment) -> io::Result<bool> {
        let room = LEFTOVER_MAX.saturating_sub(self.leftover.len()).min(READ_MAX);
        if self.input != Input::Open || room == 0 {
            return Ok(false);
        }
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ_MAX];
        let mut buffer = ReadBuf::uninit(space.get_mut(..room).unwrap_or_default());
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(())) => {}
            // TLS without close_notify: many clients hang up so. Every protocol here marks its own ends.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Poll::Ready(Err(error)) => return Err(error),
        }
        let input = buffer.filled();
        if input.is_empty() {
            self.input = Input::Ended;
        } else {
            metrics::OCTETS.add(input.len() as u64, &[self.driver.service, "in"]);
            self.stir(now);
            let taken = if self.leftover.is_empty() { self.conversation.receive(input, now) } else { 0 };
            let rest = input.get(taken..).unwrap_or_default();
            if !rest.is_empty() {
                self.leftover.append(rest);
            }
        }
        Ok(true)
    }

    /// Does what is due by the clock or the signal to stop; pending if nothing is.
    fn keep_time(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Ended> {
        if self.stop_by.is_none() && Pin::new(&mut self.begun).poll(cx).is_ready() {
            self.stop_by = Some(self.driver.clock.monotonic() + DRAIN_TIMEOUT);
        }
        let deadline = self.conversation.deadline();
        if self.stop_by.is_some() && !self.farewell {
            self.conversation.stop(self.driver.clock.monotonic());
            self.farewell = self.conversation.next() == Next::Close;
            if self.farewell {
                return Ok(Poll::Ready(()));
            }
        }
        let due = [
            deadline.filter(|_| deadline != self.expired),
            self.stop_by,
            self.stalled.map(|since| since + STALL_TIMEOUT),
            (!self.rested).then(|| self.active + QUIET_AFTER),
        ];
        let Some(first) = due.into_iter().flatten().min() else { return Ok(Poll::Pending) };
        if self.timer.poll_due(cx, first, &*self.driver.clock).is_pending() {
            return Ok(Poll::Pending);
        }
        let [deadline_due, stop_due, stall_due, _] = due.map(|due| due == Some(first));
        if stop_due {
            return Err(Ended::Stopped);
        }
        if stall_due {
            return Err(Ended::Stalled);
        }
        if deadline_due {
            self.expire(deadline);
        } else {
            self.rested = true;
            self.conversation.rest();
        }
        Ok(Poll::Ready(()))
    }

    fn expire(&mut self, deadline: Option<Moment>) {
        self.expired = deadline;
        self.conversation.expire(self.driver.clock.monotonic());
    }

    fn stir(&mut self, now: Moment) {
        (self.active, self.rested) = (now, false);
    }

    fn lost(&self, error: &io::Error) -> Ended {
        tracing::debug!(event = "connection.lost", session_id = self.driver.session_id, %error);
        Ended::Lost
    }

    /// Negotiates TLS. What was received in the clear behind the command is forgotten with the old turn.
    async fn secure(self) -> Result<Turn, Ended> {
        let Turn { stream, conversation, mut driver, begun, leftover, .. } = self;
        let session_id = driver.session_id;
        if !leftover.is_empty() {
            tracing::warn!(event = "tls.injection_dropped", session_id, octets = leftover.len());
        }
        let (Stream::Tcp(tcp), Some(acceptor)) = (stream, driver.starttls.take()) else {
            tracing::error!(event = "tls.failed", session_id, reason = "STARTTLS was offered where there is none");
            return Err(Ended::TlsFailed);
        };
        match select(pin!(acceptor.accept(tcp)), begun).await {
            Either::Left((Ok((stream, tls)), _)) => {
                let secured = conversation.secured(tls, driver.clock.monotonic());
                Ok(Turn::new(Stream::Tls(Box::new(stream)), secured, driver))
            }
            Either::Left((Err(error), _)) => {
                tracing::info!(event = "tls.failed", session_id, %error);
                Err(Ended::TlsFailed)
            }
            Either::Right(_) => Err(Ended::Stopped),
        }
    }
}

/// Ends our side and waits a moment for the peer to end its own.
async fn linger(mut stream: Stream, input_ended: bool) {
    let mut left = if input_ended { 0 } else { LINGER_MAX };
    let mut ended = false;
    let end = poll_fn(|cx| {
        if !ended {
            ready!(Pin::new(&mut stream).poll_shutdown(cx))?;
            ended = true;
        }
        while left > 0 {
            let mut space = [const { MaybeUninit::<u8>::uninit() }; READ_MAX];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(stream.poll_raw_read(cx, &mut buffer))?;
            let octets = buffer.filled().len();
            left = if octets == 0 { 0 } else { left.saturating_sub(octets) };
        }
        Poll::Ready(Ok::<(), io::Error>(()))
    });
    // The connection ends here in any case: an error or a peer that never stops changes nothing.
    let _ = tokio::time::timeout(LINGER_TIMEOUT, end).await;
}
