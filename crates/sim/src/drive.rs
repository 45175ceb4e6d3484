//! The loop between a virtual wire and a conversation: as `net::drive` does it, on the virtual clock.

use env::virtual_net::Pipe;
use env::virtual_world::World;
use env::{BoxFuture, Clock, Conversation, Next, Sleep, Wire};
use model::Moment;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Octets read at once, and kept while the conversation takes none: as in `net::drive`.
const READ_MAX: usize = 16 * 1024;
const LEFTOVER_MAX: usize = 64 * 1024;
const STALL_TIMEOUT: Duration = Duration::from_secs(5 * 60);
const QUIET_AFTER: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells all connections that the server stops.
#[derive(Clone, Default)]
pub struct Stopping(Arc<(AtomicBool, Mutex<Vec<Waker>>)>);

impl Stopping {
    /// From now on.
    pub fn begin(&self) {
        self.0.0.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn begun(&self, cx: &Context<'_>, listening: &mut bool) -> bool {
        if !std::mem::replace(listening, true) {
            self.wakers().push(cx.waker().clone());
        }
        self.0.0.load(Ordering::Acquire)
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection between two polls.
struct Turn {
    world: World,
    pipe: Pipe,
    conversation: Box<dyn Conversation>,
    stopping: Stopping,
    listening: bool,
    leftover: Vec<u8>,
    ended: bool,
    told: bool,
    active: Moment,
    rested: bool,
    stalled: Option<Moment>,
    expired: Option<Moment>,
    stop_by: Option<Moment>,
    farewell: bool,
    timer: Option<(Moment, BoxFuture<'static, ()>)>,
    output_octets_max: usize,
}

/// Drives `conversation` over `pipe` until either ends; returns the most octets that it wanted to say at once.
pub async fn drive(world: World, pipe: Pipe, conversation: Box<dyn Conversation>, stopping: Stopping) -> usize {
    let active = world.monotonic();
    let mut turn = Turn {
        world,
        pipe,
        conversation,
        stopping,
        listening: false,
        leftover: Vec::new(),
        ended: false,
        told: false,
        active,
        rested: false,
        stalled: None,
        expired: None,
        stop_by: None,
        farewell: false,
        timer: None,
        output_octets_max: 0,
    };
    loop {
        match poll_fn(|cx| turn.poll(cx)).await {
            // No cryptography: what was said in the clear behind the command is thrown away all the same.
            Some(Next::StartTls) => {
                let (version, cipher) = ("TLSv1.3".into(), "VIRTUAL".into());
                let tls = env::Tls { version, cipher, ..env::Tls::default() };
                turn.leftover.clear();
                let now = turn.world.monotonic();
                turn.conversation = turn.conversation.secured(tls, now);
            }
            _ => return turn.output_octets_max,
        }
    }
}

impl Turn {
    /// `None`: the connection is lost.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        loop {
            let now = self.world.monotonic();
            self.conversation.advance(cx, now);
            let Some(wrote) = self.write(cx, now) else { return Poll::Ready(None) };
            if wrote {
                continue;
            }
            let next = self.conversation.next();
            if next != Next::Continue {
                if self.conversation.output().is_empty() {
                    return Poll::Ready(Some(next));
                }
            } else if self.feed(now) || self.read(cx, now) {
                continue;
            }
            match self.keep_time(cx, now) {
                None => return Poll::Ready(None),
                Some(true) => {}
                Some(false) => return Poll::Pending,
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, now: Moment) -> Option<bool> {
        let mut wrote = false;
        loop {
            let output = self.conversation.output();
            self.output_octets_max = self.output_octets_max.max(output.len());
            if output.is_empty() {
                return Some(wrote);
            }
            match self.pipe.poll_write(cx, output) {
                Poll::Ready(Ok(octets)) => {
                    self.conversation.sent(octets);
                    (wrote, self.stalled, self.active, self.rested) = (true, None, now, false);
                }
                Poll::Ready(Err(_)) => return None,
                Poll::Pending => {
                    self.stalled.get_or_insert(now);
                    return Some(wrote);
                }
            }
        }
    }

    fn feed(&mut self, now: Moment) -> bool {
        if !self.leftover.is_empty() {
            let taken = self.conversation.receive(&self.leftover, now);
            self.leftover.drain(..taken);
            return taken > 0;
        }
        let tell = self.ended && !self.told;
        if tell {
            self.told = true;
            self.conversation.input_ended(now);
        }
        tell
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Moment) -> bool {
        let room = LEFTOVER_MAX.saturating_sub(self.leftover.len()).min(READ_MAX);
        if self.ended || room == 0 {
            return false;
        }
        let mut buffer = [0; READ_MAX];
        let Poll::Ready(read) = self.pipe.poll_read(cx, &mut buffer[..room]) else { return false };
        let octets = read.unwrap_or(0);
        if octets == 0 {
            self.ended = true;
            return true;
        }
        (self.active, self.rested) = (now, false);
        let input = &buffer[..octets];
        let taken = if self.leftover.is_empty() { self.conversation.receive(input, now) } else { 0 };
        self.leftover.extend_from_slice(&input[taken..]);
        true
    }

    /// Does what is due: `Some(true)` if that was anything, `None` if the connection ends.
    fn keep_time(&mut self, cx: &mut Context<'_>, now: Moment) -> Option<bool> {
        if self.stop_by.is_none() && self.stopping.begun(cx, &mut self.listening) {
            self.stop_by = Some(now + DRAIN_TIMEOUT);
        }
        if self.stop_by.is_some() && !self.farewell {
            self.conversation.stop(now);
            self.farewell = self.conversation.next() == Next::Close;
            if self.farewell {
                return Some(true);
            }
        }
        let deadline = self.conversation.deadline();
        let due = [
            deadline.filter(|_| deadline != self.expired),
            self.stop_by,
            self.stalled.map(|since| since + STALL_TIMEOUT),
            (!self.rested).then(|| self.active + QUIET_AFTER),
        ];
        let Some(first) = due.into_iter().flatten().min() else { return Some(false) };
        if !self.is_due(cx, first, now) {
            return Some(false);
        }
        let [deadline_due, stop_due, stall_due, _] = due.map(|due| due == Some(first));
        if stop_due || stall_due {
            return None;
        }
        if deadline_due {
            self.expired = deadline;
            self.conversation.expire(now);
        } else {
            self.rested = true;
            self.conversation.rest();
        }
        Some(true)
    }

    /// A timer that is set too early is left alone: most deadlines move on before they are due.
    fn is_due(&mut self, cx: &mut Context<'_>, at: Moment, now: Moment) -> bool {
        if at <= now {
            return true;
        }
        if self.timer.as_ref().is_none_or(|(set, _)| *set > at || *set <= now) {
            self.timer = Some((at, self.world.sleep_until(at)));
        }
        if let Some((_, timer)) = &mut self.timer {
            let _ = timer.as_mut().poll(cx);
        }
        false
    }
}
