//! New passwords: asked for, read, or made.

use super::failure::Failure;
use crate::demo;
use crate::language::{say, told};
use anyhow::Context;
use directory::Credential;
use env::Random;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Read, Stdin, Write};
use std::path::Path;

/// Longer ones are refused at log-in.
pub const OCTETS_MAX: u64 = 4096;

/// A password from standard input: asked for twice on a terminal, without being shown; else all that is there.
pub fn read() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let password = if stdin.is_terminal() {
        let first = asked(&stdin, &say!("New password: ", "Neues Passwort: "))?;
        if asked(&stdin, &say!("The same again: ", "Noch einmal: "))? != first {
            return Err(Failure::Failed(say!(
                "the two are not the same; nothing was changed",
                "die beiden stimmen nicht überein; nichts wurde geändert"
            )));
        }
        first
    } else {
        let mut octets = Vec::new();
        stdin.take(OCTETS_MAX + 3).read_to_end(&mut octets).with_context(unreadable)?;
        let octets = octets.strip_suffix(b"\n").unwrap_or(&octets);
        octets.strip_suffix(b"\r").unwrap_or(octets).to_vec()
    };
    if password.is_empty() {
        return Err(Failure::Wrong(say!(
            "the password is empty; it is read from standard input",
            "das Passwort ist leer; es wird von der Standardeingabe gelesen"
        )));
    }
    if password.len() as u64 > OCTETS_MAX {
        return Err(Failure::Wrong(say!(
            "the password is longer than {OCTETS_MAX} octets",
            "das Passwort ist länger als {OCTETS_MAX} Byte"
        )));
    }
    utf8(password)
}

/// A password that somebody else knows already: asked for once on a terminal, else all that standard input has.
pub fn known(question: &str) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let octets = if stdin.is_terminal() {
        asked(&stdin, question)?
    } else {
        let mut octets = Vec::new();
        stdin.take(OCTETS_MAX + 3).read_to_end(&mut octets).with_context(unreadable)?;
        octets
    };
    line(octets)
}

/// The password in a file's first line.
pub fn of_file(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let file =
        std::fs::File::open(path).with_context(|| say!("cannot open {name}", "{name} lässt sich nicht öffnen"))?;
    let mut octets = Vec::new();
    file.take(OCTETS_MAX + 3)
        .read_to_end(&mut octets)
        .with_context(|| say!("cannot read {name}", "{name} lässt sich nicht lesen"))?;
    line(octets)
}

fn line(octets: Vec<u8>) -> Result<String, Failure> {
    let line = octets.split(|&octet| octet == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.len() as u64 > OCTETS_MAX {
        return Err(Failure::Wrong(say!("the password is empty, or too long", "das Passwort ist leer oder zu lang")));
    }
    utf8(line.to_vec())
}

fn utf8(octets: Vec<u8>) -> Result<String, Failure> {
    let wrong = |_| Failure::Wrong(say!("the password is not UTF-8", "das Passwort ist kein UTF-8"));
    String::from_utf8(octets).map_err(wrong)
}

fn unreadable() -> String {
    say!("cannot read the password", "das Passwort lässt sich nicht lesen")
}

/// A new password of 80 bits.
pub fn generated() -> Result<String, Failure> {
    Ok(demo::password(&Urandom::new()?).expose().to_owned())
}

/// What `password_hash` takes.
pub fn hashed(password: &str) -> Result<String, Failure> {
    let credential = Credential::from_password(password.as_bytes(), &Urandom::new()?);
    let credential = credential.map_err(|error| Failure::Failed(told(&error)))?;
    let none = || Failure::Failed(say!("the password could not be hashed", "das Passwort ließ sich nicht hashen"));
    credential.to_text().ok_or_else(none)
}

/// The kernel's randomness, for commands that need no runtime.
struct Urandom(std::fs::File);

impl Urandom {
    fn new() -> anyhow::Result<Urandom> {
        std::fs::File::open("/dev/urandom")
            .map(Urandom)
            .with_context(|| say!("cannot open /dev/urandom", "/dev/urandom lässt sich nicht öffnen"))
    }
}

impl Random for Urandom {
    fn fill(&self, out: &mut [u8]) {
        (&self.0).read_exact(out).expect("the kernel always gives randomness");
    }
}

/// The terminal as it was, put back when this ends.
struct Quiet<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl<'a> Quiet<'a> {
    /// Keys come one by one and are not shown; Ctrl-C is a key as well, so that nobody is left with a mute terminal.
    fn new(stdin: &'a Stdin) -> anyhow::Result<Quiet<'a>> {
        let before = tcgetattr(stdin).with_context(mute)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(stdin, OptionalActions::Flush, &quiet).with_context(mute)?;
        Ok(Quiet { stdin, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(self.stdin, OptionalActions::Flush, &self.before) {
            let text = say!(
                "the terminal cannot be put back ({error}); type: reset",
                "das Terminal lässt sich nicht zurückstellen ({error}); Abhilfe: reset"
            );
            eprintln!("postamt: {text}");
        }
        eprintln!();
    }
}

fn mute() -> String {
    say!("cannot hide what is typed", "die Eingabe lässt sich nicht verbergen")
}

fn asked(stdin: &Stdin, question: &str) -> Result<Vec<u8>, Failure> {
    eprint!("{question}");
    std::io::stderr().flush().with_context(|| say!("cannot ask", "die Frage lässt sich nicht stellen"))?;
    let quiet = Quiet::new(stdin)?;
    let typed = typed(quiet.stdin.lock().bytes());
    drop(quiet);
    typed.with_context(unreadable)?.ok_or_else(|| Failure::Failed(say!("nothing was changed", "nichts wurde geändert")))
}

/// What is typed up to Enter; `None` after Ctrl-C.
fn typed(keys: impl Iterator<Item = std::io::Result<u8>>) -> std::io::Result<Option<Vec<u8>>> {
    let mut typed: Vec<u8> = Vec::new();
    for key in keys {
        match key? {
            b'\r' | b'\n' | 0x04 => return Ok(Some(typed)),
            0x03 | 0x1c => return Ok(None),
            // Backspace takes a character, which is several octets perhaps.
            0x08 | 0x7f => while typed.pop().is_some_and(|octet| octet & 0xc0 == 0x80) {},
            0x15 => typed.clear(),
            key if typed.len() as u64 <= OCTETS_MAX => typed.push(key),
            _ => {}
        }
    }
    Ok(Some(typed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_can_be_mended() {
        let check = |keys: &str| typed(keys.bytes().map(Ok)).unwrap().map(|typed| String::from_utf8(typed).unwrap());
        assert_eq!(check("geheim\rrest").as_deref(), Some("geheim"));
        assert_eq!(check("gehö\u{7f}eim\n").as_deref(), Some("geheim"));
        assert_eq!(check("falsch\u{15}richtig\n").as_deref(), Some("richtig"));
        assert_eq!(check("\u{7f}x\n").as_deref(), Some("x"));
        assert_eq!(check("gehe\u{3}"), None);
        assert_eq!(generated().unwrap().len(), 16);
        assert_ne!(generated().unwrap(), generated().unwrap());
    }
}
