//! The client's side: what a server says, read as it comes.
//!
//! A [`Reader`] takes octets and gives [`Event`]s: whole responses, and the octets of a message as they pass by. It holds at
//! most one response's line, with short literals, up to [`LINE_OCTETS_MAX`]; messages stream through. It asks for nothing: what
//! a client says is [`Tagged::encode`](crate::Tagged::encode).
//!
//! ```
//! use imap::client::{Event, Reader, Response};
//! let (mut reader, mut octets) = (Reader::default(), b"* 23 EXISTS\r\na1 OK done\r\n".as_slice());
//! assert!(matches!(reader.read(&mut octets), Ok(Some(Event::Response(Response::Exists(23))))));
//! assert!(matches!(reader.read(&mut octets), Ok(Some(Event::Response(Response::Tagged { .. })))));
//! assert!(matches!(reader.read(&mut octets), Ok(None)));
//! ```

mod fetched;
mod reader;
mod response;

pub use fetched::{Fetched, Octets, SectionFetched};
pub use reader::{Event, LINE_OCTETS_MAX, ReadError, Reader};
pub use response::{Condition, Listed, Response, ResponseCode};

#[cfg(test)]
mod tests;
