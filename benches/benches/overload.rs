//! Ten times what the server can take: new SMTP connections come at a rate that nothing slows down, each with a message.
//!
//! `cargo xtask bench overload [--times 10] [--seconds 10] [--closed 50]`. Server and generator have a processor each where
//! there are two: who offers ten times too much would else take the server's time itself. How long submissions and refusals take is
//! measured by threads that do nothing else: among twelve thousand connections a client would wait for its own turn. What it takes
//! when nothing is too much is measured before and behind, for the store grows meanwhile and merging takes its time.

use anyhow::{Context, Result};
use benches::args::Args;
use benches::figures::Figures;
use benches::process;
use benches::server::{Server, Setup};
use benches::wire::{Smtp, Wire, dotted};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

const ACCOUNTS: usize = 100;
const OCTETS: usize = 4096;
/// Connections that wait for an answer; who has more of them is no mail server but a flood.
const OPEN_MAX: usize = 12_000;
/// How long a client waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two submissions, and between two who only look whether they are let in.
const SUBMISSION: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(20);
/// Until the connections of the flood have ended.
const CALM: Duration = Duration::from_secs(2);
/// Budgets: of what it takes when nothing is too much; milliseconds; times its memory then.
const GOODPUT: f64 = 0.9;
const SUBMISSION_MS: f64 = 1000.0;
const REFUSAL_MS: f64 = 100.0;
const MEMORY_TIMES: f64 = 1.5;

/// What became of the connections.
#[derive(Default)]
struct Outcomes {
    offered: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    failed: AtomicUsize,
    /// Why something failed, the first time.
    cause: Mutex<Option<String>>,
}

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (times, seconds) = (args.number("times", 10)?, args.number("seconds", 10)?);
    let closed = args.number("closed", 50)?;
    args.end()?;
    process::raise_file_limit();
    let apart = std::thread::available_parallelism()?.get() > 1;
    if apart {
        process::bind_self("1")?;
    }
    benches::block_on(async {
        let mut server = Server::new(Setup::accounts(ACCOUNTS))?;
        server.start(apart.then_some("0"))?;
        let mut figures = Figures::of("overload");
        let memory = server.peak()?;
        let span = Duration::from_secs(seconds as u64);
        let (peak, cpu) = (at_peak(&server, closed, span).await?, server.cpu()?);
        let memory_at_peak = memory.mib();
        figures.note("peak", peak, "messages/s");
        figures.note("peak_server_cpu", cpu.as_secs_f64() / span.as_secs_f64() * 100.0, "%");
        figures.note("memory_at_peak", memory_at_peak, "MiB");
        let outcomes = beyond(&mut figures, &server, peak * times as f64, span).await?;
        figures.at_most("memory_beyond", memory.mib(), "MiB", memory_at_peak * MEMORY_TIMES);
        tokio::time::sleep(CALM).await;
        let peak_after = at_peak(&server, closed, span).await?;
        figures.note("peak_after", peak_after, "messages/s");
        let goodput = outcomes.accepted.load(Relaxed) as f64 / span.as_secs_f64();
        figures.at_least("goodput_of_peak", goodput / (peak + peak_after) * 2.0, "", GOODPUT);
        figures.end();
        Ok(())
    })
}

/// So many connections a second, and who submits and looks meanwhile.
async fn beyond(figures: &mut Figures, server: &Server, rate: f64, span: Duration) -> Result<Arc<Outcomes>> {
    let taking = Arc::new(Times::default());
    apart_from_others(submit(server.ports.submission, taking.clone()))?;
    apart_from_others(look(server.ports.smtp, taking.clone()))?;
    let (own, before, begun) = (benches::cpu(), server.cpu()?, Instant::now());
    let outcomes = flood(server, rate, span).await;
    let taken = begun.elapsed().as_secs_f64();
    taking.over.store(true, Relaxed);
    figures.note("generator_cpu_beyond", (benches::cpu() - own).as_secs_f64() / taken * 100.0, "%");
    figures.note("server_cpu_beyond", (server.cpu()? - before).as_secs_f64() / taken * 100.0, "%");
    told(figures, &outcomes, taken, rate);
    figures.latencies("until_connected", &mut taken_from(&taking.connects), [f64::MAX, f64::MAX]);
    figures.latencies("refusal", &mut taken_from(&taking.refusals), [REFUSAL_MS, REFUSAL_MS]);
    figures.latencies("submission", &mut taken_from(&taking.submissions), [SUBMISSION_MS, SUBMISSION_MS]);
    Ok(outcomes)
}

/// How long it took while others came.
#[derive(Default)]
struct Times {
    /// From AUTH to `250`, with the connection and its end.
    submissions: Mutex<Vec<Duration>>,
    /// Until connections stood.
    connects: Mutex<Vec<Duration>>,
    /// From then to the refusal.
    refusals: Mutex<Vec<Duration>>,
    /// Nobody needs to know any more.
    over: AtomicBool,
}

fn taken_from(times: &Mutex<Vec<Duration>>) -> Vec<Duration> {
    std::mem::take(&mut times.lock().unwrap_or_else(PoisonError::into_inner))
}

fn note(times: &Mutex<Vec<Duration>>, taken: Duration) {
    times.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
}

/// On a thread of its own, until the process ends.
fn apart_from_others(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        if let Err(error) = runtime.block_on(work) {
            eprintln!("{error:#}");
        }
    });
    Ok(())
}

