use super::*;
use model::{MailboxId, UidValidity};
use proptest::prelude::*;

fn record() -> Arc<MailboxRecord> {
    Arc::new(MailboxRecord {
        id: MailboxId(1),
        name: "INBOX".into(),
        special_use: None,
        uid_validity: UidValidity(1),
        uid_next: Uid(1),
        highest_modseq: ModSeq(0),
        messages: 0,
        unseen: 1,
        deleted: 0,
        size_octets: 0,
        recent_from: Uid(1),
    })
}

fn member(uid: u32) -> Member {
    let at = Timestamp::from_unix_ms(0);
    let (email, thread) = (EmailId(u64::from(uid) + 1000), ThreadId(1));
    let (flags, modseq) = (FlagBits::NONE, ModSeq(u64::from(uid)));
    Member { uid: Uid(uid), email, thread, flags, modseq, internal_date: at, save_date: at, size_octets: 1 }
}

fn view(uids: impl IntoIterator<Item = u32>) -> View {
    let mut view = View::new(record(), Arc::default());
    uids.into_iter().for_each(|uid| view.push(member(uid)));
    view
}

/// What a change does, to a view and to a plain list.
#[derive(Clone, Debug)]
enum Change {
    Push(u32),
    Flag(usize),
    Remove(Vec<usize>),
    RemoveRun(usize, usize),
    PackTail,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        2 => (1u32..300).prop_map(Change::Push),
        3 => any::<usize>().prop_map(Change::Flag),
        2 => proptest::collection::vec(any::<usize>(), 0..20).prop_map(Change::Remove),
        2 => (any::<usize>(), 1usize..400).prop_map(|(from, len)| Change::RemoveRun(from, len)),
        1 => Just(Change::PackTail),
    ];
    proptest::collection::vec(change, 0..8)
}

type List = Vec<(Uid, FlagBits)>;

fn apply(change: &Change, view: &mut View, list: &mut List, next: &mut u32) {
    match change {
        Change::PackTail => view.pack_tail(1),
        Change::Push(n) => {
            for _ in 0..*n {
                view.push(member(*next));
                list.push((Uid(*next), FlagBits::NONE));
                *next += 1 + *next % 3;
            }
        }
        Change::Flag(at) => {
            let Some(at) = at.checked_rem(list.len()) else { return };
            let flags = if list[at].1 == FlagBits::NONE { FlagBits::SEEN } else { FlagBits::NONE };
            list[at].1 = flags;
            view.update(&[Member { flags, ..view.by_uid(list[at].0).unwrap() }]);
        }
        Change::Remove(at) => {
            let len = list.len().max(1);
            let mut uids: Vec<Uid> = at.iter().filter_map(|at| list.get(at % len)).map(|(uid, _)| *uid).collect();
            uids.sort_unstable();
            uids.dedup();
            view.remove(&uids);
            list.retain(|(uid, _)| !uids.contains(uid));
        }
        Change::RemoveRun(from, len) => {
            let from = from % list.len().max(1);
            let gone: List = list.drain(from..(from + len).min(list.len())).collect();
            view.remove(&gone.iter().map(|(uid, _)| *uid).collect::<Vec<_>>());
        }
    }
}

fn list(view: &View) -> List {
    view.iter().map(|(_, member)| (member.uid, member.flags)).collect()
}

/// A client that is told the changes.
fn told(mut known: List, changes: &ViewChanges, later: &View) -> List {
    assert!(changes.expunged.is_sorted_by(|a, b| a > b));
    changes.expunged.iter().for_each(|seq| {
        known.remove(seq.0 as usize - 1);
    });
    for uid in &changes.flags {
        let at = known.iter().position(|(known, _)| known == uid).unwrap();
        known[at].1 = later.by_uid(*uid).unwrap().flags;
    }
    let behind = later.iter().skip(known.len()).map(|(_, member)| (member.uid, member.flags));
    let came: List = behind.take(changes.appended as usize).collect();
    known.extend(came);
    known
}

