//! What a service may ask of the world, as traits: the time, a pause, a task, randomness.
//!
//! It knows no runtime: `net` implements these traits on tokio, [`virtual_world`] on a clock that a test moves by hand, so
//! that everything above runs in one thread from one seed. [`Conversation`] is how a connection is driven without a socket.
//!
//! ```
//! use env::{Clock, Sleep, virtual_world::World};
//! use std::time::Duration;
//! let world = World::new(7);
//! let start = world.monotonic();
//! world.block_on(world.sleep_until(start + Duration::from_secs(3600)));
//! assert_eq!(world.monotonic() - start, Duration::from_secs(3600));
//! ```

mod conversation;
mod network;
mod turn;
pub mod virtual_net;
pub mod virtual_world;

pub use conversation::{Conversation, Next, Tls};
pub use futures_util::future::BoxFuture;
use model::{Moment, Timestamp};
pub use network::{Dialer, Mx, ResolveError, Resolver, Secured, Verify, Wire, WireError};
use std::sync::Arc;
pub use turn::yield_now;

/// Both clocks.
pub trait Clock: Send + Sync {
    /// The time of day; it may jump.
    fn wall(&self) -> Timestamp;
    /// The time by which deadlines are kept; it never jumps.
    fn monotonic(&self) -> Moment;
}

/// A pause.
pub trait Sleep: Send + Sync {
    /// Ready once the monotonic clock has reached `until`.
    fn sleep_until(&self, until: Moment) -> BoxFuture<'static, ()>;
}

/// Work beside the caller's.
pub trait Spawn: Send + Sync {
    /// Runs `task` to its end, whatever becomes of the caller.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Runs `work`, which computes long (a password's hash), on a small pool of its own.
    fn compute(&self, work: Box<dyn FnOnce() + Send>);
}

/// Randomness fit for secrets.
pub trait Random: Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}

/// The four together, for those who wire services; a service takes those it uses.
#[derive(Clone)]
pub struct Env {
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Pauses.
    pub sleep: Arc<dyn Sleep>,
    /// Tasks.
    pub spawn: Arc<dyn Spawn>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}
