//! The one signal to stop.

use event_listener::{Event, EventListener};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Tells everyone once that it is time to stop; clones are the same signal.
#[derive(Clone, Default)]
pub struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    begun: AtomicBool,
    event: Event,
}

/// Ready once the shutdown has begun.
pub struct Begun {
    signal: Shutdown,
    listener: EventListener,
}

impl Shutdown {
    /// A signal that nobody has given yet.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Begins the shutdown.
    pub fn begin(&self) {
        self.0.begun.store(true, Ordering::SeqCst);
        self.0.event.notify(usize::MAX);
    }

    /// Waits for [`begin`](Self::begin), also if it was called before.
    pub fn begun(&self) -> Begun {
        Begun { listener: self.0.event.listen(), signal: self.clone() }
    }
}

impl Future for Begun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The listener was there before the flag is read: a signal cannot pass between the two.
        if self.signal.0.begun.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        Pin::new(&mut self.listener).poll(cx)
    }
}
