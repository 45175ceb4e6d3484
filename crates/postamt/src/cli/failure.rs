//! Why a command did not do what it was told, and with which exit code it says so.

use crate::admin::client::ClientError;
use crate::admin::protocol::TroubleKind;
use crate::language::{caller, of_error, told};
use std::process::ExitCode;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub enum Failure {
    /// It could not be done: 1.
    Failed(String),
    /// The command or the configuration is wrong, as clap says it: 2.
    Wrong(String),
    /// The configuration is wrong, and how was printed: 2.
    WrongTold,
    /// There is no such thing: 3.
    Nothing(String),
    /// Nobody reads what is printed any more: 0.
    ReaderGone,
}

impl Failure {
    /// What it tells.
    pub fn text(self) -> String {
        match self {
            Failure::Failed(text) | Failure::Wrong(text) | Failure::Nothing(text) => text,
            Failure::WrongTold | Failure::ReaderGone => String::new(),
        }
    }

    /// Tells it on standard error.
    pub fn told(self) -> ExitCode {
        let (code, text) = match self {
            Failure::Failed(text) => (1, text),
            Failure::Wrong(text) => (2, text),
            Failure::Nothing(text) => (3, text),
            Failure::WrongTold => return ExitCode::from(super::WRONG),
            Failure::ReaderGone => return ExitCode::SUCCESS,
        };
        eprintln!("postamt: {text}");
        ExitCode::from(code)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let text = told(&error);
        match error {
            ClientError::Trouble(trouble) => match trouble.kind {
                TroubleKind::Wrong => Failure::Wrong(text),
                TroubleKind::NotFound => Failure::Nothing(text),
                TroubleKind::Refused | TroubleKind::Failed => Failure::Failed(text),
            },
            _ => Failure::Failed(text),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Failed(of_error(&error).within(caller()).to_owned())
    }
}
