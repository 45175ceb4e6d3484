//! The command line.
//!
//! | module | what |
//! |---|---|
//! | `trace`, `queue`, `account`, `domain`, `alias`, `send`, `reload`, `status` | commands for the running server |
//! | `deleted`, `removed` | what was deleted, and accounts that were removed |
//! | `pages` | man pages, completions |
//! | `import`, `export`, `fetch` | mail from files, into them, from other servers |
//! | `backup` | everything into a folder, and out of it |
//! | `store` | is everything as it should be? |
//! | `dns` | what zones should hold |
//! | `people` | what accounts, domains and aliases have in common |
//! | `place`, `failure` | which server, and how its answers and refusals are told |
//! | `password`, `text` | asking for passwords; quantities and tables |
//! | `tree`, `german`, `usage` | the command tree in the caller's language; what is wrong with a command line |

mod account;
mod alias;
mod backup;
mod confirm;
mod deleted;
mod dns;
mod domain;
mod export;
mod failure;
mod fetch;
mod german;
mod import;
mod pages;
mod password;
mod people;
mod place;
mod queue;
mod reload;
mod removed;
mod send;
mod status;
mod store;
pub mod text;
mod trace;
mod tree;
mod usage;

use crate::config::{self, Mistakes};
use crate::language::{caller, say};
use crate::plan::ServePlan;
use crate::{demo, figures, screen, server};
use anyhow::Context;
use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use env::Random;
use failure::Failure;
use model::Timestamp;
use net::runtime::TokioEnv;
use net::systemd::Inherited;
use place::Place;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "Examples:
  postamt                              a demo on loopback, data in ./postamt-demo
  postamt check --config postamt.toml  everything wrong with the file, at once
  postamt serve --config postamt.toml  the server
  postamt status                       how the running server is
  postamt trace --to ben@example.org   what became of a message

Exit codes: 0 done, 1 failed, 2 the command or the configuration is wrong, 3 there is no such thing.
Log lines go to standard error; POSTAMT_LOG=debug shows more of them.";

