//! A hundred thousand accounts: the start, the memory, and log-in and delivery to any of them.
//!
//! `cargo xtask bench accounts [--accounts 100000] [--messages 10000] [--logins 500]`

use anyhow::{Context, Result};
use benches::args::Args;
use benches::figures::Figures;
use benches::load::Deliveries;
use benches::server::{DOMAIN, Server, Setup, program};
use benches::wire::Imap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Budgets: until it is ready, and memory then.
const START_MS: f64 = 2000.0;
const MEMORY_MIB: f64 = 100.0;
/// All have it: hashing a hundred thousand would take half an hour.
const PASSWORD: &str = "the same for all";

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let accounts = args.number("accounts", 100_000)?;
    let (messages, logins) = (args.number("messages", 10_000)?, args.number("logins", 500)?);
    args.end()?;
    benches::block_on(async {
        let mut server = Server::new(Setup { accounts: declared(accounts, &hash()?), keep: None })?;
        let mut figures = Figures::of("accounts");
        figures.note("accounts", accounts as f64, "");
        figures.note("first_start", server.start(None)?.as_secs_f64() * 1e3, "ms");
        server.stop()?;
        figures.at_most("start", server.start(None)?.as_secs_f64() * 1e3, "ms", START_MS);
        figures.note("start_cpu", server.cpu()?.as_secs_f64() * 1e3, "ms");
        figures.at_most("memory", server.pss_mib()?, "MiB", MEMORY_MIB);
        let few = Deliveries { to: 0..100, messages, octets: 4096, connections: 20 };
        Deliveries { messages: messages / 10, ..few.clone() }.run(&server).await?;
        for (name, to) in [("a_hundred_of_them", 0..100), ("all_of_them", 0..accounts), ("all_again", 0..accounts)] {
            let delivered = Deliveries { to: scattered(to), ..few.clone() }.run(&server).await?;
            figures.note(&format!("delivery_to_{name}"), delivered.rate, "1/s");
            figures.note(&format!("delivery_to_{name}_cpu"), delivered.cpu_us, "µs each");
        }
        let begun = Instant::now();
        let cpu = server.cpu()?;
        for n in 0..logins {
            let account = n * (accounts / logins.max(1)).max(1) % accounts;
            Imap::login(server.ports.imap, account, &format!("\"{PASSWORD}\""), None).await?;
        }
        let each = |seconds: f64| seconds * 1e3 / logins as f64;
        figures.note("login", each(begun.elapsed().as_secs_f64()), "ms each");
        figures.note("login_cpu", each((server.cpu()? - cpu).as_secs_f64()), "ms each");
        let begun = Instant::now();
        one_more(&server)?;
        figures.note("one_more_account", begun.elapsed().as_secs_f64() * 1e3, "ms");
        figures.note("memory_at_the_end", server.pss_mib()?, "MiB");
        figures.end();
        Ok(())
    })
}

/// As it comes: each account once before any twice.
fn scattered(accounts: std::ops::Range<usize>) -> std::ops::Range<usize> {
    accounts
}

fn declared(accounts: usize, hash: &str) -> String {
    let mut lines = String::new();
    for n in 0..accounts {
        // Writing to a String does not fail.
        let _ = write!(lines, "[[account]]\naddress = \"u{n}@{DOMAIN}\"\npassword_hash = \"{hash}\"\n");
    }
    lines
}

fn hash() -> Result<String> {
    let mut child =
        Command::new(program()?).arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().context("no input")?.write_all(format!("{PASSWORD}\n").as_bytes())?;
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "hash-password failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// By the command that people use.
fn one_more(server: &Server) -> Result<()> {
    let mut child = Command::new(program()?)
        .args(["account", "add", "new@bench.test", "--config"])
        .arg(server.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    child.stdin.take().context("no input")?.write_all(b"a new password\n")?;
    anyhow::ensure!(child.wait()?.success(), "account add failed");
    Ok(())
}
