//! Of backups.

use super::{Tell, text};
use crate::language::Text;
use backup::Error;
use backup::age::AgeError;
use mailstore::PastError;

impl Tell for AgeError {
    fn tell(&self) -> Text {
        let german = match self {
            AgeError::Recipient => "es ist kein Empfänger der Form age1… oder hat einen Tippfehler",
            AgeError::Identity => "es ist kein Schlüssel der Form AGE-SECRET-KEY-1… oder hat einen Tippfehler",
            AgeError::Format => "es ist nicht im Format age-encryption.org/v1 verschlüsselt oder beschädigt",
            AgeError::Foreign => "es ist für andere Schlüssel verschlüsselt",
            AgeError::Damaged => "es passt nicht zu seinem Schlüssel: Es wurde verändert oder abgeschnitten",
            AgeError::Library => "die Kryptografie-Bibliothek versagte",
        };
        text(self, german)
    }
}

impl Tell for Error {
    fn tell(&self) -> Text {
        match self {
            Error::Io { path, what: _, source } => text(self, format!("{}: {}", path.display(), source.tell().german)),
            Error::Foreign { path, why: _ } => {
                let path = path.display();
                text(self, format!("{path} ist kein Ordner mit Backups; nenne einen leeren oder den richtigen"))
            }
            Error::Newer { path, found, known } => {
                let path = path.display();
                let german = format!(
                    "{path} hat Format {found}, dieses postamt liest Formate bis {known}: Nimm das postamt, das es \
                     geschrieben hat, oder ein neueres"
                );
                text(self, german)
            }
            Error::Locked(path) => {
                let path = path.display();
                text(
                    self,
                    format!("{path} wird gerade von einem anderen postamt backup benutzt; warte, bis es fertig ist"),
                )
            }
            Error::NoBackup { wanted, folder } => {
                let folder = folder.display();
                let german = match wanted.as_str() {
                    "" => format!("in {folder} gibt es kein Backup; postamt backup create {folder} macht eines"),
                    _ => format!("in {folder} gibt es kein Backup {wanted}; siehe: postamt backup list {folder}"),
                };
                text(self, german)
            }
            Error::Unlisted { id, folder, source } => {
                let (cause, folder) = (source.tell().german, folder.display());
                let german = format!(
                    "{cause}; Backup {id} kann brauchen, was wegginge, also geht nichts weg. Aufgegeben wird es mit: \
                     postamt backup forget {folder} {id}"
                );
                text(self, german)
            }
            Error::Sealed(id) => {
                text(self, format!("Backup {id} ist verschlüsselt: Gib mit --identity DATEI den Schlüssel dazu an"))
            }
            Error::Age { path, source } => text(self, format!("{}: {}", path.display(), source.tell().german)),
            Error::Damaged { path, why } => text(self, format!("{} ist beschädigt ({why})", path.display())),
            Error::Source(why) => text(self, format!("was gesichert werden soll, ist nicht lesbar: {why}")),
            Error::Commit(error) => error.tell(),
            Error::Read(error) => error.tell(),
        }
    }
}

impl Tell for PastError {
    fn tell(&self) -> Text {
        match self {
            PastError::Forgotten(first) => {
                let since = first.map_or_else(|| "später".to_owned(), |at| at.to_string());
                text(self, format!("das Protokoll der Änderungen reicht nicht so weit zurück: Es beginnt {since}"))
            }
            PastError::SetBack => text(
                self,
                "das Konto wurde dazwischen aus einem anderen Backup wiederhergestellt oder repariert; was davor geschah, steht nicht im späteren",
            ),
            PastError::Unborn(first) => text(self, format!("das Konto wurde am {first} angelegt")),
            PastError::Erased => text(
                self,
                "das Konto wurde dazwischen gelöscht, und was davor geschah, steht nicht im späteren".to_owned(),
            ),
            PastError::Error(error) => error.tell(),
        }
    }
}
