//! The record codec: a row of any octets gives values or an error, and values survive being written again.
//!
//! The octets up to the first 0xff say which fields are asked for; the rest are the row's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Decoder, Encoder, RecordError};

fuzz_target!(|input: &[u8]| {
    if let Ok(d) = Decoder::new(input, 9) {
        assert!(d.version() <= 9);
    }
    let (asked, octets) = input.iter().position(|&b| b == 0xff).map_or((input, &[][..]), |at| input.split_at(at));
    let octets = octets.get(1..).unwrap_or_default();
    let values = read(asked, &mut Decoder::fields(octets, 1));
    let row = written(&values);
    assert!(row.len() <= octets.len() + 5, "nothing is read twice, and no form is shorter than ours");
    let mut d = Decoder::new(&row, 1).expect("we wrote it");
    assert_eq!(read(&asked[..values.len()], &mut d), values);
    assert!(d.is_empty() && d.version() == 1);
    damaged(row, asked);
    largest(octets);
});

#[derive(PartialEq, Debug)]
enum Value<'a> {
    U64(u64),
    U32(u32),
    Count(usize),
    U128(u128),
    I64(i64),
    Bytes(&'a [u8]),
    Str(&'a str),
    Option(Option<&'a [u8]>),
}

/// The values up to the first error.
fn read<'a>(asked: &[u8], d: &mut Decoder<'a>) -> Vec<Value<'a>> {
    let values = asked.iter().map(|kind| {
        Ok::<_, RecordError>(match kind % 8 {
            0 => Value::U64(d.u64()?),
            1 => Value::U32(d.u32()?),
            2 => Value::Count(d.usize()?),
            3 => Value::U128(d.u128()?),
            4 => Value::I64(d.i64()?),
            5 => Value::Bytes(d.bytes()?),
            6 => Value::Str(d.str()?),
            _ => Value::Option(d.option()?),
        })
    });
    values.map_while(Result::ok).collect()
}

fn written(values: &[Value<'_>]) -> Vec<u8> {
    let mut e = Encoder::new(1);
    for value in values {
        match value {
            Value::U64(n) => e.u64(*n),
            Value::U32(n) => e.u32(*n),
            Value::Count(n) => e.usize(*n),
            Value::U128(n) => e.u128(*n),
            Value::I64(n) => e.i64(*n),
            Value::Bytes(octets) => e.bytes(octets),
            Value::Str(text) => e.str(text),
            Value::Option(octets) => e.option(*octets),
        };
    }
    e.finish()
}

/// Numbers of any size, which few octets decode to.
fn largest(octets: &[u8]) {
    for octets in octets.as_chunks::<16>().0 {
        let n = u128::from_le_bytes(*octets);
        let mut e = Encoder::default();
        e.u64(n as u64).i64(n as i64).u128(n).u32(n as u32);
        let fields = e.into_fields();
        let mut d = Decoder::fields(&fields, 1);
        assert_eq!((d.u64(), d.i64()), (Ok(n as u64), Ok(n as i64)));
        assert_eq!((d.u128(), d.u32(), d.is_empty()), (Ok(n), Ok(n as u32), true));
    }
}

/// One octet wrong is never taken for a row.
fn damaged(mut row: Vec<u8>, asked: &[u8]) {
    let at = asked.iter().fold(0, |sum, &b| sum + usize::from(b)) % row.len();
    row[at] ^= asked.len() as u8 | 1;
    assert_eq!(Decoder::new(&row, 1).err(), Some(RecordError::Checksum));
}
