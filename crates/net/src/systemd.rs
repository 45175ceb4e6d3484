//! What systemd and its like hand over and want to hear (sd_listen_fds(3), sd_notify(3)); without them nothing happens.

use crate::shutdown::Shutdown;
use futures_util::future::{Either, select};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::time::Duration;

/// Sockets that a unit may hand over; more are a mistake.
const SOCKETS_MAX: usize = 256;

/// A listening socket that somebody else has bound for us; [`Listener::from_fd`](crate::Listener::from_fd) takes it.
pub struct Inherited {
    /// As `FileDescriptorName=` in the unit, else `unknown`.
    pub name: String,
    /// The socket.
    pub socket: OwnedFd,
}

/// Takes the inherited sockets, once: the environment does not name them afterwards. Call it before there are other
/// threads, for it changes the environment.
///
/// # Errors
/// If the environment names them wrongly, or one is no listening stream socket.
pub fn inherited() -> io::Result<Vec<Inherited>> {
    let names: Vec<String> = sd_notify::listen_fds_with_names()?.take(SOCKETS_MAX).map(|(_, name)| name).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut sockets = ListenFd::from_env();
    let take = |(place, name)| {
        let socket = match sockets.take_unix_listener(place) {
            Ok(unix) => unix.map(OwnedFd::from),
            Err(_) => sockets.take_tcp_listener(place)?.map(OwnedFd::from),
        };
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("the inherited socket {name} is not there"));
        Ok(Inherited { socket: socket.ok_or_else(missing)?, name })
    };
    names.into_iter().enumerate().map(take).collect()
}

/// Says that the server is ready.
pub fn ready() {
    notify(NotifyState::Ready);
}

/// Says that the server stops.
pub fn stopping() {
    notify(NotifyState::Stopping);
}

/// Tells the watchdog, if there is one, that the runtime still turns, until `shutdown` begins; twice in its span, as
/// sd_watchdog_enabled(3) wants it.
pub async fn watchdog(shutdown: Shutdown) {
    const SPAN_MIN: Duration = Duration::from_millis(20);
    let Some(span) = sd_notify::watchdog_enabled() else { return };
    let mut begun = shutdown.begun();
    loop {
        notify(NotifyState::Watchdog);
        if let Either::Left(_) = select(&mut begun, pin!(tokio::time::sleep(span.max(SPAN_MIN) / 2))).await {
            return;
        }
    }
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(event = "systemd.not_told", %error);
    }
}
