//! What is wrong in a configuration, told so that it can be mended.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mistake {
    /// The line, from 1; `None` when it is about the file itself.
    pub line: Option<usize>,
    /// The key with its section, as `listener[2].tls`; empty where there is none.
    pub key: String,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// All that is wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mistakes {
    /// The file.
    pub file: PathBuf,
    /// In the order of their lines.
    pub mistakes: Vec<Mistake>,
}

impl Mistake {
    pub(super) fn whole_file(text: String) -> Mistake {
        Mistake { line: None, key: String::new(), text }
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
}

impl Mistakes {
    /// One line each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let one = |mistake: &Mistake| Mistakes { file: self.file.clone(), mistakes: vec![mistake.clone()] }.to_string();
        self.mistakes.iter().map(one)
    }
}

impl std::error::Error for Mistakes {}

/// One line each: `postamt.toml:7: account[1].pasword: …`.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.mistakes.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.file.display())?;
            if let Some(line) = mistake.line {
                write!(f, "{line}:")?;
            }
            if !mistake.key.is_empty() {
                write!(f, " {}:", mistake.key)?;
            }
            write!(f, " {}", mistake.text)?;
        }
        Ok(())
    }
}
