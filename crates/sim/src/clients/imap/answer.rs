//! All that a server says to a command.

use crate::link::{Gone, Link};

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// `OK`
    Ok,
    /// `NO`
    No,
    /// `BAD`
    Bad,
}

/// The lines up to the tagged one.
pub struct Answer {
    /// Of the tagged line.
    pub status: Status,
    /// The tagged line's response code, without arguments.
    pub code: String,
    /// The tagged line.
    pub text: String,
    lines: Vec<Line>,
}

/// A line with its literals.
struct Line {
    text: String,
    literals: Vec<Vec<u8>>,
}

impl Answer {
    /// Reads up to the line that begins with `tag`.
    pub async fn read(link: &mut Link, tag: &str) -> Result<Answer, Gone> {
        let mut lines = Vec::new();
        loop {
            let line = read_line(link).await?;
            if line.text.starts_with("* BYE") {
                return Err(Gone);
            }
            let Some(rest) = line.text.strip_prefix(tag) else {
                lines.push(line);
                continue;
            };
            let status = match rest.split(' ').next() {
                Some("OK") => Status::Ok,
                Some("NO") => Status::No,
                _ => Status::Bad,
            };
            let code = rest.split_once('[').and_then(|(_, code)| code.split([' ', ']']).next()).unwrap_or_default();
            let (code, text) = (code.to_owned(), rest.to_owned());
            lines.push(Line { text: text.clone(), literals: Vec::new() });
            return Ok(Answer { status, code, text, lines });
        }
    }

    /// The untagged responses of this name, literals in them.
    pub fn untagged(&self, name: &'static str) -> impl Iterator<Item = String> + '_ {
        let of = move |line: &&Line| line.text.split(' ').take(3).any(|word| word.trim_end() == name);
        self.lines.iter().filter(of).map(|line| {
            let literals = line.literals.iter().map(|literal| String::from_utf8_lossy(literal).into_owned());
            std::iter::once(line.text.clone()).chain(literals).collect::<Vec<_>>().join(" ")
        })
    }

    /// All literals.
    pub fn literals(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.lines.iter().flat_map(|line| &line.literals)
    }

    /// The number of a response code.
    pub fn number(&self, code: &str) -> Option<u64> {
        let code = format!("[{code} ");
        self.lines.iter().find_map(|line| number_behind(&line.text, &code))
    }

    /// The arguments of a response code.
    pub fn words(&self, code: &str) -> Vec<String> {
        let code = format!("[{code} ");
        let found = self.lines.iter().find_map(|line| line.text.split_once(&code)?.1.split(']').next());
        found.map_or_else(Vec::new, |words| words.split(' ').map(str::to_owned).collect())
    }

    /// What was said, for people.
    pub fn lines(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }
}

async fn read_line(link: &mut Link) -> Result<Line, Gone> {
    let mut whole = Line { text: String::new(), literals: Vec::new() };
    loop {
        let line = String::from_utf8_lossy(&link.line().await?).trim_end().to_owned();
        let octets = line.strip_suffix('}').and_then(|line| line.rsplit_once('{')?.1.parse::<usize>().ok());
        whole.text.push_str(&line);
        match octets {
            Some(octets) => whole.literals.push(link.exactly(octets).await?),
            None => return Ok(whole),
        }
    }
}

/// The number that stands behind `word`.
pub fn number_behind(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
