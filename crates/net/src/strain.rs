//! Whether the process has more to do than it gets done: then those who can come later are asked to.

use event_listener::Event;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Between two looks, as long as anybody asks: an idle server shall sleep.
const LOOK: Duration = Duration::from_millis(20);
/// A session that is ready to go on waits so long for its turn: a whole submission then takes a third of a second. Much
/// longer, and people notice.
const DELAY_HIGH: Duration = Duration::from_millis(20);
/// One long wait is an accident, so many in a row are too much work.
const LOOKS_HIGH: u32 = 3;
/// With fewer connections it is not they who are too much.
const ROOM_MIN: usize = if cfg!(test) { 1 } else { 200 };
/// Room beyond which there is no limit.
const ROOM_MAX: usize = 1 << 20;
/// With each look that finds too much the room shrinks to a part, with each other one it grows by a part.
const SHRINK_PART: usize = 4;
const GROW_PART: usize = 32;

/// How many connections the process can work for at once: as many as come, until those wait too long who are ready to go on.
/// Clones tell the same.
#[derive(Clone, Default)]
pub struct Strain(Arc<Looks>);

struct Looks {
    /// In a row that found a long wait.
    high: AtomicU32,
    /// Connections that there is room for.
    room: AtomicUsize,
    /// Connections of the listener that asked since the last look and has most; 0 if none did.
    asked: AtomicUsize,
    /// Somebody asks again.
    woken: Event,
}

impl Default for Looks {
    fn default() -> Looks {
        let (high, room) = (AtomicU32::new(0), AtomicUsize::new(ROOM_MAX));
        Looks { high, room, asked: AtomicUsize::new(0), woken: Event::new() }
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.woken.notify(usize::MAX);
    }
}

impl Strain {
    /// Looks from now on, on this runtime, as long as anybody asks.
    pub fn watched() -> Strain {
        let strain = Strain::default();
        drop(tokio::spawn(watch(Arc::downgrade(&strain.0))));
        strain
    }

    /// Whether a listener that has so many `connections` can take one more.
    pub fn has_room(&self, connections: usize) -> bool {
        if self.0.asked.fetch_max(connections + 1, Ordering::Relaxed) == 0 {
            self.0.woken.notify(1);
        }
        connections < self.0.room.load(Ordering::Relaxed)
    }

    /// Another look; `asked` connections were there.
    pub(crate) fn note(&self, delay: Duration, asked: usize) {
        let looks = &self.0;
        let high = if delay < DELAY_HIGH { 0 } else { looks.high.load(Ordering::Relaxed).saturating_add(1) };
        looks.high.store(high, Ordering::Relaxed);
        let room = looks.room.load(Ordering::Relaxed);
        let room = match high {
            0 => (room + room / GROW_PART + 1).min(ROOM_MAX),
            1..LOOKS_HIGH => room,
            _ => {
                let used = room.min(asked);
                (used - used.div_ceil(SHRINK_PART)).max(ROOM_MIN)
            }
        };
        looks.room.store(room, Ordering::Relaxed);
    }
}

async fn watch(looks: Weak<Looks>) {
    loop {
        let Some(woken) = looks.upgrade().map(|looks| looks.woken.listen()) else { return };
        let wait = async {
            if looks.upgrade().is_some_and(|looks| looks.asked.load(Ordering::Relaxed) == 0) {
                woken.await;
            }
            tokio::time::sleep(LOOK).await;
        };
        wait.await;
        let delay = turn().await;
        let Some(looks) = looks.upgrade() else { return };
        let asked = looks.asked.swap(0, Ordering::Relaxed);
        Strain(looks).note(delay, asked);
    }
}

/// How long a task waits for its turn; it has waited then.
pub(crate) async fn turn() -> Duration {
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
    fn the_room_shrinks_when_delays_last_and_grows_when_they_do_not() {
        let strain = Strain::default();
        (1..LOOKS_HIGH).for_each(|_| strain.note(DELAY_HIGH, 1000));
        assert!(strain.has_room(10_000));
        strain.note(Duration::ZERO, 1000);
        (1..LOOKS_HIGH).for_each(|_| strain.note(DELAY_HIGH, 1000));
        assert!(strain.has_room(10_000));
        strain.note(DELAY_HIGH, 1000);
        assert!(!strain.has_room(1000), "those who are there are too many");
        assert!(strain.has_room(700));
        (0..100).for_each(|_| strain.note(DELAY_HIGH, 1000));
        assert!(strain.has_room(ROOM_MIN - 1) && !strain.has_room(ROOM_MIN));
        (0..500).for_each(|_| strain.note(Duration::from_millis(1), 1000));
        assert!(strain.has_room(10_000));
    }

    #[tokio::test]
    async fn the_watch_ends_with_the_last_who_may_ask() {
        let strain = Strain::default();
        let watch = tokio::spawn(watch(Arc::downgrade(&strain.0)));
        assert!(strain.has_room(0));
        tokio::time::sleep(5 * LOOK).await;
        drop(strain);
        watch.await.unwrap();
    }
}
