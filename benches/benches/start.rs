//! The start behind `kill -9`, with a hundred thousand messages there and deliveries under way: it takes no walk through them.
//!
//! `cargo xtask bench start [--messages 100000] [--kills 5]`

use anyhow::Result;
use benches::args::Args;
use benches::figures::Figures;
use benches::fill;
use benches::load::Deliveries;
use benches::process;
use benches::server::{Server, Setup};
use benches::wire::Imap;
use std::path::Path;
use std::time::{Duration, Instant};

const ACCOUNTS: usize = 10;
const OCTETS: usize = 1024;
/// Budget until it is ready.
const START_MS: f64 = 2000.0;

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (messages, kills) = (args.number("messages", 100_000)?, args.number("kills", 5)?);
    args.end()?;
    benches::block_on(async {
        let mut server = Server::started(Setup::accounts(ACCOUNTS))?;
        let mut figures = Figures::of("start");
        for n in 0..ACCOUNTS {
            let mut imap = Imap::login(server.ports.imap, n, &format!("pw{n}"), None).await?;
            let each = messages / ACCOUNTS;
            fill::append(&mut imap, "INBOX", n * each..(n + 1) * each, OCTETS).await?;
        }
        figures.note("messages", messages as f64, "");
        figures.note("data", octets_below(&server.folder().join("data"))? as f64 / 1048576.0, "MiB");
        let (mut ready, mut first, mut read) = (Vec::new(), Vec::new(), 0);
        for _ in 0..kills {
            cut_short(&mut server).await?;
            ready.push(server.start(None)?);
            read = read.max(process::octets_read(server.pid()?)?);
            let begun = Instant::now();
            let mut imap = Imap::login(server.ports.imap, 0, "pw0", None).await?;
            imap.command("SELECT INBOX").await?;
            first.push(begun.elapsed());
        }
        figures.latencies("ready", &mut ready, [START_MS, START_MS]);
        figures.latencies("first_login_and_select", &mut first, [START_MS, START_MS]);
        figures.note("read_until_ready", read as f64 / 1048576.0, "MiB");
        figures.end();
        Ok(())
    })
}

/// Killed while mail comes in.
async fn cut_short(server: &mut Server) -> Result<()> {
    let deliveries = Deliveries { to: 0..ACCOUNTS, messages: usize::MAX, octets: 4096, connections: 10 };
    let under_way = tokio::spawn(deliveries.endless(server.ports.smtp));
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill()?;
    under_way.abort();
    Ok(())
}

fn octets_below(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                sum += entry.metadata()?.len();
            }
        }
    }
    Ok(sum)
}
