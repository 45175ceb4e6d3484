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
/// If one of them is no TCP or Unix stream socket.
pub fn inherited() -> io::Result<Vec<Inherited>> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let (mut names, mut sockets) = (names.split(':'), ListenFd::from_env());
    let mut inherited = Vec::new();
    for place in 0..sockets.len().min(SOCKETS_MAX) {
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
        let socket = match sockets.take_unix_listener(place) {
            Ok(unix) => unix.map(OwnedFd::from),
            Err(_) => sockets.take_tcp_listener(place)?.map(OwnedFd::from),
        };
        inherited.extend(socket.map(|socket| Inherited { name, socket }));
    }
    Ok(inherited)
}

/// Says that the server is ready.
pub fn ready() {
    notify(NotifyState::Ready);
}

/// Says that the server takes other settings; [`ready`] says that it has them (systemd.service(5), `Type=notify-reload`).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify_all(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(event = "systemd.not_told", %error),
    }
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
    notify_all(&[state]);
}

fn notify_all(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(event = "systemd.not_told", %error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ListenAddress, Listener};
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    const CHILD: &str = "NET_TEST_IS_CHILD";

    /// What a unit sets, for this same test in a process of its own: an environment is one for all threads.
    const UNIT: &str = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp WATCHDOG_USEC=60000000 \
                        exec \"$0\" --exact systemd::tests::sockets_come_in_and_notices_go_out 3<&0";

    #[tokio::test]
    async fn sockets_come_in_and_notices_go_out() {
        if let Ok(address) = std::env::var(CHILD) {
            return child(&address).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let notices = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut unit = Command::new("sh");
        unit.args(["-c", UNIT]).arg(std::env::current_exe().unwrap());
        unit.env(CHILD, socket.local_addr().unwrap().to_string()).env("NOTIFY_SOCKET", folder.path().join("notify"));
        let output = unit.stdin(OwnedFd::from(socket)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        notices.set_nonblocking(true).unwrap();
        let mut buffer = [0; 100];
        for expected in ["READY=1", "RELOADING=1\nMONOTONIC_USEC=", "WATCHDOG=1", "STOPPING=1"] {
            let octets = notices.recv(&mut buffer).unwrap();
            let notice = String::from_utf8_lossy(&buffer[..octets]);
            assert!(notice.starts_with(expected), "{notice}");
        }
    }

    async fn child(address: &str) {
        let mut sockets = inherited().unwrap();
        assert_eq!(sockets.len(), 1);
        let Inherited { name, socket } = sockets.remove(0);
        assert_eq!(name, "smtp");
        let expected = ListenAddress::Tcp(address.parse().unwrap());
        assert_eq!(*Listener::from_fd(socket).unwrap().address(), expected);
        assert!(inherited().unwrap().is_empty(), "once");
        ready();
        reloading();
        let shutdown = Shutdown::new();
        shutdown.begin();
        watchdog(shutdown).await;
        stopping();
    }
}
