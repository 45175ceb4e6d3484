//! Listeners, TLS, limits, and the one loop that drives any conversation.
//!
//! It knows tokio, sockets, files and the clock, and no protocol: what is said on a connection comes from a
//! [`Conversation`](env::Conversation), which a factory makes for each [`Peer`], or from a [`Handler`] of its stream.
//!
//! | module | what |
//! |---|---|
//! | [`runtime`] | `TokioEnv`: the traits of `env` on tokio |
//! | `listen` | [`Listener`] on a TCP address or a Unix socket |
//! | `serve` | [`Reception`]: accepts, admits, secures, and gives each connection a task |
//! | `admission` | [`Limits`] and [`Capacity`]: who gets in; [`Refused`]: why not |
//! | `proxy` | [`ProxyPolicy`]: a proxy in front of us says whom it speaks for |
//! | [`dial`] | `TokioDialer`: connections that we open |
//! | `drive` | [`drive`]: the loop between socket and conversation |
//! | [`tls`] | certificates and [`Acceptor`] |
//! | [`systemd`] | inherited sockets, readiness, watchdog |
//! | [`resolve`] | `DnsResolver`: names |
//! | [`metrics`] | what is counted |
//! | `shutdown` | [`Shutdown`]: the one signal to stop |
//!
//! ```no_run
//! # async fn example(conversation: fn(net::Peer) -> Box<dyn env::Conversation>) -> Result<(), net::ListenError> {
//! use net::{Capacity, Limits, ListenAddress, Listener, Reception, Service, Shutdown, Speaker, TlsMode};
//! use std::sync::Arc;
//! let runtime = net::runtime::TokioEnv::new().expect("threads can be started");
//! let listener = Listener::bind(&ListenAddress::Tcp(([127, 0, 0, 1], 2525).into())).await?;
//! let service = Service {
//!     name: "smtp",
//!     tls: TlsMode::None,
//!     limits: Limits::SMTP,
//!     capacity: Capacity::new(40_000),
//!     yields: None,
//!     speaker: Speaker::Conversation(Arc::new(conversation)),
//!     refusal: Arc::new(|reason| format!("421 4.7.0 mx.demo.test {reason}; try again later\r\n")),
//!     proxy: None,
//! };
//! Reception::new(service, runtime.env().clock, Shutdown::new()).serve(listener).await;
//! # Ok(())
//! # }
//! ```

mod admission;
pub mod dial;
mod drive;
mod leftover;
mod listen;
pub mod metrics;
mod pace;
mod proxy;
pub mod resolve;
pub mod runtime;
mod serve;
mod shutdown;
mod strain;
mod stream;
pub mod systemd;
#[cfg(test)]
mod tests;
mod timer;
pub mod tls;

pub use admission::{Capacity, Limits, Refused};
pub use drive::{DRAIN_TIMEOUT, Driver, Ended, drive};
pub use listen::{InheritError, ListenAddress, ListenError, Listener};
pub use proxy::ProxyPolicy;
pub use serve::{Factory, Handled, Handler, Peer, Reception, Refusal, Service, Speaker, TlsMode};
pub use shutdown::{Begun, Shutdown};
pub use strain::Strain;
pub use stream::Stream;
pub use tls::Acceptor;
