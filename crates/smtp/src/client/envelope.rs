//! What is to be sent to whom, checked before a word of it is said, and printed.

use super::extensions::Extensions;
use crate::extension::body::BodyType;
use model::{ForwardPath, ReversePath};
use std::fmt::Write;

/// Recipients of one transaction: RFC 5321 §4.5.3.1.8 lets a server stop at 100, so more than ten times that is a mistake.
const RECIPIENTS_MAX: usize = 1024;

/// RFC 3461 §4.4.
const ENVID_OCTETS_MAX: usize = 100;

/// RFC 3461 §4.2.
const ORCPT_OCTETS_MAX: usize = 500;

/// `SUCCESS,FAILURE,DELAY` and room.
const NOTIFY_OCTETS_MAX: usize = 28;

/// One message for some recipients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// Where failures go.
    pub reverse_path: ReversePath,
    /// Parameters of MAIL.
    pub options: MailOptions,
    /// At least one, at most 1024; their places are the ordinals in events.
    pub recipients: Vec<Recipient>,
    /// How the message goes over the wire.
    pub framing: Framing,
}

/// How the end of a message is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// DATA, or BDAT if the content is BINARYMIME.
    #[default]
    Data,
    /// BDAT (RFC 3030), which the server must offer.
    Bdat,
}

/// Parameters of MAIL. Those whose extension is not offered are left out, except that SMTPUTF8 and BINARYMIME fail the
/// transaction: without them it would be another message. What to do without 8BITMIME or DSN is decided above.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailOptions {
    /// RFC 1870.
    pub size: Option<u64>,
    /// RFC 6152, RFC 3030.
    pub body: Option<BodyType>,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// RFC 3461 §4.4, as xtext.
    pub envid: Option<String>,
}

/// What a report returns of the message (RFC 3461 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// One recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// Whom RCPT names.
    pub path: ForwardPath,
    /// RFC 3461 §4.1, as `NEVER` or `SUCCESS,FAILURE`.
    pub notify: Option<String>,
    /// RFC 3461 §4.2, as `rfc822;xtext`.
    pub orcpt: Option<String>,
}

/// Why something was not sent; nothing of it was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsendable {
    /// [`Session::is_idle`](super::Session::is_idle) does not hold.
    #[error("the connection is busy or closed")]
    Busy,
    /// Nobody to send it to.
    #[error("no recipient")]
    NoRecipient,
    /// More than 1024.
    #[error("too many recipients for one transaction")]
    TooManyRecipients,
    /// A value that could not be told from other parts of the line, or is too long.
    #[error("the value of {0} cannot be sent")]
    Value(&'static str),
    /// An address beyond ASCII without SMTPUTF8 (RFC 6531 §3.2).
    #[error("an address beyond ASCII needs SMTPUTF8")]
    NotAscii,
    /// The server lacks what the message cannot do without.
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
}

impl Recipient {
    /// Without parameters.
    pub fn new(path: ForwardPath) -> Recipient {
        Recipient { path, notify: None, orcpt: None }
    }

    /// The line of RCPT without its CRLF.
    pub(super) fn line(&self, extensions: &Extensions) -> String {
        let mut line = format!("RCPT TO:<{}>", self.path);
        if extensions.dsn {
            add(&mut line, "NOTIFY", self.notify.as_ref());
            add(&mut line, "ORCPT", self.orcpt.as_ref());
        }
        line
    }

    fn check(&self, options: &MailOptions) -> Result<(), Unsendable> {
        if let ForwardPath::Address(address) = &self.path
            && !address.is_ascii()
            && !options.smtputf8
        {
            return Err(Unsendable::NotAscii);
        }
        let notify = |b: u8| b.is_ascii_alphabetic() || b == b',';
        value("NOTIFY", self.notify.as_ref(), NOTIFY_OCTETS_MAX, notify)?;
        value("ORCPT", self.orcpt.as_ref(), ORCPT_OCTETS_MAX, is_xchar)
    }
}

impl Transaction {
    /// With DATA and without parameters.
    pub fn new(reverse_path: ReversePath, recipients: Vec<Recipient>) -> Transaction {
        Transaction { reverse_path, options: MailOptions::default(), recipients, framing: Framing::Data }
    }

    /// Whether the content's octets go out unchanged.
    pub(super) fn is_binary(&self) -> bool {
        self.options.body == Some(BodyType::BinaryMime)
    }

    /// Whether BDAT is used.
    pub(super) fn is_chunked(&self) -> bool {
        self.framing == Framing::Bdat || self.is_binary()
    }

    pub(super) fn check(&self, extensions: &Extensions) -> Result<(), Unsendable> {
        let offered = |is, name| if is { Ok(()) } else { Err(Unsendable::NotOffered(name)) };
        if self.recipients.is_empty() {
            return Err(Unsendable::NoRecipient);
        }
        if self.recipients.len() > RECIPIENTS_MAX {
            return Err(Unsendable::TooManyRecipients);
        }
        if let ReversePath::Address(address) = &self.reverse_path
            && !address.is_ascii()
            && !self.options.smtputf8
        {
            return Err(Unsendable::NotAscii);
        }
        offered(extensions.smtputf8 || !self.options.smtputf8, "SMTPUTF8")?;
        offered(extensions.binarymime || !self.is_binary(), "BINARYMIME")?;
        offered(extensions.chunking || !self.is_chunked(), "CHUNKING")?;
        value("ENVID", self.options.envid.as_ref(), ENVID_OCTETS_MAX, is_xchar)?;
        self.recipients.iter().try_for_each(|recipient| recipient.check(&self.options))
    }

    /// The line of MAIL without its CRLF.
    pub(super) fn mail_line(&self, extensions: &Extensions) -> String {
        let mut line = format!("MAIL FROM:{}", self.reverse_path);
        let options = &self.options;
        if extensions.size.is_some() {
            add(&mut line, "SIZE", options.size);
        }
        if extensions.eight_bit_mime || self.is_binary() {
            add(&mut line, "BODY", options.body.map(BodyType::keyword));
        }
        if options.smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        if extensions.dsn {
            add(&mut line, "RET", options.ret.map(Ret::keyword));
            add(&mut line, "ENVID", options.envid.as_ref());
        }
        line
    }
}

impl Ret {
    fn keyword(self) -> &'static str {
        match self {
            Ret::Full => "FULL",
            Ret::Headers => "HDRS",
        }
    }
}

fn add(line: &mut String, name: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        // Writing to a string cannot fail.
        let _ = write!(line, " {name}={value}");
    }
}

/// RFC 3461 §4 `xchar` and the `+` of `hexchar`: no space, no control, no `=`, ASCII.
fn is_xchar(b: u8) -> bool {
    (b'!'..=b'~').contains(&b) && b != b'='
}

fn value(name: &'static str, value: Option<&String>, max: usize, allowed: fn(u8) -> bool) -> Result<(), Unsendable> {
    let fits = |value: &String| (1..=max).contains(&value.len()) && value.bytes().all(allowed);
    if value.is_none_or(fits) { Ok(()) } else { Err(Unsendable::Value(name)) }
}
