//! What EHLO offers beyond RFC 5321, one file per extension that brings syntax.

pub mod auth;
pub mod body;
pub mod chunking;
pub mod dsn;
pub mod future_release;
mod limits;
pub mod size;
pub mod smtputf8;
mod xtext;

use crate::command::CommandError;
use crate::policy::{Policy, StartTls};
use crate::server::Security;
use body::BodyType;
use dsn::{Notify, OriginalRecipient, Ret};
use future_release::Hold;
use model::Timestamp;
use std::fmt;

/// The parameters of MAIL, each as its extension read it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailParams {
    /// What the client thinks the message measures, in octets (RFC 1870 §3).
    pub size_octets: Option<u64>,
    /// What kind of content it announces (RFC 6152 §2, RFC 3030 §3).
    pub body: Option<BodyType>,
    /// Whether addresses and header may be UTF-8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// What a report of failure returns of the message (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// The sender's id of this envelope, decoded; reports repeat it (RFC 3461 §4.4).
    pub envid: Option<String>,
    /// Who the client says has submitted the message, decoded; nobody believes it (RFC 4954 §5).
    pub auth: Option<String>,
    /// How long the message waits (RFC 4865 §4).
    pub hold: Option<Hold>,
}

/// The parameters of RCPT.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RcptParams {
    /// Which reports are wanted (RFC 3461 §4.1); without it those of failure, and of delay as the server likes.
    pub notify: Option<Notify>,
    /// Whom the message was for at first (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

/// A parameter may stand once.
const TWICE: CommandError = CommandError::Parameter("each parameter is given once, HOLDFOR and HOLDUNTIL count as one");

/// What a connection is like when EHLO is answered.
pub(crate) struct Situation {
    pub(crate) security: Security,
    /// Who the client is, is known already.
    pub(crate) authenticated: bool,
    /// The wall clock, if the session was told it.
    pub(crate) wall: Option<Timestamp>,
}

/// The lines of EHLO behind the host name, as they fit the connection.
pub(crate) fn offered(policy: &Policy, situation: &Situation) -> String {
    let mut lines = vec!["PIPELINING".to_owned(), format!("{} {}", size::KEYWORD, policy.size_max_octets)];
    if starts_tls(policy, situation) {
        lines.push("STARTTLS".into());
    }
    if authenticates(policy, situation) {
        let names: Vec<_> = auth::mechanisms(&policy.auth, situation.security).collect();
        lines.push(format!("{} {}", auth::KEYWORD, names.join(" ")));
    }
    let always = [body::EIGHT_BIT_MIME, body::BINARY_MIME, chunking::KEYWORD, smtputf8::KEYWORD, "ENHANCEDSTATUSCODES"];
    lines.extend(always.map(String::from));
    if policy.dsn {
        lines.push(dsn::KEYWORD.into());
    }
    if let (Some(future_release), Some(wall)) = (&policy.future_release, situation.wall) {
        lines.push(future_release.offer(wall));
    }
    lines.extend([limits::offer(policy), "HELP".into()]);
    lines.join("\n")
}

/// Whether STARTTLS would succeed.
pub(crate) fn starts_tls(policy: &Policy, situation: &Situation) -> bool {
    situation.security == Security::Clear && !situation.authenticated && policy.start_tls == StartTls::Offered
}

/// Whether AUTH may succeed.
pub(crate) fn authenticates(policy: &Policy, situation: &Situation) -> bool {
    !situation.authenticated && auth::mechanisms(&policy.auth, situation.security).next().is_some()
}

/// `KEY=value KEY …` (RFC 5321 §4.1.2 `esmtp-param`), one after the other; keys in upper case.
fn each(text: &str) -> impl Iterator<Item = (String, Option<&str>)> {
    text.split(' ').filter(|param| !param.is_empty()).map(|param| match param.split_once('=') {
        Some((key, value)) => (key.to_ascii_uppercase(), Some(value)),
        None => (param.to_ascii_uppercase(), None),
    })
}

