//! Asking whether something is meant so.

use super::failure::Failure;
use crate::language::told;
use std::io::{BufRead, Write};

/// Whether somebody at the terminal says yes.
pub fn yes(question: &str) -> Result<bool, Failure> {
    eprint!("{question}");
    std::io::stderr().flush().map_err(|error| Failure::Failed(told(&error)))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::Failed(told(&error)))?;
    // Whoever is asked in German may answer from habit.
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "j" | "ja"))
}
