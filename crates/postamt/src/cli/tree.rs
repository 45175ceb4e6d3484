//! The command tree in the caller's language. English stands where the commands do; German comes from a table, by the English
//! text, and is put into the tree that clap has built, so that `--help`, man pages and completions all have it.

use super::Cli;
use super::german::{TEXTS, VALUE_NAMES};
use crate::language::{Language, OPTION, caller};
use clap::builder::{EnumValueParser, PossibleValue, Resettable, StyledStr};
use clap::{Arg, Command, CommandFactory};

/// The tree that parses the command line, and explains itself.
pub fn command() -> Command {
    whole(Cli::command())
}

/// As it is printed: the command `help` has no page of its own.
pub fn for_pages() -> Command {
    whole(Cli::command().disable_help_subcommand(true))
}

fn whole(command: Command) -> Command {
    let language = Arg::new(OPTION)
        .long(OPTION)
        .global(true)
        .display_order(900)
        .value_name("LANGUAGE")
        .value_parser(EnumValueParser::<Language>::new())
        .help("The language of help and messages [default: that of the locale]");
    let mut command = command.arg(language);
    if caller() == Language::English {
        return command;
    }
    // What clap adds itself, as `--help`, shall be German too.
    command.build();
    german(command)
}

/// Commands nest as deep as they are written here.
fn german(command: Command) -> Command {
    let styled = |text: Option<String>| Resettable::from(text.map(StyledStr::from));
    let about = styled(command.get_about().map(translated));
    let long_about = styled(command.get_long_about().map(translated));
    let examples = styled(command.get_after_help().map(examples));
    let command = command.about(about).long_about(long_about).after_help(examples).subcommand_value_name("BEFEHL");
    let command = command.mut_args(argument).mut_subcommands(german);
    let template = template(&command);
    let mut command = command.help_template(template);
    let usage = command.render_usage().to_string().replace("[OPTIONS]", "[OPTIONEN]");
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    command.override_usage(usage)
}

/// As clap's own, with German headings.
fn template(command: &Command) -> String {
    let mut template = "{about-with-newline}\nAufruf: {usage}".to_owned();
    if command.get_subcommands().any(|command| !command.is_hide_set()) {
        template += "\n\nBefehle:\n{subcommands}";
    }
    if command.get_positionals().next().is_some() {
        template += "\n\nArgumente:\n{positionals}";
    }
    if command.get_opts().next().is_some() || command.get_arguments().any(|arg| !arg.is_positional()) {
        template += "\n\nOptionen:\n{options}";
    }
    template + "{after-help}"
}

fn argument(arg: Arg) -> Arg {
    let mut help = arg.get_help().map(translated).unwrap_or_default();
    let mut long_help = arg.get_long_help().map(translated);
    // Clap would say these in English.
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let takes_values = arg.get_action().takes_values();
    if takes_values && !defaults.is_empty() && !arg.is_hide_default_value_set() && defaults != [""] {
        help += &format!(" [Vorgabe: {}]", defaults.join(", "));
    }
    let values = arg.get_possible_values();
    if takes_values && !values.is_empty() && !arg.is_hide_possible_values_set() {
        let width = 1 + values.iter().map(|value| value.get_name().len()).max().unwrap_or(0);
        let line = |value: &PossibleValue| {
            let name = format!("{}:", value.get_name());
            Some(format!("\n- {name:<width$} {}", value.get_help()?))
        };
        let long: String = values.iter().filter_map(line).collect();
        if !long.is_empty() {
            long_help = Some(format!("{help}\n\nMögliche Werte:{long}"));
        }
        let names: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        help += &format!(" [mögliche Werte: {}]", names.join(", "));
    }
    let names = arg.get_value_names().unwrap_or_default();
    let german = |name: &str| VALUE_NAMES.iter().find(|(known, _)| *known == name).map(|(_, german)| *german);
    let names: Vec<&str> = names.iter().filter_map(|name| german(name)).collect();
    let arg = if names.is_empty() { arg } else { arg.value_names(names) };
    let arg = arg.hide_default_value(true).hide_possible_values(true);
    arg.help(StyledStr::from(help)).long_help(Resettable::from(long_help.map(StyledStr::from)))
}

