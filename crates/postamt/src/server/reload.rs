//! The configuration is taken anew while the server runs: all of it, or nothing.

use super::door::{Difference, Door, Layout};
use super::kept::Kept;
use super::listeners::{self, Desk, Offer, Standing};
use super::status::Current;
use super::{connections_max, outbound};
use crate::config::{self, Mistakes};
use crate::language::{Explained, Language, Tell, Text, both};
use crate::plan::ServePlan;
use anyhow::Context;
use net::ListenError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store_local::Backend;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Keeps the listeners, and changes them.
pub struct Reloading {
    config: Option<PathBuf>,
    data: PathBuf,
    backend: Backend,
    kept: Arc<Kept>,
    /// Who holds it reloads; none once the server stops.
    door: Mutex<Option<Door>>,
}

/// Why everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file is wrong.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// It is right, and cannot be done.
    #[error("{0:#}; nothing has changed")]
    Refused(#[from] anyhow::Error),
}

/// What a reload came to.
#[derive(Default)]
pub struct Reloaded {
    /// What was read; without one only certificates were.
    pub config: Option<PathBuf>,
    pub listeners: Difference,
    /// How many the file declares.
    pub accounts: usize,
    pub domains: usize,
}

impl Reloading {
    pub fn new(plan: &ServePlan, door: Door, kept: Arc<Kept>) -> Arc<Reloading> {
        let (config, data) = (plan.config.clone(), plan.data.clone());
        let (backend, door) = (plan.backend, Mutex::new(Some(door)));
        Arc::new(Reloading { config, data, backend, kept, door })
    }

    /// Reads the configuration and the certificates, and takes them into use.
    ///
    /// # Errors
    /// Everything that is wrong with the file, or why it cannot be done; nothing has changed then.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let mut door = self.door.lock().await;
        net::systemd::reloading();
        let done = self.reload_with(door.as_mut()).await;
        net::systemd::ready();
        drop(door);
        match &done {
            Ok(Reloaded { listeners: Difference { opened, closed, changed }, accounts, domains, .. }) => {
                let (opened, closed, changed) = (opened.len(), closed.len(), changed.len());
                tracing::info!(event = "reload.done", opened, closed, changed, accounts, domains);
            }
            Err(ReloadError::Mistakes(mistakes)) => {
                for mistake in mistakes.within(Language::English).lines() {
                    tracing::error!(event = "reload.refused", mistake);
                }
            }
            Err(ReloadError::Refused(cause)) => {
                tracing::error!(event = "reload.refused", cause = %format!("{cause:#}"))
            }
        }
        done
    }

    async fn reload_with(&self, door: Option<&mut Door>) -> Result<Reloaded, ReloadError> {
        let door = door
            .ok_or_else(|| Explained(both!("the server is about to stop", "der Server wird gerade beendet")))
            .map_err(anyhow::Error::from)?;
        match &self.config {
            Some(config) => self.take(door, config).await,
            None => Ok(certificates(door)?),
        }
    }

    async fn take(&self, door: &mut Door, config: &Path) -> Result<Reloaded, ReloadError> {
        let path = config.to_owned();
        let loading = tokio::task::spawn_blocking(move || config::load(&path));
        let plan = loading.await.map_err(anyhow::Error::from)??;
        self.check_data(&plan)?;
        let (desk, board) = (door.offer().desk.clone(), door.offer().board.clone());
        let (post, env) = (desk.post.clone(), desk.env.clone());
        let acceptor = listeners::acceptor(&plan)?;
        let layout = door.layout(&plan.listeners);
        let new = bind(door, &layout).await?;
        let bound = door.bound(&layout, &new);
        let transport = outbound::transport(&plan, &env, &bound)?;
        let (accounts, domains) = (plan.directory.accounts.len(), plan.directory.domains.len());
        post.directory.declare(plan.directory.clone()).await.map_err(anyhow::Error::from)?;
        // From here on nothing fails and nothing waits.
        self.kept.set(plan.deleted.clone());
        post.queue.reconfigure(transport, outbound::policy(&plan));
        let (capacity, strain) = (door.offer().capacity.clone(), door.offer().strain.clone());
        capacity.resize(connections_max(&plan));
        board.set(Current::new(&plan, bound, acceptor.clone()));
        let offer = Offer { desk: Desk::new(&plan, &post, &env), board, capacity, acceptor, strain };
        let listeners = door.change(offer, layout, new);
        Ok(Reloaded { config: Some(config.to_owned()), listeners, accounts, domains })
    }

    /// Mail does not move while it is served.
    fn check_data(&self, plan: &ServePlan) -> anyhow::Result<()> {
        let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if real(&plan.data) != real(&self.data) {
            return Err(anyhow::Error::from(Explained(both!(
                "`data` is {new} in the file, while the server runs with {now}; stop it, move the folder, and start it again",
                "`data` ist in der Datei {new}, der Server läuft aber mit {now}; ihn beenden, den Ordner verschieben, neu starten",
                new = plan.data.display(),
                now = self.data.display(),
            ))));
        }
        if plan.backend != self.backend {
            return Err(anyhow::Error::from(Explained(both!(
                "`backend` is {new} in the file, while the server runs with {now}; a data folder stays with the one that made it",
                "`backend` ist in der Datei {new}, der Server läuft aber mit {now}; ein Datenordner bleibt bei dem, das ihn angelegt hat",
                new = plan.backend,
                now = self.backend,
            ))));
        }
        Ok(())
    }

    /// Accounts were edited: what log-ins are offered follows.
    pub async fn people_changed(&self) {
        if let Some(door) = self.door.lock().await.as_mut() {
            door.renew();
        }
    }

    /// Closes all listeners for good; each handle ends when their connections have.
    pub async fn close(&self) -> Vec<JoinHandle<()>> {
        self.door.lock().await.take().map(Door::close).unwrap_or_default()
    }
}

/// All that are new stand before anything changes.
async fn bind(door: &Door, layout: &Layout) -> anyhow::Result<Vec<Standing>> {
    let explain = |error: anyhow::Error| {
        let address = error.downcast_ref::<ListenError>().map(|error| &error.address);
        match address.and_then(|address| Some((address, door.in_the_way(layout, address)?))) {
            Some((address, own)) => anyhow::Error::from(Explained(both!(
                "cannot listen on {address} while this server's own listener ({own}) has the port; reload once without \
                 either of them, then with the new one",
                "{address} lässt sich nicht öffnen, solange ein eigener Listener ({own}) den Port hat; erst ohne beide \
                 neu laden, dann mit dem neuen"
            ))),
            None => error,
        }
    };
    listeners::bind(&layout.new_ones(), Vec::new()).await.map_err(explain)
}

/// Without a file there is nothing else to read.
fn certificates(door: &Door) -> anyhow::Result<Reloaded> {
    let broken = door.offer().acceptor.as_ref().map(|acceptor| acceptor.reload()).unwrap_or_default();
    if broken.is_empty() {
        return Ok(Reloaded::default());
    }
    let all = broken.iter().map(Tell::tell).reduce(|all, one| all.then(&Text::same("; ")).then(&one));
    Err(anyhow::Error::from(Explained(all.unwrap_or_default())))
}

/// SIGHUP reloads, where there is a file. The demo goes with its terminal, as the signal is meant.
pub fn on_hangup(reloading: &Arc<Reloading>) -> anyhow::Result<()> {
    if reloading.config.is_none() {
        return Ok(());
    }
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let reloading = reloading.clone();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // What came of it is an event.
            drop(reloading.reload().await);
        }
    });
    Ok(())
}
