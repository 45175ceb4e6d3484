//! `postamt send`: a message from the command line.

use super::failure::Failure;
use super::place::Place;
use crate::admin::protocol::{Request, SentItem};
use crate::language::say;
use crate::samples::encoded_words;
use anyhow::Context;
use clap::Args;
use mail_builder::encoders::{Base64Encoder, QuotedPrintableEncoder};
use model::Address;
use std::io::{IsTerminal, Read};

/// Longer messages are refused before they are sent: they are held in memory here.
const MESSAGE_OCTETS_MAX: u64 = 256 << 20;

/// A line has at most 998 octets (RFC 5322 §2.1.1).
const SUBJECT_OCTETS_MAX: usize = 900;

/// A message.
#[derive(Args, Debug)]
pub struct Send {
    /// As whom: the address of an account, or one whose mail it gets.
    #[arg(long, value_name = "ADDRESS")]
    from: Address,
    /// To whom; may be named several times.
    #[arg(long, value_name = "ADDRESS", required = true)]
    to: Vec<Address>,
    /// What it is about.
    #[arg(long, value_name = "TEXT", default_value = "", conflicts_with = "raw")]
    subject: String,
    /// Standard input is the whole message with its header, not only its text.
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(send: &Send) -> Result<(), Failure> {
    let mut client = send.place.connect()?;
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let text = say!(
            "Type the message, and Ctrl-D on a line of its own at its end:",
            "Nachricht eingeben; Strg-D am Anfang einer Zeile beendet sie:"
        );
        eprintln!("{text}");
    }
    let mut input = Vec::new();
    stdin
        .take(MESSAGE_OCTETS_MAX + 1)
        .read_to_end(&mut input)
        .with_context(|| say!("cannot read the message", "die Nachricht lässt sich nicht lesen"))?;
    if input.len() as u64 > MESSAGE_OCTETS_MAX {
        let mib = MESSAGE_OCTETS_MAX >> 20;
        return Err(Failure::Wrong(say!(
            "the message is larger than {mib} MiB",
            "die Nachricht ist größer als {mib} MiB"
        )));
    }
    let message = if send.raw { lines(&input) } else { composed(send, &input)? };
    let ask = Request::MessageSend {
        from: send.from.to_string(),
        to: send.to.iter().map(ToString::to_string).collect(),
        size_octets: message.len() as u64,
    };
    let sent: SentItem = client.one_with(ask, &message)?;
    send.place.tell(&sent, |sent| format!("{}\n", sent.queue_id))
}

/// With CRLF at the end of each line (RFC 5321 §2.3.8), however they ended before.
fn lines(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 32);
    let mut last = 0;
    for &octet in octets {
        if octet == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(octet);
        last = octet;
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A message of this text; what the header lacks the server adds (RFC 6409 §8).
fn composed(send: &Send, text: &[u8]) -> Result<Vec<u8>, Failure> {
    let subject = &send.subject;
    if subject.chars().any(char::is_control) || subject.len() > SUBJECT_OCTETS_MAX {
        let text = say!(
            "the subject has control characters, or more than {SUBJECT_OCTETS_MAX} octets",
            "der Betreff enthält Steuerzeichen oder mehr als {SUBJECT_OCTETS_MAX} Byte"
        );
        return Err(Failure::Wrong(text));
    }
    let to: Vec<String> = send.to.iter().map(|to| format!("<{to}>")).collect();
    let mut out = format!("From: <{}>\r\nTo: {}\r\n", send.from, to.join(",\r\n\t"));
    if !subject.is_empty() {
        out += &format!("Subject: {}\r\n", encoded_words(subject, "UTF-8"));
    }
    let text = lines(text);
    let is_utf8 = std::str::from_utf8(&text).is_ok();
    let is_plain = text.is_ascii() && text.split(|&b| b == b'\n').all(|line| line.len() <= 990);
    let charset = if is_utf8 { "utf-8" } else { "unknown-8bit" };
    let (transfer, body) = match (is_plain, is_utf8) {
        (true, _) => ("7bit", text),
        (false, true) => (
            "quoted-printable",
            QuotedPrintableEncoder::new().preserve_line_breaks().encode(&text).with_context(not_encoded)?,
        ),
        (false, false) => ("base64", Base64Encoder::new().wrap_lines().encode(&text).with_context(not_encoded)?),
    };
    out += &format!(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n"
    );
    let mut out = out.into_bytes();
    out.extend_from_slice(&body);
    Ok(out)
}

fn not_encoded() -> String {
    say!("the text cannot be encoded", "der Text lässt sich nicht kodieren")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(subject: &str, text: &[u8]) -> String {
        let args = ["--from", "anna@demo.test", "--to", "ben@demo.test", "--subject", subject];
        #[derive(clap::Parser)]
        struct Whole {
            #[command(flatten)]
            send: Send,
        }
        let whole = <Whole as clap::Parser>::parse_from(std::iter::once("send").chain(args));
        String::from_utf8(super::composed(&whole.send, text).unwrap()).unwrap()
    }

    #[test]
    fn a_text_becomes_a_message() {
        let expected = "From: <anna@demo.test>\r\nTo: <ben@demo.test>\r\nSubject: S\r\nMIME-Version: 1.0\r\n\
                        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHallo\r\n";
        assert_eq!(composed("S", b"Hallo"), expected);
        let umlauts = composed("Grüße", "Grüße\n".as_bytes());
        assert!(umlauts.contains("Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"), "{umlauts}");
        assert!(umlauts.ends_with("quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"), "{umlauts}");
        let latin = composed("", b"Gr\xfc\xdfe");
        assert!(latin.contains("charset=unknown-8bit") && latin.contains("base64"), "{latin}");
        assert!(composed("S", &[b'x'; 2000]).split("\r\n").all(|line| line.len() <= 78));
    }

    #[test]
    fn lines_end_with_crlf_however_they_ended_before() {
        assert_eq!(lines(b"a\nb\r\nc"), b"a\r\nb\r\nc\r\n");
        assert_eq!(lines(b""), b"");
        assert_eq!(lines(b"\n\n"), b"\r\n\r\n");
    }
}
