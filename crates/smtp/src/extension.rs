//! What EHLO offers beyond RFC 5321, one file per extension that brings syntax.

pub mod body;
pub mod chunking;
pub mod size;
pub mod smtputf8;

use crate::command::CommandError;
use crate::policy::{Policy, StartTls};
use body::BodyType;

/// The parameters of MAIL, each as its extension read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MailParams {
    /// What the client thinks the message measures, in octets (RFC 1870 §3).
    pub size_octets: Option<u64>,
    /// What kind of content it announces (RFC 6152 §2, RFC 3030 §3).
    pub body: Option<BodyType>,
    /// Whether addresses and header may be UTF-8 (RFC 6531 §3.4).
    pub smtputf8: bool,
}

/// The lines of EHLO behind the host name, as they fit the connection.
pub(crate) fn offered(policy: &Policy, tls_possible: bool) -> String {
    let mut lines = String::from("PIPELINING\n");
    lines.push_str(&format!("{} {}\n", size::KEYWORD, policy.size_max_octets));
    if tls_possible && policy.start_tls == StartTls::Offered {
        lines.push_str("STARTTLS\n");
    }
    for keyword in
        [body::EIGHT_BIT_MIME, body::BINARY_MIME, chunking::KEYWORD, smtputf8::KEYWORD, "ENHANCEDSTATUSCODES"]
    {
        lines.push_str(keyword);
        lines.push('\n');
    }
    lines.push_str("HELP");
    lines
}

impl MailParams {
    /// Reads `KEY=value KEY …` (RFC 5321 §4.1.2 `Mail-parameters`).
    pub(crate) fn parse(text: &str) -> Result<MailParams, CommandError> {
        let mut params = MailParams::default();
        for param in text.split(' ').filter(|param| !param.is_empty()) {
            let (key, value) = match param.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (param, None),
            };
            let twice = if key.eq_ignore_ascii_case(size::KEYWORD) {
                params.size_octets.replace(size::parse(value)?).is_some()
            } else if key.eq_ignore_ascii_case(body::PARAMETER) {
                params.body.replace(BodyType::parse(value)?).is_some()
            } else if key.eq_ignore_ascii_case(smtputf8::KEYWORD) {
                std::mem::replace(&mut params.smtputf8, smtputf8::parse(value)?)
            } else {
                return Err(CommandError::ParameterUnknown(key.into()));
            };
            if twice {
                return Err(CommandError::Parameter("a parameter is given twice"));
            }
        }
        Ok(params)
    }
}

/// As behind `MAIL FROM:<…>`, each parameter with a space before it.
impl std::fmt::Display for MailParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(size) = self.size_octets {
            write!(f, " {}={size}", size::KEYWORD)?;
        }
        if let Some(body) = self.body {
            write!(f, " {}={}", body::PARAMETER, body.keyword())?;
        }
        if self.smtputf8 {
            write!(f, " {}", smtputf8::KEYWORD)?;
        }
        Ok(())
    }
}
