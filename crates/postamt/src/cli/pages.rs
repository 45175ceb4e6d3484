//! Man pages and shell completions, from the same command tree that parses the command line.

use super::failure::Failure;
use super::{place, tree};
use crate::language::{Language, caller, say};
use anyhow::Context;
use clap::{Args, Command};
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
        None => place::say(&String::from_utf8_lossy(&page(&tree::for_pages())?)),
        Some(folder) => {
            let written = write_pages(folder)?;
            place::say(&say!("{written} pages in {to}\n", "{written} Seiten in {to}\n", to = folder.display()))
        }
    }
}

/// Prints what the shell reads.
pub fn completions(completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut tree::command(), NAME, &mut script);
    place::say(&String::from_utf8_lossy(&script))
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).render(&mut page);
    rendered.with_context(|| say!("cannot write the page", "die Seite lässt sich nicht schreiben"))?;
    let page = String::from_utf8_lossy(&page).replace("\n.SH EXTRA\n", "\n.SH EXAMPLES\n");
    Ok(match caller() {
        Language::English => page,
        Language::German => HEADINGS.iter().fold(page, |page, (english, german)| page.replace(english, german)),
    }
    .into_bytes())
}

/// What the renderer writes itself; in German as the manual's other pages have it.
const HEADINGS: [(&str, &str); 7] = [
    ("\n.SH NAME\n", "\n.SH BEZEICHNUNG\n"),
    ("\n.SH SYNOPSIS\n", "\n.SH ÜBERSICHT\n"),
    ("\n.SH DESCRIPTION\n", "\n.SH BESCHREIBUNG\n"),
    ("\n.SH OPTIONS\n", "\n.SH OPTIONEN\n"),
    ("\n.SH SUBCOMMANDS\n", "\n.SH BEFEHLE\n"),
    ("\n.SH EXAMPLES\n", "\n.SH BEISPIELE\n"),
    ("\\fIsubcommands\\fR", "\\fIBefehl\\fR"),
];

fn write_pages(folder: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(folder).with_context(|| {
        say!("cannot make {folder}", "{folder} lässt sich nicht anlegen", folder = folder.display())
    })?;
    let mut root = tree::for_pages();
    // Names such as postamt-queue-list come with it.
    root.build();
    let mut left = vec![root];
    let mut written = 0;
    while let Some(command) = left.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page(&command)?)
            .with_context(|| say!("cannot write {file}", "{file} lässt sich nicht schreiben", file = file.display()))?;
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
            clap_complete::generate(shell, &mut tree::command(), NAME, &mut script);
            assert!(String::from_utf8(script).unwrap().contains("hash-password"), "{shell}");
        }
        let mut left = vec![tree::command()];
        while let Some(command) = left.pop() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} shows no example", command.get_name());
            left.extend(command.get_subcommands().cloned());
        }
    }
}
