//! The configuration, taken anew.

use super::protocol::{CertificateItem, ListenerItem, Trouble};
use super::server::{Fault, Office};
use super::status::{certificates, listener};
use crate::config::Mistake;
use crate::language::{Language, both, of_error};
use crate::server::ReloadError;
use serde::{Deserialize, Serialize};

/// What a reload came to.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Reloaded {
    /// The configuration; a server without one reads its certificates anew, and that is all.
    pub file: Option<String>,
    /// What is wrong with it. If there is anything, nothing has changed.
    pub mistakes: Vec<Mistake<String>>,
    pub opened: Vec<ListenerItem>,
    pub closed: Vec<ListenerItem>,
    pub changed: Vec<ListenerItem>,
    /// How many accounts the file declares.
    pub accounts: usize,
    /// How many domains it declares.
    pub domains: usize,
    /// As they are in use now.
    pub certificates: Vec<CertificateItem>,
}

pub async fn answer(office: &Office, language: Language) -> Result<Reloaded, Fault> {
    match office.reloading.reload().await {
        Ok(done) => Ok(Reloaded {
            file: done.config.map(|file| file.display().to_string()),
            mistakes: Vec::new(),
            opened: done.listeners.opened.iter().map(listener).collect(),
            closed: done.listeners.closed.iter().map(listener).collect(),
            changed: done.listeners.changed.iter().map(listener).collect(),
            accounts: done.accounts,
            domains: done.domains,
            certificates: certificates(&office.board.current()),
        }),
        Err(ReloadError::Mistakes(wrong)) => {
            let file = Some(wrong.file.display().to_string());
            Ok(Reloaded { file, mistakes: wrong.within(language).mistakes, ..Reloaded::default() })
        }
        Err(ReloadError::Refused(cause)) => {
            let nothing = both!("; nothing has changed", "; nichts wurde geändert");
            Err(Trouble::refused(of_error(&cause).then(&nothing)).into())
        }
    }
}
