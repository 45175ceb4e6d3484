//! Ten thousand idle IMAP connections: what they take, and what they cost the delivery beside them.
//!
//! `cargo xtask bench crowd [--connections 10000] [--messages 40000]`; the messages are those of each measured delivery. Three times
//! the crowd comes and goes, so that what else changes meanwhile meets both.

use anyhow::{Context, Result};
use benches::args::Args;
use benches::figures::Figures;
use benches::load::{Delivered, Deliveries};
use benches::process;
use benches::server::{Server, Setup};
use benches::wire::Imap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// The readers, and those who get mail.
const CROWD: usize = 1000;
const READERS: usize = 100;
/// Log-ins at once: more would only wait.
const AT_ONCE: usize = 50;
/// From one address; the system gives it some 28,000 ports.
const PER_ADDRESS: usize = 5000;
/// How often the crowd comes and goes.
const ROUNDS: usize = 3;
/// Until what came or went is settled.
const REST: Duration = Duration::from_secs(1);
/// Budgets: of the rate without them; of memory, DESIGN §7.
const RATE_LEFT: f64 = 0.9;
const KIB_EACH: f64 = 12.0;

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (connections, messages) = (args.number("connections", 10_000)?, args.number("messages", 40_000)?);
    args.end()?;
    let files = process::raise_file_limit();
    anyhow::ensure!(files > connections as u64 + 100, "only {files} files may be open");
    benches::block_on(async {
        let server = Server::started(Setup::accounts(CROWD + READERS))?;
        let mut figures = Figures::of("crowd");
        let others = Deliveries { to: CROWD..CROWD + READERS, messages, octets: 4096, connections: 20 };
        Deliveries { messages: messages / 10, ..others.clone() }.run(&server).await?;
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            without.push(others.run(&server).await?);
            let crowd = come(&server, connections, (round == 0).then_some(&mut figures)).await?;
            with.push(others.run(&server).await?);
            if round + 1 == ROUNDS {
                let watched = Deliveries { to: 0..CROWD, ..others.clone() }.run(&server).await?;
                figures.note("rate_into_mailboxes_they_watch", watched.rate, "1/s");
            }
            drop(crowd);
            tokio::time::sleep(REST).await;
        }
        told(&mut figures, &without, &with);
        figures.end();
        Ok(())
    })
}

/// The crowd, and what it takes.
async fn come(server: &Server, connections: usize, figures: Option<&mut Figures>) -> Result<Vec<Imap>> {
    let (before, begun) = (server.pss_mib()?, Instant::now());
    let crowd = gather(server, connections).await?;
    let taken = begun.elapsed().as_secs_f64();
    tokio::time::sleep(REST).await;
    if let Some(figures) = figures {
        figures.note("connections", crowd.len() as f64, "");
        figures.note("logged_in_and_idle", crowd.len() as f64 / taken, "1/s");
        let each = (server.pss_mib()? - before) * 1024.0 / crowd.len() as f64;
        figures.at_most("memory_each", each, "KiB", KIB_EACH);
        let quiet = server.cpu()?;
        tokio::time::sleep(REST).await;
        figures.note(
            "cpu_while_nothing_happens",
            (server.cpu()? - quiet).as_secs_f64() / REST.as_secs_f64() * 100.0,
            "%",
        );
    }
    Ok(crowd)
}

fn told(figures: &mut Figures, without: &[Delivered], with: &[Delivered]) {
    let mean = |all: &[Delivered], of: fn(&Delivered) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    let (alone, crowded) = (mean(without, |d| d.rate), mean(with, |d| d.rate));
    figures.note("rate_without", alone, "1/s");
    figures.note("rate_with", crowded, "1/s");
    figures.at_least("rate_left", crowded / alone, "", RATE_LEFT);
    figures.note("cpu_without", mean(without, |d| d.cpu_us), "µs each");
    figures.note("cpu_with", mean(with, |d| d.cpu_us), "µs each");
}

/// All of them, each waiting for news of an INBOX.
async fn gather(server: &Server, connections: usize) -> Result<Vec<Imap>> {
    let mut all = Vec::with_capacity(connections);
    for first in (0..connections).step_by(AT_ONCE) {
        let some: Vec<_> =
            (first..connections.min(first + AT_ONCE)).map(|n| tokio::spawn(wait(server.ports.imap, n))).collect();
        for one in some {
            all.push(one.await?.with_context(|| format!("behind {first} connections"))?);
        }
    }
    Ok(all)
}

async fn wait(to: std::net::SocketAddr, n: usize) -> Result<Imap> {
    let (account, address) = (n % CROWD, 2 + n / PER_ADDRESS);
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, u8::try_from(address)?));
    let mut imap = Imap::login(to, account, &format!("pw{account}"), Some(from)).await?;
    imap.command("SELECT INBOX").await?;
    imap.idle().await?;
    Ok(imap)
}
