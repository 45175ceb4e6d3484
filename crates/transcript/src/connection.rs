//! One conversation, driven as a task of the virtual world.

use env::virtual_world::World;
use env::{BoxFuture, Clock, Conversation, Next, Sleep, Spawn, Tls};
use model::Moment;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Octets that one moment may bring before the server counts as one that never comes to rest.
const OUTPUT_OCTETS_MAX: usize = 64 << 20;

/// The client's end of a connection.
pub(crate) struct Connection {
    wire: Arc<Mutex<Wire>>,
}

/// Both directions, and the conversation while it lasts.
struct Wire {
    conversation: Option<Box<dyn Conversation>>,
    to_server: Vec<u8>,
    from_server: Vec<u8>,
    ending: Ending,
    tls_wanted: bool,
    alarm: Option<(Moment, BoxFuture<'static, ()>)>,
    waker: Option<Waker>,
}

/// How far the client has ended its side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Wanted,
    Told,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(conversation: Box<dyn Conversation>, world: &World) -> Connection {
        let wire = Wire {
            conversation: Some(conversation),
            to_server: Vec::new(),
            from_server: Vec::new(),
            ending: Ending::Open,
            tls_wanted: false,
            alarm: None,
            waker: None,
        };
        let wire = Arc::new(Mutex::new(wire));
        let (driven, clock) = (wire.clone(), world.clone());
        world.spawn(Box::pin(poll_fn(move |cx| lock(&driven).drive(cx, &clock))));
        world.run_until_stalled();
        Connection { wire }
    }

    /// The client sends.
    pub(crate) fn send(&self, octets: &[u8], world: &World) {
        self.change(world, |wire| wire.to_server.extend_from_slice(octets));
    }

    /// The client sends no more.
    pub(crate) fn end(&self, world: &World) {
        self.change(world, |wire| wire.ending = Ending::Wanted);
    }

    /// The client vanishes.
    pub(crate) fn cut(&self, world: &World) {
        self.change(world, |wire| wire.conversation = None);
    }

    /// If the server wants TLS, the conversation goes on secured.
    pub(crate) fn secure(&self, world: &World) -> bool {
        let wanted = lock(&self.wire).tls_wanted;
        self.change(world, |wire| {
            if std::mem::take(&mut wire.tls_wanted) {
                let tls =
                    Tls { version: "TLSv1.3".into(), cipher: "TLS13_AES_256_GCM_SHA384".into(), ..Tls::default() };
                let now = world.monotonic();
                wire.to_server.clear();
                wire.conversation = wire.conversation.take().map(|conversation| conversation.secured(tls, now));
            }
        });
        wanted
    }

    /// Whether the server closed, or the client cut.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.wire).conversation.is_none()
    }

    /// The server's lines without CRLF, the last one perhaps unfinished; they are taken only by [`Self::skip_lines`].
    pub(crate) fn peek_lines(&self) -> Vec<Vec<u8>> {
        let wire = lock(&self.wire);
        let mut lines = Vec::new();
        let mut rest = wire.from_server.as_slice();
        while !rest.is_empty() {
            let end = rest.windows(2).position(|pair| pair == b"\r\n");
            let (line, after) = end.and_then(|end| rest.split_at_checked(end)).unwrap_or((rest, b""));
            lines.push(line.to_vec());
            rest = after.strip_prefix(b"\r\n").unwrap_or(after);
        }
        lines
    }

    /// Takes lines.
    pub(crate) fn skip_lines(&self, lines: usize) {
        let skipped: usize = self.peek_lines().iter().take(lines).map(|line| line.len() + 2).sum();
        let mut wire = lock(&self.wire);
        let skipped = skipped.min(wire.from_server.len());
        wire.from_server.drain(..skipped);
    }

    fn change(&self, world: &World, change: impl FnOnce(&mut Wire)) {
        let mut wire = lock(&self.wire);
        change(&mut wire);
        let waker = wire.waker.take();
        drop(wire);
        waker.into_iter().for_each(Waker::wake);
        world.run_until_stalled();
    }
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// As `net` would: work, write, read, sleep.
    fn drive(&mut self, cx: &mut Context<'_>, world: &World) -> Poll<()> {
        self.waker = Some(cx.waker().clone());
        loop {
            let now = world.monotonic();
            let Some(conversation) = &mut self.conversation else { return Poll::Ready(()) };
            conversation.advance(cx, now);
            let written = conversation.output().len();
            self.from_server.extend_from_slice(conversation.output());
            conversation.sent(written);
            assert!(self.from_server.len() <= OUTPUT_OCTETS_MAX, "the server does not come to rest");
            if written > 0 {
                continue;
            }
            match conversation.next() {
                Next::Close => self.conversation = None,
                Next::StartTls => {
                    self.to_server.clear();
                    self.tls_wanted = true;
                    return Poll::Pending;
                }
                Next::Continue if self.read(now) || self.ring(cx, world) => {}
                Next::Continue => return Poll::Pending,
            }
        }
    }

    /// Gives the server what it takes; whether anything was new to it.
    fn read(&mut self, now: Moment) -> bool {
        let Some(conversation) = &mut self.conversation else { return false };
        if self.to_server.is_empty() {
            let ends = self.ending == Ending::Wanted;
            if ends {
                conversation.input_ended(now);
                self.ending = Ending::Told;
            }
            return ends;
        }
        let taken = conversation.receive(&self.to_server, now);
        self.to_server.drain(..taken);
        taken > 0
    }

    /// Sleeps until the deadline; whether it is over.
    fn ring(&mut self, cx: &mut Context<'_>, world: &World) -> bool {
        let Some(conversation) = &mut self.conversation else { return false };
        let Some(deadline) = conversation.deadline() else {
            self.alarm = None;
            return false;
        };
        if self.alarm.as_ref().is_none_or(|(set, _)| *set != deadline) {
            self.alarm = Some((deadline, world.sleep_until(deadline)));
        }
        let rings = self.alarm.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
        if rings {
            self.alarm = None;
            conversation.expire(world.monotonic());
        }
        rings
    }
}
