//! What people read in answers, in the languages of LANG (RFC 6856 §3).

use std::borrow::Cow;

/// In which language people are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// `en`, in ASCII: what every client gets that asks for nothing (RFC 6856 §3.2).
    #[default]
    English,
    /// `de`
    German,
}

impl Language {
    /// All of them, as `LANG` lists them.
    pub const ALL: [Language; 2] = [Language::English, Language::German];

    /// Its tag (RFC 5646 §2.1).
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }

    /// What it calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::German => "Deutsch",
        }
    }

    /// The language that a basic language range stands for, as `de-AT` (RFC 4647 §3.4, by lookup); `*` is the server's own.
    pub fn of_range(range: &str) -> Option<Language> {
        let primary = range.split('-').next().unwrap_or_default();
        let named = Language::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary));
        if range == "*" { Some(Language::default()) } else { named }
    }
}

/// A text, and what stands in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Text {
    /// None.
    Nothing,
    /// What programs read, the same in every language.
    Data(String),
    /// CAPA.
    Capabilities,
    /// USER was taken, whether there is such a maildrop or not (RFC 1939 §13).
    NameTaken,
    /// Logged in; also to LIST, STAT's numbers in words, and to RSET.
    Maildrop {
        /// Not marked as deleted.
        messages: u32,
        /// Theirs.
        octets: u64,
    },
    /// RETR.
    Octets(u64),
    /// TOP.
    TopFollows,
    /// UIDL.
    UidsFollow,
    /// DELE.
    Deleted(u32),
    /// QUIT.
    Bye,
    /// QUIT after deletions.
    ByeDeleted(u32),
    /// STLS.
    BeginTls,
    /// UTF8.
    Utf8On,
    /// AUTH without a mechanism.
    MechanismsFollow,
    /// LANG.
    LanguageSet(Language),
    /// LANG without a range.
    LanguagesFollow,
    /// LANG with one that nobody speaks here.
    LanguageUnknown,
    /// No such command.
    UnknownCommand,
    /// What the command looks like.
    Usage(&'static str),
    /// Not UTF-8, or control characters.
    BadOctets,
    /// Before log-in.
    LogInFirst,
    /// After log-in.
    LoggedInAlready,
    /// PASS.
    UserFirst,
    /// The line is too long.
    LineTooLong,
    /// One refusal too many.
    TooManyErrors,
    /// To a web browser.
    NoWebServer,
    /// STLS where there is none, or where there is TLS already.
    NoStls,
    /// RFC 6856 §2.1.
    NoStlsAfterUtf8,
    /// USER, PASS, AUTH without TLS.
    TlsFirst,
    /// APOP without a timestamp in the greeting.
    NoApop,
    /// AUTH.
    MechanismUnknown,
    /// AUTH: `*`.
    AuthCancelled,
    /// AUTH: no base64.
    NotBase64,
    /// AUTH: no message of the mechanism.
    AuthMalformed,
    /// AUTH: on behalf of somebody else.
    NotYourself,
    /// AUTH: TLS channel binding.
    BindingFailed,
    /// Credentials.
    LoginWrong,
    /// Too many failures, until then.
    Throttled(String),
    /// Too many log-ins are being checked.
    LoginsBusy,
    /// The n-th failure in one connection.
    TooManyLogins,
    /// There is no such message.
    NoMessage {
        /// Asked for.
        number: u32,
        /// In the maildrop.
        count: u32,
    },
    /// It is marked as deleted.
    MarkedDeleted(u32),
    /// Another client has removed it since log-in.
    RemovedElsewhere(u32),
    /// What is stored cannot be read.
    Damaged(u32),
    /// The store does not answer.
    StoreAway,
    /// The disk is full.
    DiskFull,
    /// QUIT could not remove what was marked: nothing, or not all, is gone.
    NotRemoved,
    /// The server stops.
    Stopping,
}