/// The German of a text; a test says where there is none.
fn translated(english: &StyledStr) -> String {
    of(&english.to_string())
}

fn of(english: &str) -> String {
    let found = TEXTS.iter().find(|(known, _)| *known == english);
    found.map_or(english, |(_, german)| german).to_owned()
}

/// Commands read the same in both languages, prose does not; empty lines stand between the two.
fn examples(english: &StyledStr) -> String {
    let english = english.to_string();
    let block = |text: &str| match text.split_once('\n') {
        Some(("Example:", commands)) if bare(commands) => format!("Beispiel:\n{commands}"),
        Some(("Examples:", commands)) if bare(commands) => format!("Beispiele:\n{commands}"),
        _ => of(text),
    };
    english.split("\n\n").map(block).collect::<Vec<_>>().join("\n\n")
}

/// Whether these lines are commands without remarks beside them.
fn bare(lines: &str) -> bool {
    lines.lines().all(|line| line.strip_prefix("  ").is_some_and(|command| !command.contains("   ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::in_german;
    use std::collections::BTreeSet;

    /// Every text of the tree for people, of a piece that is translated together.
    fn texts(command: &Command, found: &mut BTreeSet<String>) {
        let abouts = [command.get_about(), command.get_long_about()];
        let helps = command.get_arguments().flat_map(|arg| [arg.get_help(), arg.get_long_help()]);
        found.extend(abouts.into_iter().chain(helps).flatten().map(ToString::to_string));
        for block in command.get_after_help().map(ToString::to_string).unwrap_or_default().split("\n\n") {
            let commands = block.strip_prefix("Example").and_then(|rest| rest.split_once(":\n"));
            if commands.is_none_or(|(_, commands)| !bare(commands)) {
                found.insert(block.to_owned());
            }
        }
        command.get_subcommands().for_each(|command| texts(command, found));
    }

    #[test]
    fn every_text_of_the_tree_has_its_german_and_none_is_left_over() {
        let mut found = BTreeSet::new();
        let mut english = command();
        english.build();
        texts(&english, &mut found);
        found.remove("");
        let known: BTreeSet<String> = TEXTS.iter().map(|(english, _)| (*english).to_owned()).collect();
        assert_eq!(known.len(), TEXTS.len(), "a text is there twice");
        let missing: Vec<_> = found.difference(&known).collect();
        assert!(missing.is_empty(), "cli/german.rs lacks: {missing:#?}");
        let stale: Vec<_> = known.difference(&found).collect();
        assert!(stale.is_empty(), "cli/german.rs has what no command says: {stale:#?}");
        assert!(TEXTS.iter().all(|(english, german)| english != german && !german.is_empty()));
    }

    #[test]
    fn every_name_of_a_value_is_known() {
        let mut left = vec![command()];
        while let Some(command) = left.pop() {
            let names = command.get_arguments().filter(|arg| arg.get_action().takes_values());
            for name in names.flat_map(|arg| arg.get_value_names().unwrap_or_default()) {
                assert!(VALUE_NAMES.iter().any(|(english, _)| *english == name.as_str()), "{name}");
            }
            left.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn german_help_has_no_english_left_and_the_same_commands() {
        const ENGLISH: [&str; 9] =
            ["Usage", "Options:", "Arguments:", "Commands:", "Example", "[default", "[possible", "Print ", "[OPTIONS]"];
        let mut left = vec![in_german(command)];
        while let Some(mut command) = left.pop() {
            let help = in_german(|| command.render_long_help().to_string() + &command.render_help().to_string());
            for word in ENGLISH {
                assert!(!help.contains(word), "\"{word}\" in the help of {}:\n{help}", command.get_name());
            }
            assert!(help.contains("Aufruf: postamt") && !help.contains("[Vorgabe: false]"), "{help}");
            left.extend(command.get_subcommands().cloned());
        }
        let parsed =
            in_german(|| command().try_get_matches_from(["postamt", "queue", "list", "--held", "--limit", "3"]));
        assert!(parsed.is_ok(), "{parsed:?}");
    }
}