/// The whole post office in one program. Without a command: a demo.
#[derive(Parser, Debug)]
#[command(name = "postamt", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// A mail server on loopback with three accounts and sample mail; nothing leaves the machine.
    #[command(after_help = "Example:\n  postamt demo --data /tmp/demo")]
    Demo {
        /// The folder for mail and logins.
        #[arg(long, value_name = "DIR", default_value = DEMO_DATA)]
        data: PathBuf,
        #[command(flatten)]
        log: Log,
    },
    /// The server, as the configuration says.
    #[command(after_help = "Example:\n  postamt serve --config postamt.toml")]
    Serve {
        /// The configuration; docs/configuration.md lists its keys.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[command(flatten)]
        log: Log,
    },
    /// Tells everything that is wrong with a configuration, without starting anything.
    #[command(after_help = "Example:\n  postamt check --config postamt.toml --json")]
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// How the running server is: store, listeners, connections, queue.
    #[command(after_help = "Examples:\n  postamt status\n  postamt status --config /etc/postamt.toml --json")]
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Takes the configuration file anew, without a restart; with a mistake in it nothing changes.
    #[command(after_help = reload::EXAMPLES)]
    Reload {
        #[command(flatten)]
        place: Place,
    },
    /// What happened to messages, why, and what happens next.
    #[command(after_help = "Examples:\n  postamt trace 06559b0f9ac00001\n  \
                            postamt trace --to ben@example.org --since 2d\n  postamt trace --follow")]
    Trace(trace::Trace),
    /// The queue: what waits to be delivered, and what can be done about it.
    #[command(subcommand, after_help = "Example:\n  postamt queue list")]
    Queue(queue::Queue),
    /// Accounts: who has mail here.
    #[command(subcommand, after_help = "Example:\n  postamt account list")]
    Account(account::Account),
    /// What was deleted, and bringing it back.
    #[command(subcommand, after_help = deleted::EXAMPLES)]
    Deleted(deleted::Deleted),
    /// Domains whose mail is taken here.
    #[command(subcommand, after_help = "Example:\n  postamt domain list")]
    Domain(domain::DomainCommand),
    /// Aliases: addresses that stand for others.
    #[command(subcommand, after_help = "Example:\n  postamt alias list")]
    Alias(alias::Alias),
    /// Takes everything into a folder, and brings back all or some of it.
    #[command(subcommand, after_help = backup::EXAMPLES)]
    Backup(backup::BackupCommand),
    /// The store: whether what is in the data folder is as it was written.
    #[command(subcommand, after_help = store::EXAMPLES)]
    Store(store::Store),
    /// What DNS should hold, so that mail and mail programs find the server.
    #[command(subcommand, after_help = "Example:\n  postamt dns show example.org")]
    Dns(dns::Dns),
    /// Sends a message through the running server, and prints its queue id.
    #[command(after_help = "Examples:\n  \
                            echo Hello | postamt send --from anna@demo.test --to ben@example.org --subject Hi\n  \
                            postamt send --from anna@demo.test --to ben@example.org --raw < message.eml")]
    Send(send::Send),
    /// Brings mail from files (Maildir, mbox, eml) into an account.
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Writes an account's mail into files (Maildir, mbox, eml).
    #[command(after_help = export::EXAMPLES)]
    Export(export::Export),
    /// Brings mail from another server, by IMAP or POP3, into an account.
    #[command(after_help = fetch::EXAMPLES)]
    Fetch(fetch::Fetch),
    /// Prints the reference of all metrics, in Markdown.
    #[command(after_help = "Example:\n  postamt metrics | less")]
    Metrics,
    /// Prints the reference of all configuration keys, in Markdown.
    #[command(after_help = "Example:\n  postamt keys | less")]
    Keys,
    /// Prints or writes the manual's pages.
    #[command(after_help = "Examples:\n  postamt man | man -l -\n  postamt man --to /usr/local/share/man/man1")]
    Man(pages::Man),
    /// Prints a shell's completions.
    #[command(after_help = "Example:\n  postamt completions bash > /etc/bash_completion.d/postamt")]
    Completions(pages::Completions),
    /// Reads a password from standard input and prints what `password_hash` takes: its Argon2id hash and SCRAM keys.
    #[command(after_help = "Example:\n  printf %s 'my password' | postamt hash-password")]
    HashPassword {
        /// One JSON object instead of a line.
        #[arg(long)]
        json: bool,
    },
}

