//! Reading a message's structure: microseconds a message, its end (the preview) apart; `--corpus FOLDER` of `.eml` files.

use message::Scanner;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 200;
/// As they come from a socket.
const CHUNK_OCTETS: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.iter().skip_while(|argument| *argument != "--corpus").nth(1);
    let messages = match folder {
        Some(folder) => corpus(folder)?,
        None => vec![plain(), quoted(), alternative()],
    };
    let octets: usize = messages.iter().map(Vec::len).sum();
    let (mut read, mut ended) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        for message in &messages {
            let begun = Instant::now();
            let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
            message.chunks(CHUNK_OCTETS).for_each(|chunk| scanner.push(black_box(chunk)));
            let whole = Instant::now();
            black_box(scanner.finish());
            read += whole - begun;
            ended += whole.elapsed();
        }
    }
    let count = messages.len() as u32 * ROUNDS;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    println!(
        "{count} messages of {} octets: {:.2} µs each, {:.2} of it the end; {:.0} MB/s",
        octets / messages.len().max(1),
        each(read + ended),
        each(ended),
        (octets as f64 * f64::from(ROUNDS)) / (read + ended).as_secs_f64() / 1e6,
    );
    Ok(())
}

fn corpus(folder: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut messages = Vec::new();
    for entry in fs::read_dir(folder)? {
        messages.push(fs::read(entry?.path())?);
    }
    Ok(messages)
}

const HEADER: &str = "Received: from a.example.org (a.example.org [192.0.2.7])\r\n\tby mx.example.net with ESMTPS id 42;\r\n\
    \tThu, 4 Apr 2026 03:03:21 +0300\r\nDate: Thu, 4 Apr 2026 03:03:21 +0300\r\nFrom: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n\
    To: Anna <anna@example.net>, =?utf-8?q?Bj=C3=B6rn?= <bjoern@example.net>\r\nSubject: =?utf-8?b?R3LDvMOfZSBhdXMgS8O2bG4=?=\r\n\
    Message-ID: <1@example.org>\r\nReferences: <2@example.org> <3@example.org>\r\nMIME-Version: 1.0\r\n";

fn plain() -> Vec<u8> {
    format!("{HEADER}\r\n{}", "The quick brown fox jumps over the lazy dog, as it does each day.\r\n".repeat(50)).into()
}

fn quoted() -> Vec<u8> {
    let fields = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n";
    format!(
        "{HEADER}{fields}\r\n{}",
        "Gr=FC=DFe aus K=F6ln, wo sich am Morgen der Nebel =FCber den Rhein=\r\n legt.\r\n".repeat(40)
    )
    .into()
}

fn alternative() -> Vec<u8> {
    let text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    let base64 = "R3LDvMOfZSBhdXMgS8O2bG4sIHdvIHNpY2ggYW0gTW9yZ2VuIGRlciBOZWJlbCDDvGJlciBkZW4g\r\n".repeat(20);
    let page = "<p>Tom &amp; J&eacute;r<b>ry</b>, und noch ein Satz.</p>\r\n".repeat(30);
    format!(
        "{HEADER}Content-Type: multipart/alternative; boundary=b42\r\n\r\n--b42\r\n{text}\r\n{base64}\r\n--b42\r\n{html}\r\n{page}--b42--\r\n"
    )
    .into()
}
