//! Who may sit and wait: a flood of connections that ask for nothing must not keep out those that do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Places for connections. Once all are taken, a newcomer gets the place of whoever has been waiting longest.
#[derive(Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<Taken>>,
    max: usize,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// By the number under which each sat down, or asked last: the longest idle first.
    by_age: BTreeMap<u64, Arc<Notify>>,
}

/// One connection's place.
pub(crate) struct Seat {
    taken: Arc<Mutex<Taken>>,
    number: Mutex<u64>,
    unseated: Arc<Notify>,
}

impl Seats {
    pub(crate) fn new(max: usize) -> Seats {
        Seats { taken: Arc::default(), max }
    }

    /// A place for a newcomer.
    pub(crate) fn take(&self) -> Seat {
        let mut taken = lock(&self.taken);
        if taken.by_age.len() >= self.max
            && let Some((_, longest)) = taken.by_age.pop_first()
        {
            longest.notify_one();
        }
        let unseated = Arc::new(Notify::new());
        let number = Mutex::new(taken.sit(unseated.clone()));
        Seat { taken: self.taken.clone(), number, unseated }
    }
}

impl Taken {
    fn sit(&mut self, unseated: Arc<Notify>) -> u64 {
        self.next += 1;
        self.by_age.insert(self.next, unseated);
        self.next
    }
}

impl Seat {
    /// It has asked something: all others have been idle for longer.
    pub(crate) fn renew(&self) {
        let mut number = lock(&self.number);
        let mut taken = lock(&self.taken);
        if taken.by_age.remove(&number).is_some() {
            *number = taken.sit(self.unseated.clone());
        }
    }

    /// Waits until somebody else needs the place.
    pub(crate) async fn unseated(&self) {
        self.unseated.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let number = *lock(&self.number);
        lock(&self.taken).by_age.remove(&number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_unseated(seat: &Seat) -> bool {
        pin!(seat.unseated()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_longest_idle_goes() {
        let seats = Seats::new(2);
        let (first, second) = (seats.take(), seats.take());
        first.renew();
        let third = seats.take();
        assert_eq!([&first, &second, &third].map(is_unseated), [false, true, false]);
        second.renew();
        drop(first);
        let fourth = seats.take();
        assert_eq!([&third, &fourth].map(is_unseated), [false, false]);
        drop((second, third, fourth));
        assert!(lock(&seats.taken).by_age.is_empty());
    }
}
