//! RFC 5322 and MIME: a streaming, budgeted structure scanner, envelopes, parts, text.
//!
//! One pass over a message ([`Scanner`]) tells everything that delivery, IMAP, search and webmail want to know of its
//! structure; what comes of it is small, can be kept as a row, and says by octet ranges where the rest lies. It never
//! fails: broken mail has a structure too. Time is linear and memory bounded by a [`model::Budget`], whatever is sent.
//!
//! It does not know mailboxes, protocols or where a message is kept. Bodies are never held, also where a message is
//! rewritten on its way ([`submission`], [`downgrade`]) or written ([`report`]).
//!
//! | module | nouns |
//! |---|---|
//! | `scan` | [`Scanner`]: octets in, [`Scanned`] out |
//! | `structure`, `section` | [`Structure`], [`Part`], [`Kind`]; IMAP's part numbers: [`Structure::resolve`] |
//! | `envelope`, `address` | [`Envelope`], [`EnvelopeAddress`], [`parse_addresses`] |
//! | `ancestry` | [`IdKey`], [`ancestors`]: whom a message answers |
//! | `threading`, `date` | [`Threading`], [`base_subject`], [`SentAt`] |
//! | [`header`] | [`header::Fields`], [`header_fields`], [`header::unfold`] |
//! | [`parameter`] | [`Parameter`] with RFC 2231 |
//! | `word`, `charset` | [`decode_header`], [`header_text`], [`encode_header`]: RFC 2047; [`decode_charset`] |
//! | [`transfer`] | [`TransferEncoding`], [`decode_transfer`], [`transfer::Decoder`], [`transfer::Encoder`] |
//! | [`text`] | [`text::searchable`], [`text::contains_folded`] |
//! | [`report`] | [`report::DeliveryReport`] to a message, and [`report::parse`] (RFC 3464) |
//! | [`downgrade`] | [`downgrade::Survey`], [`downgrade::Converter`]: for next hops that lack 8BITMIME or BINARYMIME |
//! | [`submission`] | [`submission::Fixups`]: what a submitted header lacks |
//! | `row` | `encode` and `decode` of [`Structure`], [`Envelope`], [`Threading`]; [`SortFields`] |
//!
//! ```
//! use message::{Scanner, SectionKind, decode_header};
//! let mail = b"From: Anna <anna@demo.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHallo!\r\n";
//! let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
//! scanner.push(mail);
//! let scanned = scanner.finish();
//! assert_eq!(decode_header(scanned.envelope.subject.as_deref().unwrap()), "Grüße");
//! assert!(scanned.structure.root().is("text", "plain"));
//! let text = scanned.structure.resolve(&[1], SectionKind::Whole).unwrap();
//! assert_eq!(&mail[text.start as usize..text.end as usize], b"Hallo!\r\n");
//! ```

mod address;
mod ancestry;
mod charset;
mod cursor;
mod date;
pub mod downgrade;
mod envelope;
pub mod header;
pub mod parameter;
pub mod report;
mod row;
mod scan;
mod scanned;
mod section;
mod structure;
pub mod submission;
pub mod text;
mod threading;
pub mod transfer;
mod word;

pub use address::parse_addresses;
pub use ancestry::{ANCESTORS_MAX, IdKey, ancestors};
pub use charset::decode as decode_charset;
pub use date::SentAt;
pub use envelope::{Envelope, EnvelopeAddress};
pub use header::{FieldPicker, Selection, header_fields};
pub use parameter::Parameter;
pub use row::{FirstAddress, SortFields};
pub use scan::Scanner;
pub use scanned::Scanned;
pub use section::SectionKind;
pub use structure::{Disposition, Kind, Part, Structure};
pub use threading::{ThreadKey, Threading, base_subject};
pub use transfer::{TransferEncoding, UnknownEncoding, decode_transfer};
pub use word::{decode_header, encode_header, header_text};

/// Octets that are kept and not changed any more.
pub type Octets = Box<[u8]>;