proptest! {
    #[test]
    fn a_view_is_a_list_and_its_changes_lead_from_one_to_the_next(steps in proptest::collection::vec(changes(), 1..6)) {
        let (mut now, mut plain, mut next) = (view([]), List::new(), 1);
        let mut earlier: Vec<(View, List)> = vec![(now.clone(), plain.clone())];
        for step in &steps {
            step.iter().for_each(|change| apply(change, &mut now, &mut plain, &mut next));
            prop_assert_eq!(&list(&now), &plain);
            prop_assert_eq!(now.len() as usize, plain.len());
            prop_assert_eq!(now.last_uid(), plain.last().map(|(uid, _)| *uid));
            for (old, known) in &earlier {
                prop_assert_eq!(&told(known.clone(), &old.changes_to(&now), &now), &plain);
            }
            prop_assert_eq!(now.changes_to(&now), ViewChanges::default());
            earlier.push((now.clone(), plain.clone()));
        }
        for (index, (uid, _)) in plain.iter().enumerate() {
            let seq = SeqNum(index as u32 + 1);
            prop_assert_eq!(now.get(seq).map(|member| member.uid), Some(*uid));
            prop_assert_eq!(now.seq_of(*uid), Some(seq));
        }
        let count = |first, last| plain.iter().filter(|(uid, _)| (first..=last).contains(uid)).count() as u32;
        for (first, last) in [(1, 0), (2, 300), (257, 600), (300, u32::MAX), (next, u32::MAX)] {
            let (first, last) = (Uid(first), Uid(last));
            prop_assert_eq!(now.count_of(first, last), count(first, last));
            prop_assert_eq!(now.uid_range(first, last).count() as u32, count(first, last));
        }
        prop_assert!(now.get(SeqNum(0)).is_none() && now.get(SeqNum(now.len() + 1)).is_none());
        prop_assert!(now.seq_of(Uid(next)).is_none());
    }

    #[test]
    fn ranges_of_uids_are_what_a_filter_finds(gaps in proptest::collection::vec(1u32..4, 0..700), a in 0u32..1500, b in 0u32..1500) {
        let mut uid = 0;
        let uids = gaps.iter().map(|gap| { uid += gap; uid });
        let view = view(uids);
        let found: Vec<_> = view.uid_range(Uid(a), Uid(b)).map(|(seq, member)| (seq, member.uid)).collect();
        let all = view.iter().map(|(seq, member)| (seq, member.uid));
        let expected: Vec<_> = all.filter(|(_, uid)| (a..=b).contains(&uid.0)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn memberships_are_read_as_written(uid: u32, email: u64, thread: u64, bits: u128, modseq: u64, at: i64, size: u64) {
        let keyword = (0..128).find(|n| bits & (1 << n) != 0).map_or(FlagBits::NONE, |_| {
            let mut e = Encoder::default();
            e.u32(9).u128(bits);
            let octets = e.into_fields();
            FlagBits::decode(&mut Decoder::fields(&octets, 1)).unwrap()
        });
        let (internal_date, save_date) = (Timestamp::from_unix_ms(at), Timestamp::from_unix_ms(at / 2));
        let (email, thread, modseq) = (EmailId(email), ThreadId(thread), ModSeq(modseq));
        let is = Member { uid: Uid(uid), email, thread, flags: keyword, modseq, internal_date, save_date, size_octets: size };
        prop_assert_eq!(Member::decode((MailboxId(3), Uid(uid)), &is.encode(MailboxId(3))), Ok(is));
    }
}

#[test]
fn a_removal_over_several_chunks_leaves_the_others_shared() {
    let old = view(1..=1300);
    let mut new = old.clone();
    new.remove(&(300..=900).map(Uid).collect::<Vec<_>>());
    assert_eq!((new.len(), new.packed.all.len()), (699, 4));
    assert!(
        Arc::ptr_eq(&old.packed.all[0], &new.packed.all[0])
            && Arc::ptr_eq(&old.packed.all[4], &new.packed.all[3])
            && Arc::ptr_eq(&old.tail, &new.tail)
    );
    let changes = old.changes_to(&new);
    assert_eq!((changes.expunged.len(), changes.expunged[0], changes.appended), (601, SeqNum(900), 0));
}

#[test]
fn one_flag_copies_one_chunk() {
    let old = view(1..=100_000);
    let mut new = old.clone();
    new.update(&[Member { flags: FlagBits::SEEN, ..new.by_uid(Uid(77_777)).unwrap() }]);
    let copied = old.packed.all.iter().zip(&new.packed.all).filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
    assert_eq!((copied, old.changes_to(&new).flags), (1, vec![Uid(77_777)]));
}

#[test]
fn flags_that_were_told_are_known() {
    let old = view(1..=300);
    let mut later = old.clone();
    for uid in [5, 200] {
        later.update(&[Member { flags: FlagBits::SEEN, ..later.by_uid(Uid(uid)).unwrap() }]);
    }
    later.remove(&[Uid(7)]);
    let known = old.with_flags_of([Uid(5), Uid(7)], &later);
    assert_eq!(
        known.changes_to(&later),
        ViewChanges { expunged: vec![SeqNum(7)], flags: vec![Uid(200)], ..ViewChanges::default() }
    );
}

#[test]
fn a_view_knows_of_its_kin_but_not_of_strangers() {
    let first = view(1..=3);
    assert!(!first.has_others());
    let mut second = first.clone();
    second.push(member(4));
    assert!(first.has_others() && second.has_others());
    drop(first);
    assert!(!second.has_others());
}