fn told(figures: &mut Figures, outcomes: &Outcomes, taken: f64, rate: f64) {
    let each = |count: &AtomicUsize| count.load(Relaxed) as f64 / taken;
    figures.note("wanted_offer", rate, "connections/s");
    figures.note("offered", each(&outcomes.offered), "connections/s");
    figures.note("refused", each(&outcomes.refused), "1/s");
    figures.note("failed", each(&outcomes.failed), "1/s");
    let answered = [&outcomes.accepted, &outcomes.refused, &outcomes.failed].map(|count| count.load(Relaxed));
    let waiting = outcomes.offered.load(Relaxed) - answered.iter().sum::<usize>();
    figures.note("still_waiting_at_the_end", waiting as f64, "");
    if let Some(cause) = &*outcomes.cause.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("      the first that failed: {cause}");
    }
    figures.note("goodput", each(&outcomes.accepted), "messages/s");
}

/// As many a second as so many clients bring, each with a connection of its own for each message.
async fn at_peak(server: &Server, clients: usize, span: Duration) -> Result<f64> {
    let (outcomes, begun) = (Arc::new(Outcomes::default()), Instant::now());
    let mut all = JoinSet::new();
    for client in 0..clients {
        let (to, outcomes) = (server.ports.smtp, outcomes.clone());
        all.spawn(async move {
            for n in (client..).step_by(clients) {
                if begun.elapsed() > span {
                    return;
                }
                arrive(to, n, &outcomes).await;
            }
        });
    }
    while let Some(client) = all.join_next().await {
        client?;
    }
    Ok(outcomes.accepted.load(Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// Connections at a rate, whatever becomes of those before them.
async fn flood(server: &Server, rate: f64, span: Duration) -> Arc<Outcomes> {
    let (outcomes, begun) = (Arc::new(Outcomes::default()), Instant::now());
    let mut pace = interval(Duration::from_millis(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut all = JoinSet::new();
    while begun.elapsed() < span {
        pace.tick().await;
        let due = (begun.elapsed().as_secs_f64() * rate) as usize;
        // A generator that cannot keep up offers less, and says so.
        let behind = due.saturating_sub(outcomes.offered.load(Relaxed)).min(500);
        for _ in 0..behind.min(OPEN_MAX.saturating_sub(all.len())) {
            let (to, n, outcomes) = (server.ports.smtp, outcomes.offered.fetch_add(1, Relaxed), outcomes.clone());
            all.spawn(async move { arrive(to, n, &outcomes).await });
        }
        while all.try_join_next().is_some() {}
    }
    all.abort_all();
    outcomes
}

async fn arrive(to: SocketAddr, n: usize, outcomes: &Outcomes) {
    let place = match timeout(PATIENCE, message(to, n)).await.map_err(anyhow::Error::from).and_then(|done| done) {
        Ok(true) => &outcomes.accepted,
        Ok(false) => &outcomes.refused,
        Err(error) => {
            let mut cause = outcomes.cause.lock().unwrap_or_else(PoisonError::into_inner);
            cause.get_or_insert_with(|| format!("{error:#}"));
            &outcomes.failed
        }
    };
    place.fetch_add(1, Relaxed);
}

/// One connection with one message; `false` when it was sent away.
async fn message(to: SocketAddr, n: usize) -> Result<bool> {
    // The ports of one address would not suffice.
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, u8::try_from(n % 250)?));
    let mut smtp = Smtp(Wire::open(to, Some(from)).await.context("connecting")?);
    if smtp.reply().await.context("waiting for the greeting")?.code == 421 {
        return Ok(false);
    }
    smtp.say("EHLO load.bench.test\r\n").await.context("EHLO")?.expect(2)?;
    let reader = format!("u{}@bench.test", n % ACCOUNTS);
    smtp.message("sender@remote.test", &reader, &dotted(benches::message(n, OCTETS))).await.context("the message")?;
    smtp.say("QUIT\r\n").await.context("QUIT")?;
    Ok(true)
}

/// Somebody of the house writes now and then.
async fn submit(to: SocketAddr, times: Arc<Times>) -> Result<()> {
    let mut pace = interval(SUBMISSION);
    for n in 0.. {
        pace.tick().await;
        if times.over.load(Relaxed) {
            break;
        }
        let begun = Instant::now();
        let mut smtp = Smtp::open(to).await.context("submission")?;
        // base64 of "\0u1@bench.test\0pw1"
        smtp.say("AUTH PLAIN AHUxQGJlbmNoLnRlc3QAcHcx\r\n").await?.expect(2)?;
        let body = dotted(benches::message(n, OCTETS));
        smtp.message("u1@bench.test", "u2@bench.test", &body).await.context("submission")?;
        smtp.say("QUIT\r\n").await?;
        note(&times.submissions, begun.elapsed());
    }
    Ok(())
}

/// Somebody sees whether he is let in, and does not wait for the one before.
async fn look(to: SocketAddr, times: Arc<Times>) -> Result<()> {
    let mut pace = interval(LOOK);
    while !times.over.load(Relaxed) {
        pace.tick().await;
        let times = times.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            let mut smtp = Smtp(Wire::open(to, None).await?);
            let stands = Instant::now();
            note(&times.connects, stands - begun);
            if smtp.reply().await?.code == 421 {
                note(&times.refusals, stands.elapsed());
            } else {
                smtp.say("QUIT\r\n").await?;
            }
            anyhow::Ok(())
        });
    }
    Ok(())
}
