//! The network, TLS, other servers, and the disk.

use super::{Tell, text};
use crate::language::Text;
use net::tls::TlsError;
use net::{InheritError, ListenError};
use std::io::ErrorKind;
use store_local::{Health, OpenError, Remedy};

impl Tell for sasl::ClientError {
    fn tell(&self) -> Text {
        use sasl::ClientError as E;
        let german = match self {
            E::Credentials => "Anmeldename oder Passwort ist leer, zu lang oder enthält ein NUL-Zeichen".to_owned(),
            E::BindingMissing => "auf dieser Verbindung gibt es kein Channel Binding".to_owned(),
            E::Malformed(what) => format!("die Nachricht des Servers ist fehlerhaft: {what}"),
            E::Iterations(n) => format!("der Server verlangt {n} Iterationen"),
            E::Nonce => "die Nonce des Servers setzt unsere nicht fort".to_owned(),
            E::ServerUnproven => "der Server konnte nicht nachweisen, dass er das Passwort kennt".to_owned(),
            E::Refused(why) => format!("der Server lehnt ab: {why}"),
            E::Unexpected => "der Server sprach nach dem Ende der Anmeldung weiter".to_owned(),
        };
        text(self, german)
    }
}

impl Tell for ListenError {
    fn tell(&self) -> Text {
        let remedy = match self.source.kind() {
            ErrorKind::AddrInUse => {
                "; dort lauscht schon ein anderes Programm: dieses beenden oder eine andere Adresse wählen"
            }
            ErrorKind::AddrNotAvailable => "; diese Maschine hat die Adresse nicht",
            ErrorKind::PermissionDenied => {
                "; Ports unter 1024 erfordern CAP_NET_BIND_SERVICE, und der Ordner eines Sockets muss beschreibbar sein"
            }
            _ => "",
        };
        text(self, format!("{} lässt sich nicht öffnen: {}{remedy}", self.address, self.source.tell().german))
    }
}

/// What the network and TLS say has no type.
impl Tell for env::WireError {
    fn tell(&self) -> Text {
        Text::same(self)
    }
}

impl Tell for InheritError {
    fn tell(&self) -> Text {
        let german = "der übergebene Socket ist unbrauchbar; es muss ein lauschender TCP- oder Unix-Stream-Socket sein";
        text(self, german)
    }
}

impl Tell for TlsError {
    fn tell(&self) -> Text {
        let german = match self {
            TlsError::Unreadable { path, source } => format!(
                "{} lässt sich nicht lesen: {}; die Datei muss existieren und für den Benutzer lesbar sein, unter dem postamt läuft",
                path.display(),
                source.tell().german
            ),
            TlsError::NotPem { path, source, .. } => format!(
                "{} enthält nicht das Erwartete im PEM-Format ({source}); die Datei muss mit -----BEGIN anfangen",
                path.display()
            ),
            TlsError::Damaged { path, reason } => {
                format!("{} enthält ein beschädigtes Zertifikat: {reason}", path.display())
            }
            TlsError::Unacceptable { path, source } => {
                format!("{} enthält ein Zertifikat, das keine Zertifizierungsstelle ausweist: {source}", path.display())
            }
            TlsError::None => "TLS braucht mindestens ein Zertifikat".to_owned(),
            TlsError::Halved { missing } => format!(
                "{} fehlt, während die zugehörige Datei da ist; wiederherstellen, oder beide löschen, dann entstehen neue",
                missing.display()
            ),
            TlsError::Unusable { certificate, key, source } => format!(
                "{} und {} passen nicht zusammen: {source}; der Schlüssel muss zum ersten Zertifikat der Datei gehören",
                certificate.display(),
                key.display()
            ),
            TlsError::NotMade { names, source } => {
                format!("für {names} lässt sich kein Zertifikat erzeugen: {source}")
            }
            TlsError::Unwritable { path, source } => {
                format!("{} lässt sich nicht schreiben: {}", path.display(), source.tell().german)
            }
        };
        text(self, german)
    }
}

impl Tell for OpenError {
    fn tell(&self) -> Text {
        let german = match self {
            OpenError::Locked(folder) => format!(
                "{} ist von einem anderen Prozess belegt; diesen beenden oder einen anderen Datenordner wählen",
                folder.display()
            ),
            OpenError::Io { folder, source, .. } => {
                format!("{} lässt sich nicht öffnen: {}", folder.display(), source.tell().german)
            }
            OpenError::OtherBackend { folder, made_with, asked } => format!(
                "{}: die Mail darin gehört {made_with}, nicht {asked}: in `[store]` `backend = \"{made_with}\"` setzen, oder die Mail mit \
                 {made_with} exportieren und in einen neuen Datenordner importieren",
                folder.display()
            ),
            OpenError::Newer { folder, said } => format!(
                "{}: eine neuere Version des Programms hat ihn angelegt ({said:?} in der Datei FORMAT); jene oder eine neuere verwenden",
                folder.display()
            ),
            OpenError::Damaged { file, what, remedy } => {
                let remedy = match remedy {
                    Remedy::Repair => {
                        "`postamt store repair` ausführen: Aus allem, was heil ist, entsteht ein neuer Speicher"
                    }
                    Remedy::Restore => "eine Sicherung des Datenordners zurückholen",
                };
                format!(
                    "{} ist beschädigt: {what}. Nichts wurde verändert; eine Kopie aufheben, die Platte prüfen und {remedy}",
                    file.display()
                )
            }
            OpenError::Engine { folder, source } => {
                format!("{}: die gespeicherten Einträge lassen sich nicht öffnen: {source}", folder.display())
            }
        };
        text(self, german)
    }
}

impl Tell for Health {
    fn tell(&self) -> Text {
        let german = match self {
            Health::Ok => "in Ordnung".to_owned(),
            Health::NearlyFull { free_octets, reserve_octets } => format!(
                "die Platte ist fast voll: {free_octets} Byte frei, {reserve_octets} sind für Löschungen reserviert; Platz schaffen"
            ),
            Health::Impaired { reason } => format!("Mail wird angenommen, aber: {reason}"),
            Health::ReadOnly { reason } => format!("es wird nichts geschrieben: {reason}"),
            Health::Reopening { reason } => format!("der Speicher wird neu geöffnet: {reason}"),
        };
        text(self, german)
    }
}
