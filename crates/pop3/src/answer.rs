//! The status line that answers a command (RFC 1939 §3, RFC 2449 §8).

use crate::text::{Language, Text};

/// Whether it was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
}

/// What a program may know of a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// Login or password is wrong (RFC 3206 §5).
    Auth,
    /// It may work later (RFC 3206 §4).
    SysTemp,
    /// It will not work until somebody mends it (RFC 3206 §4).
    SysPerm,
    /// The message needs the UTF8 command (RFC 6856 §5).
    Utf8,
}

impl Code {
    /// As it stands between brackets.
    pub fn name(self) -> &'static str {
        match self {
            Code::Auth => "AUTH",
            Code::SysTemp => "SYS/TEMP",
            Code::SysPerm => "SYS/PERM",
            Code::Utf8 => "UTF8",
        }
    }
}

/// One status line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Whether it was done.
    pub status: Status,
    /// For programs.
    pub code: Option<Code>,
    /// For people, or the numbers that the command asks for.
    pub text: Text,
}

impl Answer {
    /// `+OK`
    pub fn ok(text: Text) -> Answer {
        Answer { status: Status::Ok, code: None, text }
    }

    /// `-ERR`
    pub fn err(text: Text) -> Answer {
        Answer { status: Status::Err, code: None, text }
    }

    /// With a response code (RFC 2449 §8).
    pub fn code(mut self, code: Code) -> Answer {
        self.code = Some(code);
        self
    }

    /// Appends the line, in `language`. Control characters in foreign text become spaces, so it is always one line.
    pub fn print(&self, language: Language, out: &mut Vec<u8>) {
        let status = match self.status {
            Status::Ok => "+OK",
            Status::Err => "-ERR",
        };
        out.extend_from_slice(status.as_bytes());
        if let Some(code) = self.code {
            out.extend_from_slice(format!(" [{}]", code.name()).as_bytes());
        }
        let text = self.text.say(language);
        if !text.is_empty() {
            out.push(b' ');
            out.extend(text.bytes().map(|octet| if octet.is_ascii_control() { b' ' } else { octet }));
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        let check = |answer: Answer, language, expected: &str| {
            let mut out = Vec::new();
            answer.print(language, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(Answer::ok(Text::Nothing), Language::English, "+OK\r\n");
        check(Answer::ok(Text::Data("2 320".into())), Language::German, "+OK 2 320\r\n");
        check(
            Answer::err(Text::LoginWrong).code(Code::Auth),
            Language::English,
            "-ERR [AUTH] login or password is wrong\r\n",
        );
        check(
            Answer::err(Text::LoginWrong).code(Code::Auth),
            Language::German,
            "-ERR [AUTH] Anmeldename oder Passwort ist falsch\r\n",
        );
        check(Answer::ok(Text::Data("a\r\nb".into())), Language::English, "+OK a  b\r\n");
    }
}
