//! What is wrong in a configuration, told so that it can be mended.

use crate::language::{Language, Text};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong; in both languages, or as a `String` in one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mistake<T = Text> {
    /// The line, from 1; `None` when it is about the file itself.
    pub line: Option<usize>,
    /// The key with its section, as `listener[2].tls`; empty where there is none.
    pub key: String,
    /// What is wrong, and what would be right.
    pub text: T,
}

/// All that is wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mistakes<T = Text> {
    /// The file.
    pub file: PathBuf,
    /// In the order of their lines.
    pub mistakes: Vec<Mistake<T>>,
}

impl Mistake {
    pub(super) fn whole_file(text: Text) -> Mistake {
        Mistake { line: None, key: String::new(), text }
    }

    fn within(&self, language: Language) -> Mistake<String> {
        Mistake { line: self.line, key: self.key.clone(), text: self.text.within(language).to_owned() }
    }
}

impl Mistakes {
    pub(super) fn new(file: &Path, mut mistakes: Vec<Mistake>) -> Mistakes {
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes.dedup();
        Mistakes { file: file.to_owned(), mistakes }
    }

    pub(super) fn one(file: &Path, mistake: Mistake) -> Mistakes {
        Mistakes::new(file, vec![mistake])
    }

    /// In one language.
    pub fn within(&self, language: Language) -> Mistakes<String> {
        let mistakes = self.mistakes.iter().map(|mistake| mistake.within(language)).collect();
        Mistakes { file: self.file.clone(), mistakes }
    }
}

impl Mistakes<String> {
    /// One line each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.mistakes.iter().map(|mistake| {
            let line = mistake.line.map(|line| format!("{line}:")).unwrap_or_default();
            let key = if mistake.key.is_empty() { String::new() } else { format!(" {}:", mistake.key) };
            format!("{}:{line}{key} {}", self.file.display(), mistake.text)
        })
    }
}

impl std::error::Error for Mistakes {}

/// In English, for the log.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.within(Language::English).fmt(f)
    }
}

/// One line each: `postamt.toml:7: account[1].pasword: …`.
impl fmt::Display for Mistakes<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, line) in self.lines().enumerate() {
            f.write_str(if n > 0 { "\n" } else { "" })?;
            f.write_str(&line)?;
        }
        Ok(())
    }
}
