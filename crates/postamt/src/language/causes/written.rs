//! What people write, and why it cannot be taken.

use super::{Tell, text};
use crate::config::units::{SizeError, SpanError};
use crate::language::Text;
use directory::{CredentialError, SeparatorError};
use model::{AddressError, NetworkError};
use mta::transport::HopError;
use std::net::AddrParseError;
use std::num::ParseIntError;

impl Tell for AddressError {
    fn tell(&self) -> Text {
        let german = match self {
            AddressError::Form => "eine Adresse hat die Form name@domain",
            AddressError::LocalPartLong => "der Teil vor dem @ ist länger als 64 Byte",
            AddressError::LocalPart => "der Teil vor dem @ enthält ein Zeichen, das dort nicht erlaubt ist",
            AddressError::DomainLong => "die Domain ist länger als 255 Byte",
            AddressError::Domain => "das ist kein gültiger Domainname",
        };
        text(self, german)
    }
}

impl Tell for NetworkError {
    fn tell(&self) -> Text {
        let german = match self {
            NetworkError::Address => {
                "ein Netz ist eine IP-Adresse, auch mit Präfix wie 192.0.2.0/24 oder 2001:db8::/32".to_owned()
            }
            NetworkError::Prefix { max } => format!("das Präfix ist eine Zahl von 0 bis {max}"),
            NetworkError::HostBits { network } => {
                format!("dort beginnt das Netz {network} nicht; gemeint ist wohl {network}")
            }
        };
        text(self, german)
    }
}

/// What the library says of IP addresses is short, and what was expected is known.
impl Tell for AddrParseError {
    fn tell(&self) -> Text {
        text(self, "keine gültige IP-Adresse")
    }
}

impl Tell for ParseIntError {
    fn tell(&self) -> Text {
        text(self, "keine ganze Zahl")
    }
}

impl Tell for SizeError {
    fn tell(&self) -> Text {
        let german = match self {
            SizeError::Number => "eine Größe ist eine ganze Zahl mit Einheit, etwa \"50 MiB\"".to_owned(),
            SizeError::Missing(number) => {
                format!("die Einheit fehlt: \"{number} MiB\" oder eine andere aus KiB, MiB, GiB, TiB, kB, MB, GB, TB")
            }
            SizeError::Unit(unit) => {
                format!("`{unit}` ist keine Größeneinheit; bekannt sind KiB, MiB, GiB, TiB, kB, MB, GB, TB")
            }
            SizeError::Huge => "größer als jede Festplatte".to_owned(),
        };
        text(self, german)
    }
}

impl Tell for SpanError {
    fn tell(&self) -> Text {
        text(self, "eine Zeitspanne ist eine ganze Zahl mit Einheit, etwa \"5 d\"; bekannt sind s, min, h, d")
    }
}

impl Tell for web::UnknownPage {
    fn tell(&self) -> Text {
        let known = web::Page::ALL.map(web::Page::name).join(", ");
        text(self, format!("möglich sind {known}"))
    }
}

impl Tell for HopError {
    fn tell(&self) -> Text {
        let german = match self {
            HopError::Match => "keine Adresse, keine Domain, kein *.domain, auch nicht mit from: davor".to_owned(),
            HopError::Form => "ein Server wird als smtp://mail.example.org:587 angegeben".to_owned(),
            HopError::Scheme => "am Anfang steht smtp, smtps oder lmtp".to_owned(),
            HopError::Port => "der Port ist eine Zahl bis 65535".to_owned(),
            HopError::Host => "der Server ist ein Name oder eine IP-Adresse".to_owned(),
            HopError::Within { text, cause } => format!("\"{text}\": {}", cause.tell().german),
            HopError::NextHop(text) => format!(
                "\"{text}\" ist weder eine Domain noch route:NAME, smtp://HOST:PORT, smtps://HOST:PORT oder lmtp://HOST:PORT"
            ),
        };
        text(self, german)
    }
}

impl Tell for SeparatorError {
    fn tell(&self) -> Text {
        text(self, "Trennzeichen sind !#$%&'*+-./=?^_`{|}~, jedes höchstens einmal; üblich ist +")
    }
}

impl Tell for sasl::KeysError {
    fn tell(&self) -> Text {
        let german = match self {
            sasl::KeysError::Form => "keine SCRAM-Schlüssel der Form SCRAM-SHA-256$Iterationen:Salt$…:…".to_owned(),
            sasl::KeysError::Iterations(n) => {
                let (min, max) = (sasl::ITERATIONS_MIN, sasl::ITERATIONS_MAX);
                format!("{n} Iterationen; brauchbar sind {min} bis {max}")
            }
            sasl::KeysError::Salt(n) => {
                format!("ein Salt von {n} Byte; brauchbar sind 1 bis {}", sasl::SALT_OCTETS_MAX)
            }
        };
        text(self, german)
    }
}

impl Tell for CredentialError {
    fn tell(&self) -> Text {
        use directory::CredentialError as E;
        let german = match self {
            E::Form => "kein Argon2id-Hash, wie `postamt hash-password` ihn ausgibt".to_owned(),
            E::Cost { memory_kib, passes } => {
                format!("der Hash kostet {memory_kib} KiB und {passes} Durchläufe; das ist mehr als erlaubt")
            }
            E::Scram(error) => error.tell().german,
            E::Password => "ein Passwort hat 1 bis 4096 Byte".to_owned(),
        };
        text(self, german)
    }
}
