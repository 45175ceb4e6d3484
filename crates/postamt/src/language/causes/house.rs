//! Accounts, mailboxes, the queue, and what keeps them.

use super::{Tell, text};
use crate::language::Text;
use directory::{AuthError, DirectoryError, EditError, RowError};
use model::RecordError;
use mta::{QueueError, ReceiveError};
use std::fmt::Display;
use store::{CommitError, ReadError};

impl Tell for DirectoryError {
    fn tell(&self) -> Text {
        let german = match self {
            DirectoryError::Duplicate(address) => format!("das Konto {address} ist doppelt vorhanden"),
            DirectoryError::Domain(address) => format!("die Domain von {address} ist keine der lokalen Domains"),
            DirectoryError::Unknown(address) => format!("es gibt kein Konto {address}"),
            DirectoryError::Ids(error) => format!("Kontonummern: {}", error.tell().german),
            DirectoryError::Stored(error) => format!("Domains, Konten und Aliasse: {}", error.tell().german),
        };
        text(self, german)
    }
}

impl Tell for AuthError {
    fn tell(&self) -> Text {
        let german = match self {
            AuthError::Rejected => "Login oder Passwort ist falsch".to_owned(),
            AuthError::Throttled { until } => {
                format!("zu viele gescheiterte Anmeldungen; später noch einmal versuchen, ab {}", until.rfc5322())
            }
            AuthError::Busy => "zu viele Anmeldungen auf einmal; gleich noch einmal versuchen".to_owned(),
            AuthError::Unavailable => {
                "Anmeldungen lassen sich gerade nicht prüfen; später noch einmal versuchen".to_owned()
            }
        };
        text(self, german)
    }
}

impl Tell for RowError {
    fn tell(&self) -> Text {
        let german = match self {
            RowError::Read(error) => error.tell().german,
            RowError::Commit(error) => error.tell().german,
            RowError::Row { key, source } => format!("Eintrag {key}: {}", source.tell().german),
            RowError::New { first, more, source } => {
                let who = match more {
                    0 => format!("{first} ist neu in der Konfiguration"),
                    more => format!("{first} und {more} weitere sind neu in der Konfiguration"),
                };
                format!("der Speicher nimmt keine neuen Konten, und {who}: {}", source.tell().german)
            }
            RowError::Exhausted => "es ist keine Kontonummer mehr frei".to_owned(),
            RowError::Restless => "das Verzeichnis wird zu oft geändert, um es zu lesen".to_owned(),
        };
        text(self, german)
    }
}

