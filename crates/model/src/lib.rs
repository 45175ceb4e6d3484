//! The nouns of mail that every other crate shares.
//!
//! It knows no protocol grammar, no store and no clock: addresses, identifiers, flags, times and budgets are values,
//! each parsed once and then impossible to get wrong; [`record`] is how they lie on disk.
//!
//! | module | nouns |
//! |---|---|
//! | [`address`] | `Domain`, `LocalPart`, `Address`, `ReversePath`, `ForwardPath` |
//! | [`id`] | `AccountId`, `MailboxId`, `EmailId`, `ThreadId`, `QueueId`, `Uid`, `UidValidity`, `ModSeq`, `SeqNum` |
//! | [`flag`] | `Flag`, `Keyword` |
//! | [`network`] | `Network`: a range of IP addresses |
//! | [`time`] | `Timestamp` (wall clock), `Moment` (monotonic) |
//! | [`budget`] | `Budget`: what a parse may cost |
//! | [`browser`] | `is_http`: who speaks is no mail client |
//! | [`quota`] | `Quota`: what an account may hold |
//! | `secret` | `Secret`: what no log shows |
//! | [`record`] | `Encoder`, `Decoder`: versioned, checksummed rows |
//!
//! ```
//! use model::{Address, Timestamp};
//! let anna: Address = "anna@Demo.TEST".parse().unwrap();
//! assert_eq!(anna.to_string(), "anna@demo.test");
//! assert_eq!(Timestamp::from_unix_ms(0).rfc5322(), "Thu, 1 Jan 1970 00:00:00 +0000");
//! ```

pub mod address;
pub mod browser;
pub mod budget;
pub mod flag;
pub mod id;
pub mod network;
pub mod quota;
pub mod record;
mod secret;
pub mod time;

pub use address::{Address, AddressError, Domain, ForwardPath, LocalPart, ReversePath};
pub use budget::{Budget, OverBudget};
pub use flag::{Flag, Keyword};
pub use id::{AccountId, EmailId, MailboxId, ModSeq, QueueId, SeqNum, ThreadId, Uid, UidValidity};
pub use network::{Network, NetworkError};
pub use quota::Quota;
pub use record::{Decoder, Encoder, RecordError};
pub use secret::Secret;
pub use time::{Moment, Timestamp};
