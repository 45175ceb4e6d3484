//! Ten thousand idle IMAP connections: what they take, and what they cost the delivery beside them.
//!
//! `cargo xtask bench crowd [--connections 10000] [--messages 20000]`; the messages are those of each of four rounds.

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
/// Budgets: of the rate without them; of memory, DESIGN §7.
const RATE_LEFT: f64 = 0.9;
const KIB_EACH: f64 = 12.0;

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (connections, messages) = (args.number("connections", 10_000)?, args.number("messages", 20_000)?);
    args.end()?;
    let files = process::raise_file_limit();
    anyhow::ensure!(files > connections as u64 + 100, "only {files} files may be open");
    benches::block_on(async {
        let server = Server::started(Setup::accounts(CROWD + READERS))?;
        let mut figures = Figures::of("crowd");
        let others = Deliveries { to: CROWD..CROWD + READERS, messages, octets: 4096, connections: 20 };
        Deliveries { messages: messages / 10, ..others.clone() }.run(&server).await?;
        let alone = others.run(&server).await?;
        let before = server.pss_mib()?;
        let begun = Instant::now();
        let crowd = gather(&server, connections).await?;
        figures.note("connections", crowd.len() as f64, "");
        figures.note("logged_in_and_idle", crowd.len() as f64 / begun.elapsed().as_secs_f64(), "1/s");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let each = (server.pss_mib()? - before) * 1024.0 / crowd.len() as f64;
        figures.at_most("memory_each", each, "KiB", KIB_EACH);
        let quiet = server.cpu()?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        figures.note("cpu_while_nothing_happens", (server.cpu()? - quiet).as_secs_f64() / 0.03, "%");
        let beside = [others.run(&server).await?, others.run(&server).await?];
        let watched = Deliveries { to: 0..CROWD, ..others.clone() }.run(&server).await?;
        drop(crowd);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = others.run(&server).await?;
        told(&mut figures, [alone, again], beside, watched);
        figures.end();
        Ok(())
    })
}

fn told(figures: &mut Figures, without: [Delivered; 2], with: [Delivered; 2], watched: Delivered) {
    let mean = |[a, b]: [Delivered; 2], of: fn(&Delivered) -> f64| (of(&a) + of(&b)) / 2.0;
    let (alone, crowded) = (mean(without, |d| d.rate), mean(with, |d| d.rate));
    figures.note("rate_without", alone, "1/s");
    figures.note("rate_with", crowded, "1/s");
    figures.at_least("rate_left", crowded / alone, "", RATE_LEFT);
    figures.note("cpu_without", mean(without, |d| d.cpu_us), "µs each");
    figures.note("cpu_with", mean(with, |d| d.cpu_us), "µs each");
    figures.note("rate_into_mailboxes_they_watch", watched.rate, "1/s");
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
