//! From the `250` of a delivery to the EXISTS on an idle connection: on a server with nothing else to do, and with deliveries
//! to others beside it.
//!
//! `cargo xtask bench notice [--samples 1000] [--beside 200]`: how many are measured, and messages a second beside them.

use anyhow::Result;
use benches::args::Args;
use benches::figures::Figures;
use benches::server::{Server, Setup};
use benches::wire::{Imap, Smtp, dotted};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval, sleep};

const ACCOUNTS: usize = 20;
const OCTETS: usize = 4096;
/// DESIGN §7, in milliseconds: of half of them, and of nearly all.
const BUDGET: [f64; 2] = [2.0, 10.0];
/// Messages on one connection; a server has a bound.
const PER_CONNECTION: usize = 100;
/// Between two samples, so that the server has come to rest.
const REST: Duration = Duration::from_millis(2);

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (samples, beside) = (args.number("samples", 1000)?, args.number("beside", 200)?);
    args.end()?;
    benches::block_on(async {
        let server = Server::started(Setup::accounts(ACCOUNTS))?;
        let mut figures = Figures::of("notice");
        let mut quiet = measure(&server, samples).await?;
        figures.latencies("idle_server", &mut quiet, BUDGET);
        let noise = tokio::spawn(deliver(server.ports.smtp, beside));
        let cpu = server.cpu()?;
        let begun = Instant::now();
        let mut busy = measure(&server, samples).await?;
        let share = (server.cpu()? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
        noise.abort();
        figures.note("deliveries_beside", beside as f64, "1/s");
        figures.note("server_cpu_beside", share * 100.0, "%");
        figures.latencies("beside_deliveries", &mut busy, BUDGET);
        figures.end();
        Ok(())
    })
}

async fn measure(server: &Server, samples: usize) -> Result<Vec<Duration>> {
    let mut imap = Imap::login(server.ports.imap, 0, "pw0", None).await?;
    imap.command("SELECT INBOX").await?;
    imap.idle().await?;
    let mut smtp = Smtp::open(server.ports.smtp).await?;
    let mut taken = Vec::with_capacity(samples);
    for n in 0..samples {
        if n % PER_CONNECTION == 0 {
            smtp = Smtp::open(server.ports.smtp).await?;
        }
        let body = dotted(benches::message(n, OCTETS));
        let accepted = async {
            smtp.message("sender@remote.test", "u0@bench.test", &body).await?;
            anyhow::Ok(Instant::now())
        };
        let noticed = async {
            imap.exists().await?;
            anyhow::Ok(Instant::now())
        };
        let (accepted, noticed) = tokio::try_join!(accepted, noticed)?;
        // The notice may well be first.
        taken.push(noticed.saturating_duration_since(accepted));
        sleep(REST).await;
    }
    imap.done().await?;
    Ok(taken)
}

/// Delivers to others, so many a second.
async fn deliver(to: std::net::SocketAddr, per_second: usize) -> Result<()> {
    let mut smtp = Smtp::open(to).await?;
    let mut pace = interval(Duration::from_secs(1) / per_second.max(1) as u32);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for n in 0.. {
        pace.tick().await;
        if n % PER_CONNECTION == 0 {
            smtp = Smtp::open(to).await?;
        }
        let reader = 1 + n % (ACCOUNTS - 1);
        let body = dotted(benches::message(n, OCTETS));
        smtp.message("sender@remote.test", &format!("u{reader}@bench.test"), &body).await?;
    }
    Ok(())
}
