//! Members that seldom change, in some 17 octets each instead of 96: column by column, each value as what it is above the
//! column's least. One can be looked up without unpacking the others; and what lies in memory is what a sealed view's rows
//! hold.

use super::Member;
use crate::flags::FlagBits;
use model::{Decoder, EmailId, Encoder, ModSeq, RecordError, ThreadId, Timestamp, Uid};

/// UID, email, thread, system flags, keywords (two), MODSEQ, both dates, size.
const COLUMNS: usize = 10;
/// That of the system flags.
const SYSTEM: usize = 3;

/// Members in ascending order of their UIDs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Packed {
    len: u16,
    columns: [Column; COLUMNS],
    octets: Box<[u8]>,
}

/// Where a column lies, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Column {
    least: u64,
    at: u16,
    /// Octets of each value, 0 to 8.
    width: u8,
}

/// Most that one holds: what keeps every place within it below 2^16.
pub(super) const MEMBERS_MAX: usize = 512;
const _: () = assert!(MEMBERS_MAX * COLUMNS * 8 <= u16::MAX as usize);

impl Packed {
    /// Of at most [`MEMBERS_MAX`] members, and at least one.
    pub fn new(members: &[Member]) -> Packed {
        assert!((1..=MEMBERS_MAX).contains(&members.len()), "a chunk is bounded");
        let (mut columns, mut octets) = ([Column::default(); COLUMNS], Vec::new());
        for (number, column) in columns.iter_mut().enumerate() {
            let values = || members.iter().map(|member| value(member, number));
            let least = values().min().unwrap_or(0);
            let span = values().max().unwrap_or(0) - least;
            let width = (u64::BITS - span.leading_zeros()).div_ceil(8) as u8;
            *column = Column { least, at: octets.len() as u16, width };
            for value in values() {
                octets.extend((value - least).to_le_bytes().into_iter().take(width.into()));
            }
        }
        Packed { len: members.len() as u16, columns, octets: octets.into() }
    }

    pub fn len(&self) -> usize {
        self.len.into()
    }

    pub fn get(&self, index: usize) -> Option<Member> {
        (index < self.len()).then(|| {
            let [uid, email, thread, system, low, high, modseq, internal, save, size] =
                std::array::from_fn(|column| self.value(column, index));
            Member {
                uid: Uid(uid as u32),
                email: EmailId(email),
                thread: ThreadId(email.wrapping_sub(unfolded(thread) as u64)),
                flags: FlagBits::from_words(system as u8, [low, high]),
                modseq: ModSeq(modseq),
                internal_date: Timestamp::from_unix_ms(unfolded(internal)),
                save_date: Timestamp::from_unix_ms(unfolded(save)),
                size_octets: size,
            }
        })
    }

    pub fn uid(&self, index: usize) -> Option<Uid> {
        (index < self.len()).then(|| Uid(self.value(0, index) as u32))
    }

