//! Arguments of a measurement: `--messages 20000 --keep /var/tmp/million`.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// Those that nobody asked for yet.
pub struct Args(Vec<(String, String)>);

impl Args {
    /// Of this process.
    ///
    /// # Errors
    /// When one has no name or no value.
    pub fn of_process() -> Result<Args> {
        // Cargo adds `--bench`.
        Args::parse(std::env::args().skip(1).filter(|arg| arg != "--bench"))
    }

    fn parse(words: impl Iterator<Item = String>) -> Result<Args> {
        let (mut words, mut found) = (words, Vec::new());
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").with_context(|| format!("{word}: a name is wanted, as --messages"))?;
            let value = words.next().with_context(|| format!("--{name} has no value"))?;
            found.push((name.to_owned(), value));
        }
        Ok(Args(found))
    }

    /// What stands behind `--name`.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// The same, as a path.
    pub fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The same, as a number.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&mut self, name: &str, default: usize) -> Result<usize> {
        match self.text(name) {
            Some(text) => text.replace('_', "").parse().with_context(|| format!("--{name} {text}")),
            None => Ok(default),
        }
    }

    /// All are read.
    ///
    /// # Errors
    /// Names one that nobody knows.
    pub fn end(self) -> Result<()> {
        match self.0.first() {
            Some((name, _)) => bail!("--{name} is not known here"),
            None => Ok(()),
        }
    }
}
