use super::*;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_700_000_000_000 + seconds * 1000)
}

fn key(id: u64, ordinal: u32) -> DeliveryKey {
    DeliveryKey { id: QueueId(id), ordinal }
}

fn remote(name: &str) -> Destination {
    Destination::Remote(name.into())
}

fn never() -> Timestamp {
    at(1_000_000)
}

fn grant(schedule: &mut Schedule, now: i64) -> Option<Grant> {
    match schedule.next(at(now))? {
        Work::Attempt(grant) => Some(grant),
        Work::Overdue(key) => panic!("{key:?} is overdue"),
    }
}

/// The attempt took what it was given.
fn done(schedule: &mut Schedule, grant: &Grant, now: i64) {
    grant.keys.iter().for_each(|key| assert!(schedule.remove(*key)));
    schedule.finished(grant.token, &Health::Reachable, at(now), 0);
}

#[test]
fn the_recipients_of_a_message_go_together() {
    let mut schedule = Schedule::new(ScheduleLimits::default());
    for ordinal in 0..150 {
        schedule.put(key(1, ordinal), remote(if ordinal % 3 == 0 { "a.test" } else { "b.test" }), at(0), never());
    }
    let grants: Vec<_> = std::iter::from_fn(|| grant(&mut schedule, 0)).collect();
    let of = |name| grants.iter().filter(|g| g.destination == remote(name)).map(|g| g.keys.len()).sum::<usize>();
    assert_eq!((of("a.test"), of("b.test"), grants.len()), (50, 100, 2));
}

#[test]
fn limits_change_while_it_works() {
    let one = ScheduleLimits { at_once_max: 1, ..ScheduleLimits::default() };
    let mut schedule = Schedule::new(one);
    (0..3).for_each(|id| schedule.put(key(id, 0), remote(&format!("d{id}.test")), at(0), never()));
    assert!(grant(&mut schedule, 0).is_some() && grant(&mut schedule, 0).is_none());
    schedule.set_limits(ScheduleLimits { at_once_max: 2, ..one });
    let second = grant(&mut schedule, 0).unwrap();
    schedule.set_limits(one);
    done(&mut schedule, &second, 0);
    assert_eq!(grant(&mut schedule, 0), None, "the first is still under way");
}

#[test]
fn a_long_queue_does_not_hold_up_others() {
    let mut schedule = Schedule::new(ScheduleLimits { at_once_max: 1, ..ScheduleLimits::default() });
    (0..100).for_each(|id| schedule.put(key(id, 0), remote("busy.test"), at(0), never()));
    schedule.put(key(200, 0), remote("other.test"), at(5), never());
    let first = grant(&mut schedule, 10).unwrap();
    assert_eq!(first.destination, remote("busy.test"));
    assert_eq!(grant(&mut schedule, 10), None, "one at once");
    first.keys.iter().for_each(|key| assert!(schedule.remove(*key)));
    schedule.finished(first.token, &Health::Reachable, at(10), 0);
    assert_eq!(grant(&mut schedule, 10).unwrap().destination, remote("other.test"));
}

#[test]
fn slow_attempts_give_their_places_back() {
    let mut schedule = Schedule::new(ScheduleLimits { at_once_max: 2, slow_max: 3, ..ScheduleLimits::default() });
    (0..10).for_each(|id| schedule.put(key(id, 0), remote(&format!("d{id}.test")), at(0), never()));
    let count = |schedule: &mut Schedule, now| std::iter::from_fn(|| grant(schedule, now)).count();
    assert_eq!(count(&mut schedule, 0), 2);
    assert_eq!(schedule.next_wake(), Some(at(1)), "then the two are slow");
    assert_eq!(count(&mut schedule, 0), 0);
    assert_eq!(count(&mut schedule, 1), 2);
    assert_eq!(count(&mut schedule, 20), 0, "four are slow, and three may be");
}

#[test]
fn a_dead_destination_costs_one_attempt_now_and_then() {
    let mut schedule = Schedule::new(ScheduleLimits::default());
    (0..1000).for_each(|id| schedule.put(key(id, 0), remote("dead.test"), at(0), never()));
    let mut attempts = 0;
    for now in (0..24 * 3600).step_by(10) {
        while let Some(granted) = grant(&mut schedule, now) {
            attempts += 1;
            for key in &granted.keys {
                schedule.put(*key, remote("dead.test"), at(now) + retry_pause(1, 0), never());
            }
            schedule.finished(granted.token, &Health::Unreachable("refused".into()), at(now), 0);
        }
    }
    assert!((24..=34).contains(&attempts), "{attempts} in a day");
    assert_eq!(&*schedule.closed(&remote("dead.test")).unwrap().cause, "refused");
    schedule.reopen(&remote("dead.test"));
    assert!(grant(&mut schedule, 24 * 3600).is_some());
}

#[test]
fn connections_grow_with_success_and_shrink_with_failure() {
    let mut schedule = Schedule::new(ScheduleLimits::default());
    (0..200).for_each(|id| schedule.put(key(id, 0), remote("a.test"), at(0), never()));
    let take = |schedule: &mut Schedule, now| std::iter::from_fn(|| grant(schedule, now)).collect::<Vec<_>>();
    let first = take(&mut schedule, 0);
    assert_eq!(first.len(), WINDOW_FIRST);
    first.iter().for_each(|grant| done(&mut schedule, grant, 1));
    let second = take(&mut schedule, 1);
    assert_eq!(second.len(), WINDOW_FIRST + first.len());
    for granted in &second {
        granted.keys.iter().for_each(|key| schedule.postpone(*key, at(2)));
        schedule.finished(granted.token, &Health::Unreachable("down".into()), at(2), 0);
    }
    assert_eq!(take(&mut schedule, 61), []);
    assert_eq!(take(&mut schedule, 62).len(), 1, "a minute later, one");
}

