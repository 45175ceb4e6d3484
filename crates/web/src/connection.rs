//! One connection, and how much of everything it gets.

use crate::seats::Seat;
use crate::site::Site;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};

/// How long a request's header may take, from the connection's first moment or from the last answer: also how long an
/// idle connection is kept. A browser or a monitor simply opens another one.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request with its body may take to be answered. The only bodies are a few hundred octets.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one connection lives, whatever it does: a peer that takes no octet of its answer goes.
pub(crate) const LIFE_MAX: Duration = Duration::from_secs(60);

/// How long open requests may take once we stop.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(4);

/// Octets of a request's header: several times what browsers send.
const HEADER_OCTETS_MAX: usize = 16 * 1024;

/// Fields of a request's header: several times what browsers send.
const HEADER_FIELDS_MAX: usize = 64;

impl Site {
    /// Answers the requests of `stream` until it ends, it has been idle too long, somebody else needs its place, or `stop`
    /// is ready; then a request that is under way is answered first, within a few seconds.
    pub async fn converse<S>(self: Arc<Site>, stream: S, stop: impl Future<Output = ()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let seat = Arc::new(self.seats.take());
        let service = {
            let seat = seat.clone();
            service_fn(move |request| answer(self.clone(), seat.clone(), request))
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_OCTETS_MAX)
            .max_headers(HEADER_FIELDS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = seat.unseated() => return tracing::debug!(event = "http.unseated", "an idle connection made room"),
            () = sleep(LIFE_MAX) => return tracing::debug!(event = "http.cut", "a connection became too old"),
            () = stop => {
                connection.as_mut().graceful_shutdown();
                match timeout(DRAIN_TIMEOUT, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return tracing::debug!(event = "http.cut", "a request was not over in time"),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(event = "http.failed", %error);
        }
    }
}

async fn answer(
    site: Arc<Site>,
    seat: Arc<Seat>,
    request: hyper::Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let answered = timeout(REQUEST_TIMEOUT, site.answer(request.map(Body::new))).await;
    seat.renew();
    Ok(answered.unwrap_or_else(|_| Site::late()))
}
