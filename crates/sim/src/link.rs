//! A client's end of a connection: slow, and with at most one mishap.

use crate::dice::Dice;
use crate::fault::Fault;
use crate::scene::Scene;
use crate::server::Service;
use env::{Dialer, Sleep, Wire};
use futures_util::future::{Either, select};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

/// How long a client waits for the server, and the server for a client at most.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Octets of a line that a client takes.
const LINE_MAX: usize = 1 << 20;

/// The connection is of no use any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// What befalls a connection, at which octet.
#[derive(Clone, Copy, Debug)]
struct Mishap {
    fault: Fault,
    at: u64,
}

/// A connection to the server.
pub struct Link {
    scene: Scene,
    dice: Dice,
    wire: Box<dyn Wire>,
    unread: Vec<u8>,
    mishap: Option<Mishap>,
    /// Octets sent and read.
    sent: u64,
    read: u64,
    latency: Duration,
    /// Most octets in a piece.
    piece: usize,
    blows: u64,
    /// Whether something befell it.
    touched: bool,
}

impl Link {
    /// Connects.
    pub async fn open(scene: &Scene, service: Service, dice: &mut Dice) -> Result<Link, Gone> {
        let mut dice = dice.fork();
        let wire = scene.net().dial(service.address(), None).await.map_err(|_| Gone)?;
        let faults = [Fault::ClientCut, Fault::ClientDeaf, Fault::ClientStall, Fault::ClientDrip];
        let mishap = faults.into_iter().find(|fault| dice.chance(scene.plan().rate(*fault)) && !scene.is_healed());
        let mishap = mishap.map(|fault| Mishap { fault, at: dice.scaled(1.0, 20_000.0) as u64 });
        let latency = Duration::from_millis(dice.below(scene.plan().latency_ms + 1));
        let piece = if dice.chance(0.05) { dice.between(1, 20) as usize } else { usize::MAX };
        Ok(Link {
            scene: scene.clone(),
            wire,
            unread: Vec::new(),
            mishap,
            sent: 0,
            read: 0,
            latency,
            piece,
            blows: scene.blows(),
            touched: false,
            dice,
        })
    }

    /// Whether it, or the server since it was opened, suffered a fault.
    pub fn is_touched(&self) -> bool {
        self.touched || self.blows != self.scene.blows()
    }

    /// Something befell it that it did not bring about itself.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// Sends all of `octets`. `Err`: the last of them did not go out.
    pub async fn send(&mut self, octets: &[u8]) -> Result<(), Gone> {
        let mut rest = octets;
        while !rest.is_empty() {
            let due = self.mishap.filter(|mishap| mishap.fault != Fault::ClientDeaf);
            let until = due.map_or(usize::MAX, |mishap| mishap.at.saturating_sub(self.sent) as usize);
            if until == 0 {
                self.suffer().await?;
                continue;
            }
            let piece = rest.get(..until.min(self.piece)).unwrap_or(rest);
            let wrote = {
                let wire = &mut self.wire;
                let write = poll_fn(|cx| wire.poll_write(cx, piece));
                patiently(&self.scene, write).await.and_then(|wrote| wrote.ok())
            };
            let octets = wrote.ok_or(Gone)?;
            self.sent += octets as u64;
            rest = &rest[octets..];
            if self.piece != usize::MAX {
                env::yield_now().await;
            }
        }
        Ok(())
    }

    async fn suffer(&mut self) -> Result<(), Gone> {
        let Some(Mishap { fault, .. }) = self.mishap.take() else { return Ok(()) };
        if self.scene.is_healed() {
            return Ok(());
        }
        if self.piece != 1 {
            self.scene.count(fault);
        }
        self.touched = true;
        match fault {
            Fault::ClientStall => {
                let pause = self.dice.seconds(10, 1200);
                self.scene.pause(pause).await;
            }
            Fault::ClientDrip => {
                // The pieces stay small; the pause comes again with each until the mishap is over.
                let left = self.dice.below(40);
                let pause = self.dice.seconds(1, 60);
                self.scene.pause(pause).await;
                self.piece = 1;
                if left > 0 {
                    self.mishap = Some(Mishap { fault: Fault::ClientDrip, at: self.sent + 1 });
                }
            }
            _ => return Err(Gone),
        }
        Ok(())
    }

    /// Up to and with the next LF.
    pub async fn line(&mut self) -> Result<Vec<u8>, Gone> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.unread[looked..].iter().position(|octet| *octet == b'\n') {
                return Ok(self.unread.drain(..=looked + end).collect());
            }
            looked = self.unread.len();
            if looked > LINE_MAX {
                self.scene.violation("a line without end");
                return Err(Gone);
            }
            self.more(PATIENCE).await?;
        }
    }

    /// So many octets.
    pub async fn exactly(&mut self, octets: usize) -> Result<Vec<u8>, Gone> {
        while self.unread.len() < octets {
            self.more(PATIENCE).await?;
        }
        Ok(self.unread.drain(..octets).collect())
    }

    /// Whether something comes within this time.
    pub async fn comes(&mut self, within: Duration) -> Result<bool, Gone> {
        if !self.unread.is_empty() {
            return Ok(true);
        }
        let before = self.read;
        match self.more(within).await {
            Ok(()) => Ok(true),
            // Nothing was lost but patience.
            Err(Gone) if self.read == before && !self.is_closed() => Ok(false),
            Err(Gone) => Err(Gone),
        }
    }

    fn is_closed(&mut self) -> bool {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        !matches!(self.wire.poll_read(&mut cx, &mut []), std::task::Poll::Pending)
    }

    async fn more(&mut self, patience: Duration) -> Result<(), Gone> {
        if !self.latency.is_zero() {
            self.scene.pause(self.latency).await;
        }
        let mut buffer = [0; 8192];
        let room = match self.mishap {
            Some(Mishap { fault: Fault::ClientDeaf, at }) => buffer.len().min(at.saturating_sub(self.read) as usize),
            _ => buffer.len(),
        };
        if room == 0 {
            return self.suffer().await;
        }
        let wire = &mut self.wire;
        let read = poll_fn(|cx| wire.poll_read(cx, &mut buffer[..room]));
        let octets = within(&self.scene, patience, read).await.and_then(|read| read.ok()).unwrap_or(0);
        if octets == 0 {
            return Err(Gone);
        }
        self.read += octets as u64;
        self.unread.extend_from_slice(&buffer[..octets]);
        Ok(())
    }
}

async fn patiently<T>(scene: &Scene, work: impl Future<Output = T>) -> Option<T> {
    within(scene, PATIENCE, work).await
}

async fn within<T>(scene: &Scene, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let limit = scene.world().sleep_until(scene.now() + patience);
    match select(pin!(work), limit).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