impl Text {
    /// The text in a language. Nothing secret is in it, and it does not begin with `[`, which is for codes (RFC 2449 §6.4).
    pub fn say(&self, language: Language) -> Cow<'_, str> {
        if let Text::Data(data) = self {
            return data.as_str().into();
        }
        match language {
            Language::English => self.english(),
            Language::German => self.german(),
        }
    }

    fn english(&self) -> Cow<'_, str> {
        match self {
            Text::Nothing => "".into(),
            Text::Data(data) => data.as_str().into(),
            Text::Capabilities => "capabilities follow".into(),
            Text::NameTaken => "send the password".into(),
            Text::Maildrop { messages, octets } => {
                let s = if *messages == 1 { "" } else { "s" };
                format!("{messages} message{s} ({octets} octets)").into()
            }
            Text::Octets(octets) => format!("{octets} octets").into(),
            Text::TopFollows => "top of the message follows".into(),
            Text::UidsFollow => "unique identifiers follow".into(),
            Text::Deleted(number) => format!("message {number} is marked as deleted").into(),
            Text::Bye => "good bye".into(),
            Text::ByeDeleted(1) => "1 message removed, good bye".into(),
            Text::ByeDeleted(count) => format!("{count} messages removed, good bye").into(),
            Text::BeginTls => "begin TLS negotiation now".into(),
            Text::Utf8On => "UTF-8 from now on".into(),
            Text::MechanismsFollow => "mechanisms follow".into(),
            Text::LanguageSet(language) => format!("{} English it is", language.tag()).into(),
            Text::LanguagesFollow => "languages follow".into(),
            Text::LanguageUnknown => "that language is not spoken here".into(),
            Text::UnknownCommand => "unknown command".into(),
            Text::Usage(form) => format!("expected: {form}").into(),
            Text::BadOctets => "control characters, or not UTF-8".into(),
            Text::LogInFirst => "log in first".into(),
            Text::LoggedInAlready => "not possible after log-in".into(),
            Text::UserFirst => "send USER first".into(),
            Text::LineTooLong => "the line is too long".into(),
            Text::TooManyErrors => "too many errors, good bye".into(),
            Text::NoWebServer => "this is no web server".into(),
            Text::NoStls => "STLS is not offered here".into(),
            Text::NoStlsAfterUtf8 => "STLS must come before UTF8".into(),
            Text::TlsFirst => "no passwords without TLS; send STLS first".into(),
            Text::NoApop => "APOP is not offered here".into(),
            Text::MechanismUnknown => "this mechanism is not offered".into(),
            Text::AuthCancelled => "authentication cancelled".into(),
            Text::NotBase64 => "expected base64".into(),
            Text::AuthMalformed => "not a message of this mechanism".into(),
            Text::NotYourself => "you may only log in as yourself".into(),
            Text::BindingFailed => "the channel binding does not match this connection".into(),
            Text::LoginWrong => "login or password is wrong".into(),
            Text::Throttled(until) => format!("too many failed log-ins; try again after {until}").into(),
            Text::LoginsBusy => "too many log-ins at once; try again in a moment".into(),
            Text::TooManyLogins => "too many failed log-ins in one connection, good bye".into(),
            Text::NoMessage { number, count } => {
                format!("there is no message {number}, the maildrop has {count}").into()
            }
            Text::MarkedDeleted(number) => format!("message {number} is marked as deleted").into(),
            Text::RemovedElsewhere(number) => {
                format!("message {number} was removed by another client since you logged in").into()
            }
            Text::Damaged(number) => {
                format!("message {number} is damaged in the store; the administrator must look").into()
            }
            Text::StoreAway => "the mail store is not available now; try again later".into(),
            Text::DiskFull => "the server's disk is full; try again later".into(),
            Text::NotRemoved => "the messages marked as deleted could not be removed; they are still there".into(),
            Text::Stopping => "the server is stopping, try again later".into(),
        }
    }

    fn german(&self) -> Cow<'_, str> {
        match self {
            Text::Nothing => "".into(),
            Text::Data(data) => data.as_str().into(),
            Text::Capabilities => "Fähigkeiten folgen".into(),
            Text::NameTaken => "bitte das Passwort senden".into(),
            Text::Maildrop { messages: 1, octets } => format!("1 Nachricht ({octets} Oktette)").into(),
            Text::Maildrop { messages, octets } => format!("{messages} Nachrichten ({octets} Oktette)").into(),
            Text::Octets(octets) => format!("{octets} Oktette").into(),
            Text::TopFollows => "Anfang der Nachricht folgt".into(),
            Text::UidsFollow => "eindeutige Kennungen folgen".into(),
            Text::Deleted(number) => format!("Nachricht {number} ist zum Löschen vorgemerkt").into(),
            Text::Bye => "auf Wiedersehen".into(),
            Text::ByeDeleted(1) => "1 Nachricht gelöscht, auf Wiedersehen".into(),
            Text::ByeDeleted(count) => format!("{count} Nachrichten gelöscht, auf Wiedersehen").into(),
            Text::BeginTls => "TLS jetzt aushandeln".into(),
            Text::Utf8On => "ab jetzt UTF-8".into(),
            Text::MechanismsFollow => "Verfahren folgen".into(),
            Text::LanguageSet(language) => format!("{} ab jetzt auf Deutsch", language.tag()).into(),
            Text::LanguagesFollow => "Sprachen folgen".into(),
            Text::LanguageUnknown => "diese Sprache wird hier nicht gesprochen".into(),
            Text::UnknownCommand => "unbekannter Befehl".into(),
            Text::Usage(form) => format!("erwartet: {form}").into(),
            Text::BadOctets => "Steuerzeichen, oder kein UTF-8".into(),
            Text::LogInFirst => "bitte zuerst anmelden".into(),
            Text::LoggedInAlready => "nach der Anmeldung nicht möglich".into(),
            Text::UserFirst => "bitte zuerst USER senden".into(),
            Text::LineTooLong => "die Zeile ist zu lang".into(),
            Text::TooManyErrors => "zu viele Fehler, auf Wiedersehen".into(),
            Text::NoWebServer => "das ist kein Webserver".into(),
            Text::NoStls => "STLS gibt es hier nicht".into(),
            Text::NoStlsAfterUtf8 => "STLS muss vor UTF8 kommen".into(),
            Text::TlsFirst => "keine Passwörter ohne TLS; bitte zuerst STLS senden".into(),
            Text::NoApop => "APOP gibt es hier nicht".into(),
            Text::MechanismUnknown => "dieses Verfahren gibt es hier nicht".into(),
            Text::AuthCancelled => "Anmeldung abgebrochen".into(),
            Text::NotBase64 => "Base64 erwartet".into(),
            Text::AuthMalformed => "keine Nachricht dieses Verfahrens".into(),
            Text::NotYourself => "anmelden kann sich jeder nur als er selbst".into(),
            Text::BindingFailed => "die Kanalbindung passt nicht zu dieser Verbindung".into(),
            Text::LoginWrong => "Anmeldename oder Passwort ist falsch".into(),
            Text::Throttled(until) => format!("zu viele gescheiterte Anmeldungen; wieder möglich nach {until}").into(),
            Text::LoginsBusy => "zu viele Anmeldungen auf einmal; bitte gleich noch einmal versuchen".into(),
            Text::TooManyLogins => "zu viele gescheiterte Anmeldungen in einer Verbindung, auf Wiedersehen".into(),
            Text::NoMessage { number, count } => {
                format!("es gibt keine Nachricht {number}, im Postfach sind {count}").into()
            }
            Text::MarkedDeleted(number) => format!("Nachricht {number} ist zum Löschen vorgemerkt").into(),
            Text::RemovedElsewhere(number) => {
                format!("Nachricht {number} wurde seit der Anmeldung anderswo gelöscht").into()
            }
            Text::Damaged(number) => {
                format!("Nachricht {number} ist im Speicher beschädigt; der Verwalter muss nachsehen").into()
            }
            Text::StoreAway => "der Mailspeicher antwortet nicht; bitte später noch einmal versuchen".into(),
            Text::DiskFull => "die Platte des Servers ist voll; bitte später noch einmal versuchen".into(),
            Text::NotRemoved => "die vorgemerkten Nachrichten konnten nicht gelöscht werden; sie sind noch da".into(),
            Text::Stopping => "der Server wird angehalten; bitte später noch einmal versuchen".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_find_their_language() {
        let check = |range: &str, language| assert_eq!(Language::of_range(range), language, "{range}");
        check("de", Some(Language::German));
        check("DE-at", Some(Language::German));
        check("en-boont", Some(Language::English));
        check("*", Some(Language::English));
        check("MUL", None);
        check("", None);
        check("deutsch", None);
    }
}
