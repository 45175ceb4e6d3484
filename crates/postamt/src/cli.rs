//! The command line.

use crate::config::{self, Mistakes};
use crate::plan::ServePlan;
use crate::{demo, screen, server};
use anyhow::Context;
use clap::{Parser, Subcommand};
use env::Random;
use net::runtime::TokioEnv;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// It could not be done.
const FAILED: u8 = 1;
/// The command or the configuration is wrong; as clap says it.
const WRONG: u8 = 2;
/// Longer ones are refused at log-in.
const PASSWORD_OCTETS_MAX: u64 = 4096;

const EXAMPLES: &str = "Examples:
  postamt                              a demo on loopback, data in ./postamt-demo
  postamt check --config postamt.toml  everything wrong with the file, at once
  postamt serve --config postamt.toml  the server

Exit codes: 0 done, 1 failed, 2 the command or the configuration is wrong.
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
    },
    /// The server, as the configuration says.
    #[command(after_help = "Example:\n  postamt serve --config postamt.toml")]
    Serve {
        /// The configuration; docs/configuration.md lists its keys.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
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
    /// Prints the reference of all configuration keys, in Markdown.
    #[command(after_help = "Example:\n  postamt keys | less")]
    Keys,
    /// Reads a password from standard input and prints its Argon2id hash for `password_hash`.
    #[command(after_help = "Example:\n  printf %s 'my password' | postamt hash-password")]
    HashPassword {
        /// One JSON object instead of a line.
        #[arg(long)]
        json: bool,
    },
}

const DEMO_DATA: &str = "postamt-demo";

/// Does what the command line says.
pub fn run(cli: Cli) -> ExitCode {
    // Mail is nobody else's: whatever we make is the owner's alone, unless it is given away on purpose.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let done = match cli.command.unwrap_or(Command::Demo { data: DEMO_DATA.into() }) {
        Command::Demo { data } => {
            log("warn");
            with_world(|world| demo::plan(&data, world)).and_then(|(world, plan)| serve(world, plan))
        }
        Command::Serve { config } => match config::load(&config) {
            Ok(plan) => {
                log("info");
                with_world(|_| Ok(plan)).and_then(|(world, plan)| serve(world, plan))
            }
            Err(mistakes) => return wrong(&mistakes),
        },
        Command::Check { config, json } => return check(&config, json),
        Command::Keys => {
            say(&config::reference());
            Ok(())
        }
        Command::HashPassword { json } => with_world(|world| hash_password(world, json)).map(|_| ()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postamt: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

type Runtime = tokio::runtime::Runtime;

/// Tasks that a thread runs before it looks at the sockets again. Tokio's 61 are many for tasks that may each write
/// hundreds of KiB: a newcomer would wait for all of them.
const EVENT_INTERVAL: u32 = 16;

/// Starts the runtime, and does `first` with its randomness.
fn with_world<T>(first: impl FnOnce(&dyn Random) -> anyhow::Result<T>) -> anyhow::Result<(Runtime, T)> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_all().event_interval(EVENT_INTERVAL).build().context("cannot start threads")?;
    let world = {
        let _inside = runtime.enter();
        TokioEnv::new().context("cannot start threads")?
    };
    let first = first(&*world)?;
    Ok((runtime, first))
}

fn serve(runtime: Runtime, plan: ServePlan) -> anyhow::Result<()> {
    let (demo, data) = (plan.demo.clone(), plan.data.clone());
    let ready = move |bound: &[crate::plan::Bound]| match &demo {
        Some(demo) => say(&screen::demo(demo, bound)),
        None => say(&screen::served(&data, bound)),
    };
    runtime.block_on(server::serve(plan, ready))
}

/// A reader that has gone (`postamt keys | head`) is no reason to stop a server.
fn say(text: &str) {
    let mut out = std::io::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::debug!(event = "screen.lost", %error);
    }
}

fn wrong(mistakes: &Mistakes) -> ExitCode {
    eprintln!("{mistakes}");
    ExitCode::from(WRONG)
}

fn check(config: &Path, json: bool) -> ExitCode {
    let mistakes = match config::load(config) {
        Ok(_) if json => {
            println!("{}", serde_json::json!({ "file": config, "mistakes": [] }));
            return ExitCode::SUCCESS;
        }
        Ok(plan) => {
            let (accounts, listeners) = (plan.directory.accounts.len(), plan.listeners.len());
            println!("{}: good: {accounts} accounts, {listeners} listeners", config.display());
            return ExitCode::SUCCESS;
        }
        Err(mistakes) => mistakes,
    };
    if json {
        println!("{}", serde_json::json!(mistakes));
        return ExitCode::from(WRONG);
    }
    wrong(&mistakes)
}

fn hash_password(random: &dyn Random, json: bool) -> anyhow::Result<()> {
    if std::io::stdin().is_terminal() {
        eprintln!("Password, then Enter and Ctrl-D (it is shown as you type):");
    }
    let mut password = Vec::new();
    std::io::stdin().take(PASSWORD_OCTETS_MAX + 1).read_to_end(&mut password).context("cannot read the password")?;
    let password = password.strip_suffix(b"\n").unwrap_or(&password);
    let password = password.strip_suffix(b"\r").unwrap_or(password);
    anyhow::ensure!(!password.is_empty(), "the password is empty");
    anyhow::ensure!(
        password.len() as u64 <= PASSWORD_OCTETS_MAX,
        "the password is longer than {PASSWORD_OCTETS_MAX} octets"
    );
    let hash = directory::hash_password(password, random)?;
    if json {
        println!("{}", serde_json::json!({ "password_hash": hash }));
    } else {
        println!("{hash}");
    }
    Ok(())
}

/// Events go to standard error; `POSTAMT_LOG` says from which level on.
fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("POSTAMT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
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
