//! Errors of other crates, which print English, in both languages. Matches name every variant: a new one does not compile
//! until it has its German.
//!
//! | module | errors |
//! |---|---|
//! | `written` | of what people write: addresses, sizes, passwords |
//! | `house` | of accounts, mailboxes and the queue |
//! | `backups` | of backups |
//! | `edge` | of the network, TLS, other servers, and the disk |

mod backups;
mod edge;
mod house;
mod written;

use super::{Explained, Text, both};
use crate::config::units::{SizeError, SpanError};
use directory::{CredentialError, DirectoryError, EditError};
use model::{AddressError, NetworkError};
use mta::transport::HopError;
use mta::{QueueError, ReceiveError};
use net::tls::TlsError;
use net::{InheritError, ListenError};
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::num::ParseIntError;
use store::{CommitError, ReadError};
use store_local::OpenError;

/// What can be told in both languages.
pub trait Tell {
    fn tell(&self) -> Text;
}

/// An error and what led to it, each cause behind a colon; some errors name theirs already.
pub fn of_error(error: &anyhow::Error) -> Text {
    let mut all = error.chain().map(of_fault);
    let first = all.next().unwrap_or_default();
    all.fold(first, |text, cause| match text.english.contains(&cause.english) {
        true => text,
        false => both!("{text}: {cause}", "{text}: {cause}", text = text, cause = cause),
    })
}

/// An error of any kind: one that is known here, else what it prints.
pub fn of_fault(error: &(dyn Error + 'static)) -> Text {
    fn known<T: Error + Tell + 'static>(error: &(dyn Error + 'static)) -> Option<Text> {
        error.downcast_ref::<T>().map(Tell::tell)
    }
    let kinds = [
        known::<Explained>,
        known::<io::Error>,
        known::<AddressError>,
        known::<NetworkError>,
        known::<ParseIntError>,
        known::<SizeError>,
        known::<SpanError>,
        known::<HopError>,
        known::<DirectoryError>,
        known::<EditError>,
        known::<CredentialError>,
        known::<mailstore::Error>,
        known::<CommitError>,
        known::<ReadError>,
        known::<ReceiveError>,
        known::<QueueError>,
        known::<mta::queue::Fault>,
        known::<ListenError>,
        known::<InheritError>,
        known::<TlsError>,
        known::<OpenError>,
        known::<backup::Error>,
    ];
    kinds.iter().find_map(|known| known(error)).unwrap_or_else(|| Text::same(error))
}

impl Tell for Explained {
    fn tell(&self) -> Text {
        self.0.clone()
    }
}

/// The usual ones; what the system says else has no German here.
impl Tell for io::Error {
    fn tell(&self) -> Text {
        let german = match self.kind() {
            ErrorKind::NotFound => "Datei oder Verzeichnis nicht gefunden",
            ErrorKind::PermissionDenied => "Keine Berechtigung",
            ErrorKind::AlreadyExists => "Die Datei existiert bereits",
            ErrorKind::IsADirectory => "Ist ein Verzeichnis",
            ErrorKind::NotADirectory => "Ist kein Verzeichnis",
            ErrorKind::DirectoryNotEmpty => "Das Verzeichnis ist nicht leer",
            ErrorKind::ReadOnlyFilesystem => "Das Dateisystem ist nur lesbar",
            ErrorKind::StorageFull => "Auf dem Gerät ist kein Speicherplatz mehr verfügbar",
            ErrorKind::QuotaExceeded => "Der zugewiesene Plattenplatz ist aufgebraucht",
            ErrorKind::AddrInUse => "Die Adresse wird bereits verwendet",
            ErrorKind::AddrNotAvailable => "Die Adresse ist hier nicht verfügbar",
            ErrorKind::ConnectionRefused => "Verbindungsaufbau abgelehnt",
            ErrorKind::ConnectionReset => "Die Verbindung wurde von der Gegenseite zurückgesetzt",
            ErrorKind::BrokenPipe => "Die Gegenseite hat die Verbindung geschlossen",
            ErrorKind::TimedOut => "Zeitüberschreitung",
            ErrorKind::UnexpectedEof => "Unerwartetes Ende",
            _ => return Text::same(self),
        };
        let code = self.raw_os_error().map(|code| format!(" (os error {code})")).unwrap_or_default();
        Text { english: self.to_string(), german: format!("{german}{code}") }
    }
}

/// English as it prints itself, beside this German.
fn text(error: &impl Display, german: impl Into<String>) -> Text {
    Text { english: error.to_string(), german: german.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::During;

    #[test]
    fn names_that_are_refused_are_explained_in_german() {
        let long = "x".repeat(2000);
        for name in ["a/..", long.as_str(), "a\tb", &"x/".repeat(40), "a//b"] {
            let error = mailstore::Error::MailboxName(mailstore::new_name(name).unwrap_err());
            let text = error.tell();
            assert_ne!(text.english.rsplit(": ").next(), text.german.rsplit(": ").next(), "{text:?}");
        }
    }

    #[test]
    fn causes_are_found_behind_what_was_tried() {
        let missing: io::Result<()> = Err(io::Error::from_raw_os_error(2));
        let error = missing.during(|| both!("reading x", "x lesen")).unwrap_err();
        let text = of_error(&error.into());
        assert_eq!(text.english, "reading x: No such file or directory (os error 2)");
        assert_eq!(text.german, "x lesen: Datei oder Verzeichnis nicht gefunden (os error 2)");
        let (address, source) = (net::ListenAddress::Unix("x".into()), io::Error::from_raw_os_error(98));
        let text = of_error(&ListenError { address, source }.into());
        assert_eq!(text.english.matches("os error 98").count(), 1, "{text:?}");
    }
}
