//! A mailbox of a million messages: opening it, and delivering into it, beside an empty one.
//!
//! `cargo xtask bench million [--messages 1000000] [--deliveries 4000] [--keep FOLDER]`: with a folder that stays, a second
//! run needs not fill it again.

use anyhow::{Context, Result};
use benches::args::Args;
use benches::figures::Figures;
use benches::fill;
use benches::load::{Delivered, Deliveries};
use benches::server::{Server, Setup};
use benches::wire::Imap;
use std::time::{Duration, Instant};

/// As many as the pairs of deliveries: each into an account that has nothing yet.
const ROUNDS: usize = 4;
const FILLED_OCTETS: usize = 600;
const DELIVERED_OCTETS: usize = 4096;
/// Budgets: the first SELECT behind a start, later ones, memory, delivery beside that into an empty mailbox.
const FIRST_MS: f64 = 1000.0;
const LATER_MS: f64 = 50.0;
const MEMORY_MIB: f64 = 200.0;
const TIMES_EMPTY: f64 = 1.2;

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (messages, deliveries) = (args.number("messages", 1_000_000)?, args.number("deliveries", 4000)?);
    let keep = args.path("keep");
    args.end()?;
    benches::block_on(async {
        let mut server = Server::new(Setup::accounts(1 + 2 * ROUNDS).keep(keep))?;
        server.start(None)?;
        let mut figures = Figures::of("million");
        filled(&server, messages, &mut figures).await?;
        // As after an update: nothing is in memory.
        server.stop()?;
        let ready = server.start(None)?;
        figures.note("start", ready.as_secs_f64() * 1e3, "ms");
        let peak = server.peak()?;
        figures.note("memory_before", server.pss_mib()?, "MiB");
        let mut reader = selects(&server, &mut figures).await?;
        figures.at_most("memory_of_selects", peak.mib(), "MiB", MEMORY_MIB);
        reader.command("UNSELECT").await?;
        deliver(&server, deliveries, "nobody_looks", 1, &mut figures).await?;
        reader.command("SELECT INBOX").await?;
        reader.idle().await?;
        deliver(&server, deliveries, "one_idles", 1 + ROUNDS, &mut figures).await?;
        figures.at_most("memory_of_deliveries", peak.mib(), "MiB", MEMORY_MIB);
        figures.end();
        Ok(())
    })
}

/// Fills what is missing.
async fn filled(server: &Server, messages: usize, figures: &mut Figures) -> Result<()> {
    let mut imap = Imap::login(server.ports.imap, 0, "pw0", None).await?;
    let lines = imap.command("STATUS INBOX (MESSAGES)").await?;
    let there = lines.iter().find_map(|line| line.rsplit_once("MESSAGES ")?.1.trim_end_matches(')').parse().ok());
    let there: usize = there.context("no number in STATUS")?;
    let (begun, cpu, peak) = (Instant::now(), server.cpu()?, server.peak()?);
    fill::append(&mut imap, "INBOX", there..messages.max(there), FILLED_OCTETS).await?;
    let new = messages.saturating_sub(there) as f64;
    if new > 0.0 {
        figures.note("filled", new / begun.elapsed().as_secs_f64(), "1/s");
        figures.note("filled_server_cpu", (server.cpu()? - cpu).as_secs_f64() * 1e6 / new, "µs each");
        figures.note("memory_of_filling", peak.mib(), "MiB");
    }
    figures.note("messages", there.max(messages) as f64, "");
    Ok(())
}

async fn selects(server: &Server, figures: &mut Figures) -> Result<Imap> {
    let mut imap = Imap::login(server.ports.imap, 0, "pw0", None).await?;
    let cpu = server.cpu()?;
    let first = select(&mut imap).await?;
    figures.at_most("first_select", first.as_secs_f64() * 1e3, "ms", FIRST_MS);
    figures.note("first_select_cpu", (server.cpu()? - cpu).as_secs_f64() * 1e3, "ms");
    let mut again = Vec::new();
    for _ in 0..50 {
        imap.command("UNSELECT").await?;
        again.push(select(&mut imap).await?);
    }
    figures.latencies("select_again", &mut again, [LATER_MS, LATER_MS]);
    Ok(imap)
}

async fn select(imap: &mut Imap) -> Result<Duration> {
    let begun = Instant::now();
    imap.command("SELECT INBOX").await?;
    Ok(begun.elapsed())
}

/// Rounds into the large mailbox and into empty ones, by turns: what else the machine does meets both.
async fn deliver(server: &Server, messages: usize, name: &str, empty: usize, figures: &mut Figures) -> Result<()> {
    let (mut large, mut small) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let to = |account: usize| Deliveries {
            to: account..account + 1,
            messages: messages / ROUNDS,
            octets: DELIVERED_OCTETS,
            connections: 20,
        };
        // The first delivery into an account is not what is measured.
        Deliveries { messages: 50, ..to(empty + round) }.run(server).await?;
        Deliveries { messages: 50, ..to(0) }.run(server).await?;
        if round % 2 == 0 {
            small.push(to(empty + round).run(server).await?);
        }
        large.push(to(0).run(server).await?);
        if round % 2 == 1 {
            small.push(to(empty + round).run(server).await?);
        }
    }
    let mean = |all: &[Delivered], of: fn(&Delivered) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    for (unit, of) in [("cpu", (|d: &Delivered| d.cpu_us) as fn(&Delivered) -> f64), ("wall", |d| d.wall_us)] {
        let (small, large) = (mean(&small, of), mean(&large, of));
        figures.note(&format!("{name}_empty_{unit}"), small, "µs each");
        figures.note(&format!("{name}_large_{unit}"), large, "µs each");
        figures.at_most(&format!("{name}_{unit}_ratio"), large / small, "", TIMES_EMPTY);
    }
    Ok(())
}
