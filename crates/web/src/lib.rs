//! HTTP: the status page and health.
//!
//! It knows HTTP and a socket, and nothing of mail: what it shows comes from a [`StatusSource`]. It reads no bodies, runs
//! no scripts and keeps no sessions.
//!
//! | path | what |
//! |---|---|
//! | `/` | a page for people, in English or German |
//! | `/healthz` | `ok`, or 503 and the reason, for machines |
//!
//! ```no_run
//! # async fn example(source: std::sync::Arc<dyn web::StatusSource>) -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! web::serve(listener, source, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod gate;
mod page;
mod status;
#[cfg(test)]
mod tests;

pub use status::{Health, Listening, Security, Status, StatusSource};

use axum::Router;
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use gate::Gate;
use page::Language;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

type Source = Arc<dyn StatusSource>;

/// What every answer carries: nothing may be loaded, framed, guessed or kept.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::VARY, "accept-language"),
];

/// How long open requests may take once we stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `listener` until `stop` is ready; then it is closed, and this returns when open requests are answered or after
/// five seconds.
pub async fn serve(listener: TcpListener, source: Source, stop: impl Future<Output = ()> + Send + 'static) {
    let router = Router::new()
        .route("/", get(status_page))
        .route("/healthz", get(health))
        .fallback(unknown)
        .layer(axum::middleware::map_response(with_headers))
        .with_state(source);
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        // Nobody listens only if serving has ended.
        let _ = stopping.send(());
    };
    let served = axum::serve(Gate::new(listener), router).with_graceful_shutdown(stop).into_future();
    let overdue = async {
        match stopped.await {
            Ok(()) => sleep(DRAIN_TIMEOUT).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::error!(event = "http.failed", %error, "the status page is gone until the next start");
        },
        () = overdue => tracing::debug!(event = "http.cut", "a request was not over in time"),
    }
}

async fn status_page(State(source): State<Source>, headers: HeaderMap) -> Html<String> {
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Html(page::render(&source.status(), Language::preferred(language.unwrap_or_default())))
}

async fn health(State(source): State<Source>) -> Response {
    match source.status().health {
        Health::Well => "ok\n".into_response(),
        Health::Ill(reason) => {
            let body = serde_json::json!({ "health": "ill", "reason": reason });
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n"))
                .into_response()
        }
    }
}

async fn unknown(method: Method) -> (StatusCode, &'static str) {
    match method {
        Method::GET | Method::HEAD => (StatusCode::NOT_FOUND, "There is nothing here.\n"),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n"),
    }
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
