//! Deliveries by SMTP, as fast as they are taken.

use crate::message;
use crate::server::Server;
use crate::wire::{Smtp, dotted};
use anyhow::Result;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Messages on one connection, as servers that have much to send.
const PER_CONNECTION: usize = 100;

/// Who gets mail, and how.
#[derive(Clone, Debug)]
pub struct Deliveries {
    /// Accounts that get it, in turn.
    pub to: Range<usize>,
    /// How much.
    pub messages: usize,
    /// How large each is.
    pub octets: usize,
    /// On how many connections.
    pub connections: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
    /// Messages a second.
    pub rate: f64,
    /// The server's processor time for each, in microseconds.
    pub cpu_us: f64,
    /// Wall clock for each, in microseconds.
    pub wall_us: f64,
}

impl Deliveries {
    /// Delivers, and measures.
    ///
    /// # Errors
    /// When a message is refused.
    pub async fn run(&self, server: &Server) -> Result<Delivered> {
        let (cpu, start) = (server.cpu()?, Instant::now());
        let next = Arc::new(AtomicUsize::new(0));
        let lanes: Vec<_> =
            (0..self.connections).map(|_| tokio::spawn(self.clone().lane(server.ports.smtp, next.clone()))).collect();
        for lane in lanes {
            lane.await??;
        }
        let (taken, cpu) = (start.elapsed(), server.cpu()?.saturating_sub(cpu));
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.messages as f64;
        Ok(Delivered { rate: self.messages as f64 / taken.as_secs_f64(), cpu_us: each(cpu), wall_us: each(taken) })
    }

    /// Delivers until the server goes away.
    ///
    /// # Errors
    /// That it went away.
    pub async fn endless(self, to: SocketAddr) -> Result<()> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut lanes: tokio::task::JoinSet<_> =
            (0..self.connections).map(|_| self.clone().lane(to, next.clone())).collect();
        while let Some(lane) = lanes.join_next().await {
            lane??;
        }
        Ok(())
    }

    async fn lane(self, to: SocketAddr, next: Arc<AtomicUsize>) -> Result<()> {
        let (mut smtp, mut sent) = (Smtp::open(to).await?, 0);
        loop {
            if sent == PER_CONNECTION {
                (smtp, sent) = (Smtp::open(to).await?, 0);
            }
            sent += 1;
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= self.messages {
                return Ok(());
            }
            let account = self.to.start + n % self.to.len().max(1);
            let body = dotted(message(n, self.octets));
            smtp.message("sender@remote.test", &format!("u{account}@bench.test"), &body).await?;
        }
    }
}