#[test]
fn overdue_is_told_once_and_never_of_what_is_under_way() {
    let mut schedule = Schedule::new(ScheduleLimits::default());
    schedule.put(key(1, 0), remote("a.test"), at(100), at(50));
    assert_eq!(schedule.next(at(49)), None);
    assert_eq!(schedule.next_wake(), Some(at(50)));
    assert_eq!(schedule.next(at(50)), Some(Work::Overdue(key(1, 0))));
    assert_eq!(schedule.next(at(1000)), None, "whoever was told has to put it back");
    schedule.put(key(1, 0), remote("a.test"), at(100), at(2000));
    let granted = grant(&mut schedule, 1000).unwrap();
    assert_eq!(schedule.next(at(3000)), None);
    schedule.put(key(1, 0), remote("a.test"), at(4000), at(2000));
    schedule.finished(granted.token, &Health::Reachable, at(3000), 0);
    assert_eq!(schedule.next(at(3000)), Some(Work::Overdue(key(1, 0))));
}

#[test]
fn what_should_have_been_tried_long_ago_gets_its_turn_first() {
    let hours = |n: u64| at(0) + n as u32 * PATIENCE;
    let mut schedule = Schedule::new(ScheduleLimits { at_once_max: 0, ..ScheduleLimits::default() });
    schedule.put(key(1, 0), remote("a.test"), hours(1), hours(2));
    schedule.put(key(2, 0), remote("b.test"), hours(9), hours(9));
    assert_eq!(schedule.next(hours(9)), Some(Work::Overdue(key(2, 0))), "it was due just now");
    assert_eq!((schedule.next(hours(9)), schedule.next_wake()), (None, Some(hours(10))));
    assert_eq!(schedule.next(hours(10)), Some(Work::Overdue(key(1, 0))), "it had its hour");
}

#[test]
fn what_is_held_waits_for_its_release() {
    let mut schedule = Schedule::new(ScheduleLimits::default());
    schedule.hold(key(1, 0), remote("a.test"));
    assert_eq!((schedule.next(never()), schedule.next_wake(), schedule.len()), (None, None, 1));
    assert!(schedule.take(key(1, 0)));
    schedule.put(key(1, 0), remote("a.test"), at(7), never());
    assert!(grant(&mut schedule, 7).is_some());
    assert!(!schedule.take(key(1, 0)), "it is under way");
}

#[test]
fn a_rate_spaces_messages() {
    let mut schedule = Schedule::new(ScheduleLimits { rate_per_minute: Some(6), ..ScheduleLimits::default() });
    (0..100).for_each(|id| schedule.put(key(id, 0), remote("a.test"), at(0), never()));
    let mut sent = 0;
    for now in 0..60 {
        while let Some(granted) = grant(&mut schedule, now) {
            sent += 1;
            done(&mut schedule, &granted, now);
        }
    }
    assert_eq!(sent, 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens in whatever order, each delivery is done once, and all are done in the end.
    #[test]
    fn nothing_is_forgotten_or_done_twice(
        deliveries in prop::collection::vec((0u64..20, 0u32..3, 0usize..5, 0i64..100), 1..60),
        fates in prop::collection::vec(0u8..4, 400),
    ) {
        let mut schedule = Schedule::new(ScheduleLimits { at_once_max: 3, slow_max: 2, ..ScheduleLimits::default() });
        let mut open = BTreeSet::new();
        for (id, ordinal, lane, due) in deliveries {
            open.insert(key(id, ordinal));
            schedule.put(key(id, ordinal), remote(&format!("d{lane}.test")), at(due), never());
        }
        prop_assert_eq!(schedule.len(), open.len());
        let mut fates = fates.into_iter();
        let mut now = 0;
        let mut running: Vec<Grant> = Vec::new();
        while !open.is_empty() && now < 500_000 {
            while let Some(granted) = grant(&mut schedule, now) {
                for key in &granted.keys {
                    prop_assert!(open.contains(key) && !running.iter().any(|other| other.keys.contains(key)));
                }
                running.push(granted);
            }
            now += 7;
            if let Some(granted) = running.pop() {
                let fate = fates.next().unwrap_or(0);
                let health = if fate == 3 { Health::Unreachable("x".into()) } else { Health::Reachable };
                for one in &granted.keys {
                    if fate >= 2 {
                        schedule.put(*one, granted.destination.clone(), at(now + 30), never());
                    } else {
                        prop_assert!(schedule.remove(*one) && open.remove(one));
                    }
                }
                schedule.finished(granted.token, &health, at(now), 0);
            } else if let Some(wake) = schedule.next_wake() {
                now = now.max((wake.unix_ms() - at(0).unix_ms()) / 1000);
            }
        }
        prop_assert_eq!((open.len(), schedule.len()), (0, 0));
        prop_assert_eq!(schedule.destinations().count(), 0, "empty lanes go");
    }
}
