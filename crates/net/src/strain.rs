//! Whether the process has more to do than it gets done: then those who can come later are asked to.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// The same while nobody asks: an idle server shall sleep.
const LOOK_IDLE: Duration = Duration::from_secs(1);
/// A session that is ready to go on waits so long for its turn: a whole submission then takes a third of a second. Much
/// longer, and people notice.
const DELAY_HIGH: Duration = Duration::from_millis(30);
/// One long wait is an accident, so many in a row are too much work.
const LOOKS_HIGH: u32 = 3;

/// How long those wait who are ready to go on; clones tell the same.
#[derive(Clone, Default)]
pub struct Strain(Arc<Looks>);

#[derive(Default)]
struct Looks {
    /// In a row that found a long wait.
    high: AtomicU32,
    /// Since the last look.
    is_asked: AtomicBool,
}

impl Strain {
    /// Looks from now on, on this runtime, as long as anybody asks.
    pub fn watched() -> Strain {
        let strain = Strain::default();
        drop(tokio::spawn(watch(Arc::downgrade(&strain.0))));
        strain
    }

    /// Whether it is too much.
    pub fn is_high(&self) -> bool {
        self.0.is_asked.store(true, Ordering::Relaxed);
        self.0.high.load(Ordering::Relaxed) >= LOOKS_HIGH
    }

    /// Another look.
    pub(crate) fn note(&self, delay: Duration) {
        let high = if delay < DELAY_HIGH { 0 } else { self.0.high.load(Ordering::Relaxed).saturating_add(1) };
        self.0.high.store(high, Ordering::Relaxed);
    }
}

async fn watch(looks: Weak<Looks>) {
    let mut pause = LOOK_IDLE;
    loop {
        tokio::time::sleep(pause).await;
        let delay = delay().await;
        let Some(looks) = looks.upgrade() else { return };
        pause = if looks.is_asked.swap(false, Ordering::Relaxed) { LOOK } else { LOOK_IDLE };
        Strain(looks).note(delay);
    }
}

/// How long a task waits for its turn.
async fn delay() -> Duration {
    let begun = Instant::now();
    let turn = tokio::spawn(async move { begun.elapsed() });
    // A worker runs next what was spawned last: behind another one, the first is where all wait.
    drop(tokio::spawn(async {}));
    turn.await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_high_when_delays_last_and_over_at_once() {
        let strain = Strain::default();
        (1..LOOKS_HIGH).for_each(|_| strain.note(DELAY_HIGH));
        assert!(!strain.is_high());
        strain.note(Duration::ZERO);
        (1..LOOKS_HIGH).for_each(|_| strain.note(DELAY_HIGH));
        assert!(!strain.is_high());
        strain.note(DELAY_HIGH);
        assert!(strain.is_high());
        strain.note(Duration::from_millis(1));
        assert!(!strain.is_high());
    }
}
