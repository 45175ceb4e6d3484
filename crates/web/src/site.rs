//! What is behind which path.

use crate::discovery::{self, DiscoverySource};
use crate::page::{self, Language};
use crate::seats::Seats;
use crate::status::{Health, StatusSource};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Request, StatusCode, Version};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::str::FromStr;
use std::sync::Arc;

/// Connections that may sit idle; one more, and the longest idle goes. There are more than any honest site has at once.
const SEATS: usize = 512;

/// Octets of a request's body: Autodiscover's has a few hundred.
pub(crate) const BODY_OCTETS_MAX: usize = 64 * 1024;

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

/// What a site may show, each apart: not everything is for everybody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Page {
    /// How the server is, with its listeners and numbers of accounts and messages.
    Status,
    /// How mail programs connect.
    Discovery,
    /// Whether the server does its work.
    Health,
    /// What it has done, in figures.
    Metrics,
}

impl Page {
    /// All of them, as they are shown.
    pub const ALL: [Page; 4] = [Page::Status, Page::Discovery, Page::Health, Page::Metrics];

    /// What tells strangers nothing that they could not find out.
    pub const PUBLIC: [Page; 2] = [Page::Discovery, Page::Health];

    /// As it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Page::Status => "status",
            Page::Discovery => "discovery",
            Page::Health => "health",
            Page::Metrics => "metrics",
        }
    }
}

/// A text names no page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownPage;

impl std::fmt::Display for UnknownPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "is none of {}", Page::ALL.map(Page::name).join(", "))
    }
}

impl std::error::Error for UnknownPage {}

impl FromStr for Page {
    type Err = UnknownPage;

    fn from_str(text: &str) -> Result<Page, UnknownPage> {
        Page::ALL.into_iter().find(|page| page.name() == text).ok_or(UnknownPage)
    }
}

/// Knows the figures. Asked for each page, as the others.
pub trait MetricsSource: Send + Sync {
    /// All of them, in the text form of Prometheus.
    fn metrics(&self) -> String;
}

/// Where the pages come from.
#[derive(Clone)]
pub struct Sources {
    /// The status page and health.
    pub status: Arc<dyn StatusSource>,
    /// How mail programs find the server.
    pub discovery: Arc<dyn DiscoverySource>,
    /// The figures.
    pub metrics: Arc<dyn MetricsSource>,
}

/// What one listener shows.
pub struct Site {
    router: TowerToHyperService<Router>,
    pub(crate) seats: Seats,
}

impl Site {
    /// A site with these pages; all others are not there.
    pub fn new(sources: Sources, pages: &[Page]) -> Arc<Site> {
        Site::with_seats(sources, pages, SEATS)
    }

    pub(crate) fn with_seats(sources: Sources, pages: &[Page], seats: usize) -> Arc<Site> {
        let router = Page::ALL
            .into_iter()
            .filter(|page| pages.contains(page))
            .fold(Router::new(), with_page)
            .fallback(unknown)
            .layer(DefaultBodyLimit::max(BODY_OCTETS_MAX))
            .layer(axum::middleware::map_response(with_headers))
            .with_state(sources);
        Arc::new(Site { router: TowerToHyperService::new(router), seats: Seats::new(seats) })
    }

    pub(crate) async fn answer(&self, mut request: Request<Body>) -> Response {
        // RFC 9112 §3.2
        if request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1 {
            return (StatusCode::BAD_REQUEST, "HTTP/1.1 needs one Host field.\n").into_response();
        }
        if let Some(uri) = discovery::one_case(request.uri()) {
            *request.uri_mut() = uri;
        }
        match self.router.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// For a request that never ends.
    pub(crate) fn late() -> Response {
        (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")], "The request took too long.\n").into_response()
    }
}

fn with_page(router: Router<Sources>, page: Page) -> Router<Sources> {
    match page {
        Page::Status => router.route("/", get(status_page)),
        Page::Discovery => discovery::with_routes(router),
        Page::Health => router.route("/healthz", get(health)),
        Page::Metrics => router.route("/metrics", get(metrics)),
    }
}

async fn status_page(State(sources): State<Sources>, headers: HeaderMap) -> Html<String> {
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Html(page::render(&sources.status.status(), Language::preferred(language.unwrap_or_default())))
}

async fn health(State(sources): State<Sources>) -> Response {
    match sources.status.status().health {
        Health::Well => "ok\n".into_response(),
        Health::Ill(reason) => {
            let body = serde_json::json!({ "health": "ill", "reason": reason });
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n"))
                .into_response()
        }
    }
}

/// The type is that of Prometheus's text format.
async fn metrics(State(sources): State<Sources>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], sources.metrics.metrics()).into_response()
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