impl Tell for EditError {
    fn tell(&self) -> Text {
        let german = match self {
            EditError::Declared(what) => format!("{what} steht in der Konfigurationsdatei; dort ändern"),
            EditError::UnknownDomain { domain, nearest } => {
                format!("die Domain {domain} ist nicht lokal; erst anlegen: postamt domain add {domain}{}", or(nearest))
            }
            EditError::DomainExists(domain) => {
                format!("die Domain {domain} gibt es bereits; ändern mit: postamt domain set {domain}")
            }
            EditError::DomainInUse { domain, accounts, aliases, domains } => format!(
                "{domain} hat noch Konten ({accounts}), Aliasse ({aliases}) oder weitere Namen ({domains}); diese zuerst entfernen"
            ),
            EditError::OtherName { domain, same_as } => {
                format!("{domain} ist nur ein anderer Name von {same_as}; die Änderung gehört dorthin")
            }
            EditError::OtherNameSettings => {
                "eine Domain, die nur ein anderer Name ist, hat kein eigenes Catch-all und keine eigenen Trennzeichen; weglassen"
                    .to_owned()
            }
            EditError::AccountExists(address) => {
                format!("das Konto {address} gibt es bereits; ändern mit: postamt account password {address}")
            }
            EditError::AccountKept(address) => format!(
                "das Konto {address} wurde entfernt und ist noch eine Weile da; zurückholen mit: postamt account restore {address}; oder, für jemand Neuen, mit seiner Mail endgültig löschen: postamt account erase {address}"
            ),
            EditError::AccountStays(address) => {
                format!("das Konto {address} ist da; erst entfernen: postamt account remove {address}")
            }
            EditError::NotRemoved(address) => format!(
                "ein Konto {address} wurde nicht entfernt, oder seine Zeit ist um; siehe: postamt account removed"
            ),
            EditError::UnknownAccount { address, nearest } => {
                format!("es gibt kein Konto {address}; erst anlegen: postamt account add {address}{}", or(nearest))
            }
            EditError::AliasExists(address) => format!(
                "es gibt einen Alias {address}, der die Mail des Kontos bekäme; erst entfernen: postamt alias remove {address}"
            ),
            EditError::UnknownAlias { address, nearest } => {
                format!("es gibt keinen Alias {address}; erst anlegen: postamt alias add {address} ZIEL{}", or(nearest))
            }
            EditError::UnknownTarget { address, target } => {
                format!("der Alias {address} führt nicht zu {target}; siehe: postamt alias list")
            }
            EditError::NoTargets => "ein Alias braucht mindestens ein Ziel".to_owned(),
            EditError::TargetsMany(n) => {
                format!("{n} Ziele sind zu viele, höchstens {}; besser eine Mailingliste", directory::TARGETS_MAX)
            }
            EditError::ClearPassword => {
                "Passwörter werden nur als Hash gespeichert; einen erzeugt: postamt hash-password".to_owned()
            }
            EditError::ApopSecret => "ein APOP-Geheimnis hat 1 bis 4096 Byte".to_owned(),
            EditError::Fault { fault, nearest } => {
                format!("{}; erst den Alias oder das Catch-all ändern{}", fault.tell().german, or(nearest))
            }
            EditError::Rows(error) => error.tell().german,
            EditError::Stopped => {
                "der Server wird gerade beendet; ob die Änderung noch wirksam wurde, ist nicht bekannt".to_owned()
            }
        };
        text(self, german)
    }
}

fn or<T: Display>(nearest: &Option<T>) -> String {
    nearest.as_ref().map(|near| format!(" (oder ist {near} gemeint?)")).unwrap_or_default()
}

impl Tell for directory::Fault {
    fn tell(&self) -> Text {
        use directory::{DEPTH_MAX, Fault, TARGETS_MAX};
        let german = match self {
            Fault::Loop { chain } => format!("Mail liefe im Kreis: {}", chain.join(" → ")),
            Fault::Large { list } => {
                format!(
                    "{list} führt über mehr als {DEPTH_MAX} Aliasse hintereinander oder zu mehr als {TARGETS_MAX} Adressen"
                )
            }
            Fault::Nowhere { list, target } => format!("{list} führt zu {target}; diese Adresse hat niemand"),
            Fault::Stranded { address } => format!("{address} liegt in einer Domain, die nicht lokal ist"),
            Fault::SameAs { domain, same_as } => {
                format!("{domain} soll ein anderer Name von {same_as} sein; das ist keine lokale Domain")
            }
        };
        text(self, german)
    }
}

impl Tell for RecordError {
    fn tell(&self) -> Text {
        let german = match self {
            RecordError::Checksum => "die Prüfsumme stimmt nicht".to_owned(),
            RecordError::Version { found, known } => {
                format!("der Eintrag hat Format {found}, dieses postamt liest Formate bis {known}")
            }
            RecordError::Short => "der Eintrag ist abgeschnitten".to_owned(),
            RecordError::Value => "der Eintrag enthält einen unmöglichen Wert".to_owned(),
            RecordError::Missing => "der Eintrag fehlt".to_owned(),
            RecordError::Elsewhere => "der Eintrag gehört zu einem anderen Schlüssel".to_owned(),
        };
        text(self, german)
    }
}

impl Tell for ReadError {
    fn tell(&self) -> Text {
        let german = match self {
            ReadError::Unavailable(why) => format!("der Speicher lässt sich nicht lesen: {why}"),
            ReadError::Damaged(what) => format!("Gespeichertes ist beschädigt: {what}"),
        };
        text(self, german)
    }
}

