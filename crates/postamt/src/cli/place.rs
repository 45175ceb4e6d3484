//! Which running server a command is for, and what becomes of its answers.

use super::failure::Failure;
use crate::admin::client::Client;
use crate::config::{self, Mistakes};
use crate::language::caller;
use clap::Args;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What is looked for when nothing is named.
const CONFIG_HERE: &str = "postamt.toml";

/// The server, and how it is told about.
#[derive(Args, Debug, Clone)]
pub struct Place {
    /// The running server's configuration [default: ./postamt.toml, or else the demo in ./postamt-demo].
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The running server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// JSON, one object a line, instead of text.
    #[arg(long)]
    pub json: bool,
}

impl Place {
    /// Connects to the server.
    pub fn connect(&self) -> Result<Client, Failure> {
        let data = self.data().map_err(|mistakes| Failure::Wrong(mistakes.within(caller()).to_string()))?;
        Ok(Client::connect(&data)?)
    }

    /// The option that names the server, if one does.
    pub fn named(&self) -> Option<&'static str> {
        self.config.as_ref().map(|_| "--config").or_else(|| self.data.as_ref().map(|_| "--data"))
    }

    /// The server's data folder.
    pub fn data(&self) -> Result<PathBuf, Mistakes> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let here = Path::new(CONFIG_HERE);
        let config = self.config.as_deref().or_else(|| here.exists().then_some(here));
        match config {
            Some(config) => config::data_folder(config),
            None => Ok(super::DEMO_DATA.into()),
        }
    }

    /// Prints an item: as JSON, or as `text` says.
    pub fn tell<T: Serialize>(&self, item: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json { json(item) } else { say(&text(item)) }
    }
}

/// An object on a line of its own.
pub fn json(item: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(item).map_err(|error| Failure::Failed(error.to_string()))?;
    say(&format!("{line}\n"))
}

/// Prints `text` as it is.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    // A reader that has seen enough (`… | head`) is no failure.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Failure::ReaderGone)
}

/// The columns of the terminal; `None` where text goes elsewhere, and lines may be as long as they are.
pub fn columns() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    Some(size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns >= 40).unwrap_or(100))
}