    /// Where `uid` is, or would be.
    pub fn find(&self, uid: Uid) -> Result<usize, usize> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if self.uid(middle).is_some_and(|other| other < uid) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        if self.uid(from) == Some(uid) { Ok(from) } else { Err(from) }
    }

    /// The first without all of `flags`, which are system flags.
    pub fn first_without(&self, flags: FlagBits) -> Option<usize> {
        let (wanted, _) = flags.words();
        let has = |index| self.value(SYSTEM, index) as u8 & wanted == wanted;
        match self.columns.get(SYSTEM).map(|column| column.width) {
            Some(0) => (!has(0)).then_some(0),
            _ => (0..self.len()).find(|index| !has(*index)),
        }
    }

    fn value(&self, column: usize, index: usize) -> u64 {
        let Some(column) = self.columns.get(column) else { return 0 };
        let (at, width) = (usize::from(column.at), usize::from(column.width));
        let octets = self.octets.get(at + index * width..).unwrap_or_default();
        let mut value = [0; 8];
        value.iter_mut().zip(octets).take(width).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(value).wrapping_add(column.least)
    }

    pub fn encode_into(&self, e: &mut Encoder) {
        e.u32(self.len.into());
        for column in &self.columns {
            e.u64(column.least).u32(column.width.into());
        }
        e.bytes(&self.octets);
    }

    pub fn decode_from(d: &mut Decoder<'_>) -> Result<Packed, RecordError> {
        let len = u16::try_from(d.u32()?).ok().filter(|len| (1..=MEMBERS_MAX as u16).contains(len));
        let len = len.ok_or(RecordError::Value)?;
        let (mut columns, mut at) = ([Column::default(); COLUMNS], 0);
        for column in &mut columns {
            let (least, width) = (d.u64()?, d.u32()?);
            let width = u8::try_from(width).ok().filter(|width| *width <= 8).ok_or(RecordError::Value)?;
            *column = Column { least, at, width };
            at += u16::from(width) * len;
        }
        let octets: Box<[u8]> = d.bytes()?.into();
        let packed = Packed { len, columns, octets };
        let ascends = (1..packed.len()).all(|index| packed.uid(index - 1) < packed.uid(index));
        if packed.octets.len() == usize::from(at) && ascends { Ok(packed) } else { Err(RecordError::Value) }
    }
}

/// What stands in a column for a member.
fn value(member: &Member, column: usize) -> u64 {
    let (system, [low, high]) = member.flags.words();
    match column {
        0 => member.uid.0.into(),
        1 => member.email.0,
        // Most begin one: then it is the email's.
        2 => folded(member.email.0.wrapping_sub(member.thread.0) as i64),
        SYSTEM => system.into(),
        4 => low,
        5 => high,
        6 => member.modseq.0,
        7 => folded(member.internal_date.unix_ms()),
        8 => folded(member.save_date.unix_ms()),
        _ => member.size_octets,
    }
}

/// Signed numbers in the order of unsigned ones.
fn folded(value: i64) -> u64 {
    (value as u64) ^ (1 << 63)
}

fn unfolded(value: u64) -> i64 {
    (value ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member() -> impl Strategy<Value = Member> {
        let numbers = prop_oneof![any::<(u64, u64, u64, u64)>(), (0..9u64, 0..9u64, 0..300u64, 0..70_000u64)];
        let flags = prop_oneof![Just((0, [0, 0])), (0..32u8, any::<[u64; 2]>())];
        (numbers, any::<(i64, i64)>(), flags).prop_map(
            |((email, thread, modseq, size), (date, saved), (system, words))| Member {
                uid: Uid(0),
                email: EmailId(email),
                thread: ThreadId(thread),
                flags: FlagBits::from_words(system, words),
                modseq: ModSeq(modseq),
                internal_date: Timestamp::from_unix_ms(date),
                save_date: Timestamp::from_unix_ms(saved),
                size_octets: size,
            },
        )
    }

    fn unpacked(packed: &Packed) -> Vec<Member> {
        (0..packed.len()).filter_map(|index| packed.get(index)).collect()
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(members in proptest::collection::vec(member(), 1..40), step in 1..100_000_000u32) {
            let with_uid = |(n, member): (usize, Member)| Member { uid: Uid((n as u32 + 1) * step), ..member };
            let members: Vec<_> = members.into_iter().enumerate().map(with_uid).collect();
            let packed = Packed::new(&members);
            prop_assert_eq!(&unpacked(&packed), &members);
            prop_assert_eq!(packed.uid(members.len()), None);
            let unseen = members.iter().position(|member| !member.flags.contains(FlagBits::SEEN));
            prop_assert_eq!(packed.first_without(FlagBits::SEEN), unseen);
            let mut e = Encoder::new(1);
            packed.encode_into(&mut e);
            let row = e.finish();
            prop_assert_eq!(Packed::decode_from(&mut Decoder::new(&row, 1).unwrap()), Ok(packed));
        }

        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Packed::decode_from(&mut Decoder::fields(&octets, 1)).map(|packed| unpacked(&packed));
        }
    }
}