impl Tell for CommitError {
    fn tell(&self) -> Text {
        let german = match self {
            CommitError::Conflict => "die Einträge sind nicht wie erwartet".to_owned(),
            CommitError::NoSpace(why) => format!("kein Platz mehr: {why}"),
            CommitError::ReadOnly(why) => format!("der Speicher ist nur lesbar: {why}"),
            CommitError::Failed(why) => format!("der Speicher ist ausgefallen: {why}"),
        };
        text(self, german)
    }
}

impl Tell for mailstore::Error {
    fn tell(&self) -> Text {
        use mailstore::Error as E;
        let german = match self {
            E::MailboxMissing => "diesen Ordner gibt es nicht".to_owned(),
            E::MessageMissing => "die Nachricht ist gelöscht".to_owned(),
            E::MailboxExists => "einen Ordner dieses Namens gibt es bereits".to_owned(),
            E::MailboxName(why) => format!("kein Ordnername: {}", name_fault(why)),
            E::InboxStays => "INBOX lässt sich nicht löschen".to_owned(),
            E::MailboxesFull => "das Konto hat so viele Ordner, wie es haben darf".to_owned(),
            E::SubscriptionsFull => "das Konto hat so viele Ordner abonniert, wie es darf".to_owned(),
            E::OverQuota { used, limit, unit } => {
                let unit = if *unit == "octets" { "Byte" } else { "Nachrichten" };
                format!("die Quota ist erschöpft: {used} von {limit} {unit} belegt")
            }
            E::KeywordsFull => format!("ein Konto hat höchstens {} verschiedene Schlagwörter", mailstore::KEYWORDS_MAX),
            E::TooManyAtOnce => "zu viele Nachrichten auf einmal".to_owned(),
            E::UidsExhausted => "der Ordner hat alle seine UIDs verbraucht".to_owned(),
            E::Row { row, cause } => format!("{row}: {}", cause.tell().german),
            E::BodyMissing(email) => format!("der Inhalt der Nachricht {email} fehlt"),
            E::BodyDamaged { email, what } => format!("der Inhalt der Nachricht {email} ist beschädigt: {what}"),
            E::Read(error) => error.tell().german,
            E::Commit(error) => error.tell().german,
            E::Busy => "für dieses Konto warten zu viele Vorgänge".to_owned(),
        };
        text(self, german)
    }
}

fn name_fault(english: &str) -> &str {
    match english {
        "a level is . or .." => "eine Ebene heißt . oder ..",
        "longer than 1,000 octets" => "länger als 1000 Byte",
        "it holds a control character" => "er enthält ein Steuerzeichen",
        "more than 32 levels" => "mehr als 32 Ebenen",
        "it has an empty level" => "eine Ebene ist leer",
        other => other,
    }
}

impl Tell for ReceiveError {
    fn tell(&self) -> Text {
        match self {
            ReceiveError::Busy => text(self, "es kommen gerade zu viele Nachrichten auf einmal an"),
            // What a mail program would be told.
            ReceiveError::Header(reply) => Text::same(reply),
            ReceiveError::Blob(error) => error.tell(),
        }
    }
}

impl Tell for QueueError {
    fn tell(&self) -> Text {
        match self {
            QueueError::Full(n) => text(self, format!("in der Warteschlange warten {n} Zustellungen")),
            QueueError::Commit(error) => error.tell(),
            QueueError::Read(error) => error.tell(),
        }
    }
}

impl Tell for mta::queue::Fault {
    fn tell(&self) -> Text {
        use mta::queue::Fault;
        match self {
            Fault::MessageMissing => text(self, "die Nachricht oder ihr Inhalt fehlt"),
            Fault::BodyDamaged => text(self, "der Inhalt der Nachricht ist beschädigt"),
            Fault::Read(error) => error.tell(),
            Fault::Commit(error) => error.tell(),
            Fault::Row(error) => text(self, format!("ein Eintrag der Warteschlange: {}", error.tell().german)),
        }
    }
}

impl Tell for mta::queue::AdminError {
    fn tell(&self) -> Text {
        match self {
            mta::queue::AdminError::Fault(fault) => fault.tell(),
        }
    }
}