/// How events are told.
#[derive(Args, Debug)]
struct Log {
    /// How log lines look [default: text on a terminal, else json].
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum LogFormat {
    #[value(help = say!("For people", "für Menschen"))]
    Text,
    #[value(help = say!("One JSON object a line", "ein JSON-Objekt je Zeile"))]
    Json,
}

/// The command or the configuration is wrong; as clap says it.
const WRONG: u8 = 2;
const DEMO_DATA: &str = "postamt-demo";

/// Does what the command line says.
pub fn run() -> ExitCode {
    let mut command = tree::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    match parsed.and_then(|found| Cli::from_arg_matches(&found).map_err(|error| error.format(&mut command))) {
        Ok(cli) => done(cli),
        Err(error) => usage::told(&error),
    }
}

fn done(cli: Cli) -> ExitCode {
    // Mail is nobody else's: whatever we make is the owner's alone, unless it is given away on purpose.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let done = match cli.command.unwrap_or(Command::Demo { data: DEMO_DATA.into(), log: Log { log_format: None } }) {
        Command::Demo { data, log } => start(&log, "warn", |world| demo::plan(&data, world)),
        Command::Serve { config, log } => match config::load(&config) {
            Ok(plan) => start(&log, "info", |_| Ok(plan)),
            Err(mistakes) => return wrong(&mistakes),
        },
        Command::Check { config, json } => return check(&config, json),
        Command::Status { place } => status::run(&place),
        Command::Reload { place } => reload::run(&place),
        Command::Trace(trace) => trace::run(&trace),
        Command::Queue(queue) => queue::run(&queue),
        Command::Account(account) => account::run(&account),
        Command::Deleted(deleted) => deleted::run(&deleted),
        Command::Domain(domain) => domain::run(&domain),
        Command::Alias(alias) => alias::run(&alias),
        Command::Backup(backup) => backup::run(&backup),
        Command::Store(store) => store::run(&store),
        Command::Dns(dns) => dns::run(&dns),
        Command::Send(send) => send::run(&send),
        Command::Import(import) => import::run(&import),
        Command::Export(export) => export::run(&export),
        Command::Fetch(fetch) => fetch::run(&fetch),
        Command::Keys => place::say(&config::reference()),
        Command::Metrics => place::say(&figures::reference()),
        Command::Man(man) => pages::man(&man),
        Command::Completions(completions) => pages::completions(&completions),
        Command::HashPassword { json } => hash_password(json),
    };
    done.map_or_else(Failure::told, |()| ExitCode::SUCCESS)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

type Runtime = tokio::runtime::Runtime;

/// Tasks that a thread runs before it looks at the sockets again. Tokio's 61 are many for tasks that may each write
/// hundreds of KiB: a newcomer would wait for all of them.
const EVENT_INTERVAL: u32 = 16;

/// Serves what `plan` says, given randomness.
fn start(log: &Log, level: &str, plan: impl FnOnce(&dyn Random) -> anyhow::Result<ServePlan>) -> Result<(), Failure> {
    log.begin(level);
    // Before there are threads: it changes the environment.
    let inherited = net::systemd::inherited()
        .with_context(|| say!("the inherited sockets cannot be used", "die übergebenen Sockets sind unbrauchbar"))?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_all().event_interval(EVENT_INTERVAL).build().with_context(server::no_threads)?;
    let world = {
        let _inside = runtime.enter();
        TokioEnv::new().with_context(server::no_threads)?
    };
    let plan = plan(&*world)?;
    Ok(serve(&runtime, plan, inherited)?)
}

fn serve(runtime: &Runtime, plan: ServePlan, inherited: Vec<Inherited>) -> anyhow::Result<()> {
    let (demo, data) = (plan.demo.clone(), plan.data.clone());
    let ready = move |bound: &[crate::plan::Bound]| {
        let text = match &demo {
            Some(demo) => screen::demo(demo, bound),
            None => screen::served(&data, bound),
        };
        // That nobody reads it is no reason to stop a server.
        if place::say(&text).is_err() {
            tracing::debug!(event = "screen.lost");
        }
    };
    runtime.block_on(server::serve(plan, inherited, ready))
}

fn wrong(mistakes: &Mistakes) -> ExitCode {
    eprintln!("{}", mistakes.within(caller()));
    ExitCode::from(WRONG)
}

fn check(config: &Path, json: bool) -> ExitCode {
    let mistakes = match config::load(config) {
        Ok(_) if json => {
            println!("{}", serde_json::json!({ "file": config, "mistakes": [] }));
            return ExitCode::SUCCESS;
        }
        Ok(plan) => {
            let (file, accounts) = (config.display(), text::accounts(plan.directory.accounts.len()));
            let listeners = text::count(plan.listeners.len(), ["listener", "listeners"], ["Listener", "Listener"]);
            println!(
                "{}",
                say!("{file}: good: {accounts}, {listeners}", "{file}: in Ordnung: {accounts}, {listeners}")
            );
            return ExitCode::SUCCESS;
        }
        Err(mistakes) => mistakes,
    };
    if json {
        println!("{}", serde_json::json!(mistakes.within(caller())));
        return ExitCode::from(WRONG);
    }
    wrong(&mistakes)
}

fn hash_password(json: bool) -> Result<(), Failure> {
    let password = password::read()?;
    let hash = password::hashed(&password)?;
    if json {
        return place::json(&serde_json::json!({ "password_hash": hash }));
    }
    place::say(&format!("{hash}\n"))
}

impl Log {
    /// Events go to standard error; `POSTAMT_LOG` says from which level on.
    fn begin(&self, level: &str) {
        let filter = tracing_subscriber::EnvFilter::try_from_env("POSTAMT_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
        let usual = if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
        match self.log_format.unwrap_or(usual) {
            LogFormat::Text => lines.init(),
            LogFormat::Json => lines.json().flatten_event(true).init(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound_and_no_command_is_the_demo() {
        Cli::command().debug_assert();
        assert!(Cli::parse_from(["postamt"]).command.is_none());
        assert!(Cli::try_parse_from(["postamt", "serve"]).is_err());
    }
}
