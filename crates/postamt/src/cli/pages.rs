//! Man pages and shell completions, from the same command tree that parses the command line.

use super::failure::Failure;
use super::{Cli, place};
use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

/// The program's name, as it is called.
const NAME: &str = "postamt";

/// `postamt man`
#[derive(Args, Debug)]
pub struct Man {
    /// A folder for the pages of all commands, made if it is not there; without it the main page is printed.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// `postamt completions`
#[derive(Args, Debug)]
pub struct Completions {
    /// For which shell.
    shell: Shell,
}

/// Prints the main page, or writes all of them.
pub fn man(man: &Man) -> Result<(), Failure> {
    match &man.to {
        None => place::say(&String::from_utf8_lossy(&page(&Cli::command())?)),
        Some(folder) => {
            let written = write_pages(folder)?;
            place::say(&format!("{written} pages in {}\n", folder.display()))
        }
    }
}

/// Prints what the shell reads.
pub fn completions(completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), NAME, &mut script);
    place::say(&String::from_utf8_lossy(&script))
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).context("cannot render the page")?;
    Ok(page)
}

fn write_pages(folder: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut root = Cli::command().disable_help_subcommand(true);
    // Names such as postamt-queue-list come with it.
    root.build();
    let mut left = vec![root];
    let mut written = 0;
    while let Some(command) = left.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page(&command)?).with_context(|| format!("cannot write {}", file.display()))?;
        written += 1;
        left.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_an_example_and_a_completion() {
        let folder = tempfile::tempdir().unwrap();
        let written = write_pages(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), written);
        let page = std::fs::read_to_string(folder.path().join("postamt-queue-list.1")).unwrap();
        assert!(page.contains("postamt queue list"), "{page}");
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
            assert!(String::from_utf8(script).unwrap().contains("hash-password"), "{shell}");
        }
        let mut left = vec![Cli::command()];
        while let Some(command) = left.pop() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} shows no example", command.get_name());
            left.extend(command.get_subcommands().cloned());
        }
    }
}
