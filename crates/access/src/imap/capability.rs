//! CAPABILITY (RFC 9051 §6.1.1): what works and is tested, nothing else.

use super::policy::{ImapPolicy, PlaintextLogin, TlsOffer};
use sasl::Mechanism;

macro_rules! with_extensions {
    ($first:literal) => {
        concat!(
            $first,
            " BINARY",
            " CHILDREN",
            " CONDSTORE",
            " CREATE-SPECIAL-USE",
            " ENABLE",
            " ESEARCH",
            " ESORT",
            " I18NLEVEL=1",
            " ID",
            " IDLE",
            " LIST-EXTENDED",
            " LIST-STATUS",
            " LITERAL+",
            " MOVE",
            " MULTIAPPEND",
            " NAMESPACE",
            " OBJECTID",
            " PARTIAL",
            " PREVIEW",
            " QUOTA",
            " QUOTA=RES-MESSAGE",
            " QUOTA=RES-STORAGE",
            " QRESYNC",
            " REPLACE",
            " SASL-IR",
            " SAVEDATE",
            " SEARCHRES",
            " SORT",
            " SORT=DISPLAY",
            " SPECIAL-USE",
            " STATUS=SIZE",
            " THREAD=ORDEREDSUBJECT",
            " THREAD=REFERENCES",
            " UIDPLUS",
            " UNSELECT",
            " UTF8=ACCEPT",
            " WITHIN",
        )
    };
}

/// What a connection may do as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub policy: &'a ImapPolicy,
    /// What protects it.
    pub encrypted: bool,
    /// Whether SASL can bind to that.
    pub bindable: bool,
    /// Whether COMPRESS works.
    pub compressed: bool,
}

impl Situation<'_> {
    /// Whether passwords are taken.
    pub fn may_log_in(&self) -> bool {
        self.encrypted || self.policy.plaintext_login == PlaintextLogin::Allowed
    }

    /// Whether STARTTLS makes sense.
    pub fn may_start_tls(&self) -> bool {
        !self.encrypted && self.policy.tls == TlsOffer::StartTls
    }

    /// What AUTHENTICATE takes.
    pub fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let fits = |mechanism: &Mechanism| {
            *mechanism != Mechanism::Login && (self.bindable || !mechanism.wants_binding()) && self.may_log_in()
        };
        self.policy.mechanisms.iter().copied().filter(fits)
    }

    /// The names before login.
    pub fn before_login(&self) -> String {
        let mut names = REVISIONS.to_owned();
        if self.may_start_tls() {
            names.push_str(" STARTTLS");
        }
        if !self.may_log_in() {
            names.push_str(" LOGINDISABLED");
        }
        for mechanism in self.mechanisms() {
            names.push_str(" AUTH=");
            names.push_str(mechanism.name());
        }
        names + EXTENSIONS
    }

    /// The names after login, where another mechanism of compression is none that could be chosen (RFC 4978 §3).
    pub fn logged_in(&self) -> String {
        let compress = if self.compressed { "" } else { " COMPRESS=DEFLATE" };
        // RFC 7889 §2
        let append_limit = format!(" APPENDLIMIT={}", self.policy.limits.append_octets_max);
        [REVISIONS, &append_limit, compress, " UNAUTHENTICATE", EXTENSIONS].concat()
    }
}

const REVISIONS: &str = "IMAP4rev1 IMAP4rev2";
const EXTENSIONS: &str = with_extensions!("");
