//! A hundred thousand accounts: the start, the memory, and log-in and delivery to any of them.
//!
//! `cargo xtask bench accounts [--accounts 100000] [--messages 10000] [--logins 500]`

use anyhow::{Context, Result};
use benches::args::Args;
use benches::figures::Figures;
use benches::load::Deliveries;
use benches::server::{DOMAIN, Server, Setup, program};
use benches::wire::Imap;
use directory::{Credential, Directory, DirectorySpec, Edit};
use model::{Address, Decoder, Domain, Encoder, Quota};
use net::runtime::TokioEnv;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use store::{Batch, Bytes, Cell, Query, Space, Store};
use store_local::{LocalBlobs, LocalStore, Options};

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
        let mut server = Server::new(Setup::accounts(0))?;
        let mut figures = Figures::of("accounts");
        figures.note("accounts", accounts as f64, "");
        seed(&server, accounts).await?;
        server.start(None)?;
        server.stop()?;
        figures.at_most("start", server.start(None)?.as_secs_f64() * 1e3, "ms", START_MS);
        figures.note("start_cpu", server.cpu()?.as_secs_f64() * 1e3, "ms");
        figures.at_most("memory", server.pss_mib()?, "MiB", MEMORY_MIB);
        let few = Deliveries { to: 0..100, messages, octets: 4096, connections: 20 };
        Deliveries { messages: messages / 10, ..few.clone() }.run(&server).await?;
        for (name, to) in [("a_hundred_of_them", 0..100), ("all_of_them", 0..accounts), ("all_again", 0..accounts)] {
            let delivered = Deliveries { to, ..few.clone() }.run(&server).await?;
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

/// Rows as the directory writes them: one account is added as people do it, the others are its likes. Adding them one by one
/// would hash a hundred thousand passwords.
async fn seed(server: &Server, accounts: usize) -> Result<()> {
    let data = server.folder().join("data");
    drop(LocalBlobs::open(data.join("blobs"), Options::default())?);
    let store: Arc<dyn Store> = Arc::new(LocalStore::open(data.join("store"), Options::default())?);
    let env = TokioEnv::new()?.env();
    let address: Address = format!("u0@{DOMAIN}").parse()?;
    let spec = DirectorySpec::new(vec![Domain::new(DOMAIN)?]);
    let directory = Directory::open(store.clone(), env.spawn, env.clock, &*env.random, spec).await?;
    let credential = Credential::from_password(PASSWORD.as_bytes(), &*env.random)?;
    let text = credential.to_text().context("a hash has a text")?;
    directory.edit(Edit::AddAccount { address: address.clone(), credential, quota: Quota::default() }).await?;
    let cell = Cell::new(&b"directory"[..]);
    let row = async |key: String| {
        let found = store.read(vec![Query::row(&cell, Bytes::from(key.clone()))]).await?.into_row();
        found.with_context(|| format!("no row {key}"))
    };
    let number = Decoder::new(&row(format!("account/{address}")).await?, FORMAT)?.u32()?;
    let known = row(format!("principal/{address}")).await? == principal(&address.to_string(), number, &text);
    anyhow::ensure!(known, "accounts have another format now");
    for some in (1..accounts).collect::<Vec<_>>().chunks(1000) {
        let mut batch = Batch::new(cell.clone());
        for n in some {
            let (address, number) = (format!("u{n}@{DOMAIN}"), FIRST_NUMBER + u32::try_from(*n)?);
            let mut numbered = Encoder::new(FORMAT);
            numbered.u32(number);
            batch.put(Space::Rows, format!("principal/{address}"), principal(&address, number, &text));
            batch.put(Space::Rows, format!("account/{address}"), numbered.finish());
        }
        store.commit(batch).await?;
    }
    Ok(())
}

/// Of both kinds of rows.
const FORMAT: u8 = 1;
/// Far from those that the directory gives out itself.
const FIRST_NUMBER: u32 = 1_000_000;

/// The row of an account that may log in, without quota.
fn principal(address: &str, number: u32, credential: &str) -> Vec<u8> {
    let (enabled, no_limit, hashed) = (0, 0, 1);
    let mut row = Encoder::new(FORMAT);
    row.str(address).u32(number).u64(enabled).u64(no_limit).u64(no_limit).u64(hashed).str(credential);
    row.finish()
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
