//! The lines of a transcript.

use std::time::Duration;

/// What one line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Line<'a> {
    Comment,
    SetUp(&'a str),
    Wait(Duration),
    Client(u32, Client<'a>),
    Server(u32, Server<'a>),
}

/// What the client does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Client<'a> {
    Line(&'a str),
    Raw(Vec<u8>),
    Cut,
    Eof,
}

/// What the server must do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Server<'a> {
    Line(&'a str),
    Any,
    None,
    Close,
    StartTls,
}

impl<'a> Line<'a> {
    /// Reads a line.
    pub(crate) fn parse(line: &'a str) -> Result<Line<'a>, String> {
        if line.starts_with('#') || line.trim().is_empty() {
            return Ok(Line::Comment);
        }
        if let Some(span) = line.strip_prefix("wait ") {
            return duration(span.trim()).map(Line::Wait).ok_or_else(|| format!("no time span: {span}"));
        }
        if let Some((number, rest)) = line.strip_prefix('C').and_then(numbered)
            && let Some(client) = client(rest)
        {
            return Ok(Line::Client(number, client?));
        }
        if let Some((number, rest)) = line.strip_prefix('S').and_then(numbered)
            && let Some(server) = server(rest)
        {
            return Ok(Line::Server(number, server));
        }
        Ok(Line::SetUp(line))
    }
}

/// The connection's number, which is 1 where none stands, and the rest.
fn numbered(text: &str) -> Option<(u32, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match text.strip_suffix(rest)? {
        "" => Some((1, rest)),
        digits => Some((digits.parse().ok()?, rest)),
    }
}

fn client(rest: &str) -> Option<Result<Client<'_>, String>> {
    let text = |mark| rest.strip_prefix(mark).map(|text: &str| text.strip_prefix(' ').unwrap_or(text));
    match rest.trim_end() {
        "-cut" => Some(Ok(Client::Cut)),
        "-eof" => Some(Ok(Client::Eof)),
        _ => text(':')
            .map(|text| Ok(Client::Line(text)))
            .or_else(|| text('|').map(|text| unescape(text).map(Client::Raw))),
    }
}

fn server(rest: &str) -> Option<Server<'_>> {
    match rest.trim_end() {
        "-none" => Some(Server::None),
        "-close" => Some(Server::Close),
        "-starttls" => Some(Server::StartTls),
        marked if marked.starts_with('*') => Some(Server::Any),
        _ => rest.strip_prefix(':').map(|text| Server::Line(text.strip_prefix(' ').unwrap_or(text))),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.strip_prefix(number)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.trim().parse::<u64>().ok().map(|n| Duration::from_secs(n * seconds))
}

/// The octets that an escaped text stands for.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        octets.push(match chars.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).map_err(|_| format!("no octet: \\x{digits}"))?
            }
            other => return Err(format!("no escape: \\{}", other.map(String::from).unwrap_or_default())),
        });
    }
    Ok(octets)
}

/// Octets as a transcript shows them: text stays, other octets are escaped.
pub(crate) fn show(octets: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => shown.push_str("\\r"),
                '\n' => shown.push_str("\\n"),
                c if c.is_control() && c != '\t' => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => shown.push(c),
            }
        }
        chunk.invalid().iter().for_each(|octet| shown.push_str(&format!("\\x{octet:02x}")));
    }
    shown
}