impl MailParams {
    /// Reads `Mail-parameters`.
    pub(crate) fn parse(text: &str) -> Result<MailParams, CommandError> {
        let mut params = MailParams::default();
        for (key, value) in each(text) {
            let twice = match key.as_str() {
                size::KEYWORD => params.size_octets.replace(size::parse(value)?).is_some(),
                body::PARAMETER => params.body.replace(BodyType::parse(value)?).is_some(),
                smtputf8::KEYWORD => std::mem::replace(&mut params.smtputf8, smtputf8::parse(value)?),
                dsn::RET => params.ret.replace(Ret::parse(value)?).is_some(),
                dsn::ENVID => params.envid.replace(dsn::envelope_id(value)?).is_some(),
                auth::KEYWORD => params.auth.replace(auth::submitter(value)?).is_some(),
                future_release::HOLD_FOR => params.hold.replace(Hold::parse_for(value)?).is_some(),
                future_release::HOLD_UNTIL => params.hold.replace(Hold::parse_until(value)?).is_some(),
                _ => return Err(CommandError::ParameterUnknown(key)),
            };
            if twice {
                return Err(TWICE);
            }
        }
        Ok(params)
    }

    /// The first parameter of an extension that the policy does not offer.
    pub(crate) fn not_offered(&self, policy: &Policy, wall: Option<Timestamp>) -> Option<&'static str> {
        let dsn = (!policy.dsn).then_some(self.ret.map(|_| dsn::RET).or(self.envid.as_ref().map(|_| dsn::ENVID)));
        let auth = self.auth.as_ref().filter(|_| policy.auth == crate::Auth::NotOffered);
        let hold = self.hold.filter(|_| policy.future_release.is_none() || wall.is_none());
        let hold = hold.map(|hold| match hold {
            Hold::For(_) => future_release::HOLD_FOR,
            Hold::Until(_) => future_release::HOLD_UNTIL,
        });
        dsn.flatten().or(auth.map(|_| auth::KEYWORD)).or(hold)
    }
}

impl RcptParams {
    /// Reads `Rcpt-parameters`.
    pub(crate) fn parse(text: &str) -> Result<RcptParams, CommandError> {
        let mut params = RcptParams::default();
        for (key, value) in each(text) {
            let twice = match key.as_str() {
                dsn::NOTIFY => params.notify.replace(Notify::parse(value)?).is_some(),
                dsn::ORCPT => params.original.replace(OriginalRecipient::parse(value)?).is_some(),
                _ => return Err(CommandError::ParameterUnknown(key)),
            };
            if twice {
                return Err(TWICE);
            }
        }
        Ok(params)
    }

    /// The first parameter of an extension that the policy does not offer.
    pub(crate) fn not_offered(&self, policy: &Policy) -> Option<&'static str> {
        let given = self.notify.map(|_| dsn::NOTIFY).or(self.original.as_ref().map(|_| dsn::ORCPT));
        given.filter(|_| !policy.dsn)
    }
}

/// As behind `MAIL FROM:<…>`, each parameter with a space before it.
impl fmt::Display for MailParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size_octets {
            write!(f, " {}={size}", size::KEYWORD)?;
        }
        if let Some(body) = self.body {
            write!(f, " {}={}", body::PARAMETER, body.keyword())?;
        }
        if self.smtputf8 {
            write!(f, " {}", smtputf8::KEYWORD)?;
        }
        if let Some(ret) = self.ret {
            write!(f, " {}={}", dsn::RET, ret.keyword())?;
        }
        if let Some(envid) = &self.envid {
            write!(f, " {}={}", dsn::ENVID, xtext::encode(envid))?;
        }
        if let Some(submitter) = &self.auth {
            write!(f, " {}={}", auth::KEYWORD, xtext::encode(submitter))?;
        }
        self.hold.iter().try_for_each(|hold| write!(f, " {hold}"))
    }
}

/// As behind `RCPT TO:<…>`, each parameter with a space before it.
impl fmt::Display for RcptParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notify) = self.notify {
            write!(f, " {}={notify}", dsn::NOTIFY)?;
        }
        self.original.iter().try_for_each(|original| write!(f, " {}={original}", dsn::ORCPT))
    }
}
