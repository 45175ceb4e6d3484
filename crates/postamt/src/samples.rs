//! The demo's sixty messages: made here from a fixed seed and the time of the start, so that they look recent and are the
//! same everywhere.

mod letters;
mod part;
mod rust_de;
mod structures;
#[cfg(test)]
mod tests;

use model::{Flag, Keyword, Timestamp};
use part::Part;
pub use part::encoded_words;

/// One message and where it lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The mailbox, `/` between levels.
    pub mailbox: &'static str,
    /// Its flags there.
    pub flags: Vec<Flag>,
    /// When it arrived.
    pub date: Timestamp,
    /// Header and body, lines ended by CRLF.
    pub octets: Vec<u8>,
}

/// All samples in the order of their arrival, the last one an hour before `now`.
pub fn samples(now: Timestamp) -> Vec<Sample> {
    let mut random = Random(0x706f_7374_616d_7401);
    let drafts = letters::all().into_iter().chain(structures::all()).chain(rust_de::all());
    let mut samples: Vec<Sample> = drafts.map(|draft| draft.finish(now, &mut random)).collect();
    samples.sort_by_key(|sample| sample.date);
    samples
}

/// Who writes.
type Person = (&'static str, &'static str);

const ANNA: Person = ("Anna Demo", "anna@demo.test");
const BEN: Person = ("Ben Demo", "ben@demo.test");

/// A sample before it has its date and Message-ID.
struct Draft {
    mailbox: &'static str,
    /// Words for flags: `seen`, `flagged`, `answered`, `draft`, or a keyword.
    flags: &'static str,
    hours_ago: u64,
    from: Person,
    to: Person,
    subject: &'static str,
    /// The charset of subject and names where they are not ASCII.
    charset: &'static str,
    /// What stands before the `@` of its Message-ID; else it is made up.
    id: Option<String>,
    /// Further fields, whole lines.
    fields: Vec<String>,
    body: Part,
}

impl Draft {
    fn new(mailbox: &'static str, flags: &'static str, hours_ago: u64, from: Person, subject: &'static str) -> Draft {
        let body = Part::text("");
        let (charset, id, fields) = ("UTF-8", None, Vec::new());
        Draft { mailbox, flags, hours_ago, from, to: ANNA, subject, charset, id, fields, body }
    }

    fn body(mut self, body: Part) -> Draft {
        self.body = body;
        self
    }

    fn field(mut self, field: impl Into<String>) -> Draft {
        self.fields.push(field.into());
        self
    }

    fn to(mut self, to: Person) -> Draft {
        self.to = to;
        self
    }

    fn charset(mut self, charset: &'static str) -> Draft {
        self.charset = charset;
        self
    }

    fn id(mut self, id: impl Into<String>) -> Draft {
        self.id = Some(id.into());
        self
    }

    fn finish(self, now: Timestamp, random: &mut Random) -> Sample {
        let minutes = random.below(60);
        let ago = i64::try_from(self.hours_ago * 3_600_000 + minutes * 60_000).unwrap_or(0);
        let date = Timestamp::from_unix_ms((now.unix_s() * 1000).saturating_sub(ago));
        let id = self.id.unwrap_or_else(|| format!("{:016x}", random.next()));
        let domain = self.from.1.rsplit('@').next().unwrap_or_default();
        let person = |(name, address): Person| format!("{} <{address}>", encoded_words(name, self.charset));
        let mut header = vec![
            format!("Date: {}", date.rfc5322()),
            format!("From: {}", person(self.from)),
            format!("To: {}", person(self.to)),
            format!("Subject: {}", encoded_words(self.subject, self.charset)),
            format!("Message-ID: <{id}@{domain}>"),
        ];
        header.extend(self.fields);
        header.push("MIME-Version: 1.0".to_owned());
        let mut octets = Vec::new();
        for line in header {
            octets.extend_from_slice(line.as_bytes());
            octets.extend_from_slice(b"\r\n");
        }
        self.body.write(&mut octets, &mut 0, random);
        Sample { mailbox: self.mailbox, flags: flags(self.flags), date, octets }
    }
}

fn flags(words: &str) -> Vec<Flag> {
    let flag = |word: &str| match word {
        "seen" => Some(Flag::Seen),
        "flagged" => Some(Flag::Flagged),
        "answered" => Some(Flag::Answered),
        "draft" => Some(Flag::Draft),
        keyword => Keyword::new(keyword).map(Flag::Keyword),
    };
    words.split_whitespace().filter_map(flag).collect()
}

/// SplitMix64: the same sequence on every machine; nothing here is secret.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
