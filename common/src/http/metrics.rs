//! `GET /metrics` for Prometheus, and the duration of each request by route and status class.

use std::cell::OnceCell;
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};

use super::access::{Access, Bearer, is_local};
use super::problem::{Kind, Problem, ProblemBody, Retry};
use crate::telemetry::metrics::{self, Family, Labels, TracedHistogram};
use crate::telemetry::trace;

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The route of requests that match none.
const NO_ROUTE: &str = "other";
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// `ADMIN_TOKEN` is set, and the request does not send it.
static METRICS_NEED_THE_TOKEN: Kind = Kind {
    slug: "metrics-need-the-admin-token",
    status: 401,
    title: "The metrics need the admin token",
    meaning: "ADMIN_TOKEN is set, so only its bearer may read the metrics.",
    retry: Retry::Never,
};

/// `ADMIN_TOKEN` is not set, and the request comes from another machine.
static METRICS_ARE_LOCAL: Kind = Kind {
    slug: "metrics-are-local",
    status: 403,
    title: "The metrics are only for callers on this machine",
    meaning: "ADMIN_TOKEN is not set, so only callers on the service's own machine may read the metrics.",
    retry: Retry::Never,
};

/// What the route reports.
pub static KINDS: &[&Kind] = &[&METRICS_NEED_THE_TOKEN, &METRICS_ARE_LOCAL];

/// Metrics in the text format of Prometheus, or of OpenMetrics if the client accepts it.
///
/// If `ADMIN_TOKEN` is set, its bearer may read them; otherwise only callers on this machine may.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "The metrics, in the text format of Prometheus", body = String, content_type = "text/plain"),
    (status = 401, description = "ADMIN_TOKEN is set, and the request does not send it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "ADMIN_TOKEN is not set, and the caller is on another machine", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn metrics(request: HttpRequest, access: web::Data<Access>) -> Result<HttpResponse, Problem> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    match access.bearer(request.headers()) {
        Bearer::Admin => {}
        _ if access.has_admin_token() => {
            return Err(Problem::new(&METRICS_NEED_THE_TOKEN, METRICS_NEED_THE_TOKEN.meaning));
        }
        _ if is_local(peer, request.headers()) => {}
        _ => return Err(Problem::new(&METRICS_ARE_LOCAL, METRICS_ARE_LOCAL.meaning)),
    }
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let open = accept.is_some_and(|accept| accept.contains("application/openmetrics-text"));
    let kind = if open { OPEN_METRICS } else { PROMETHEUS };
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, kind)).body(metrics::to_text(open)))
}

/// The histograms of one route on one worker. Each is looked up at its first use and then kept.
#[derive(Default)]
pub(crate) struct RouteMetrics {
    template: OnceCell<String>,
    classes: [OnceCell<TracedHistogram>; 5],
}

impl RouteMetrics {
    /// Learns the route's path from the first request that the route takes.
    pub(super) fn learn_template(&self, request: &HttpRequest) {
        self.template.get_or_init(|| request.match_pattern().unwrap_or_else(|| NO_ROUTE.to_owned()));
    }

    /// Returns the route's path with its parameters as placeholders.
    pub(super) fn template(&self) -> &str {
        self.template.get().map_or(NO_ROUTE, String::as_str)
    }

    fn histogram(&self, class: usize) -> &TracedHistogram {
        self.classes[class].get_or_init(|| histogram(self.template(), class))
    }
}

/// Records a request that was answered, by its route if it reached one; one that is traced becomes the exemplar of its bucket.
pub(super) fn observe(route: Option<&RouteMetrics>, status: StatusCode, elapsed: Duration, trace: trace::Context) {
    let class = class_of(status);
    let histogram = route.map_or(&NOT_ROUTED[class], |route| route.histogram(class));
    histogram.observe(elapsed.as_secs_f64(), metrics::exemplar(trace), None);
}

type Requests = Family<Labels, TracedHistogram, fn() -> TracedHistogram>;

static REQUESTS: LazyLock<Requests> = LazyLock::new(|| {
    let family = Family::new_with_constructor(metrics::new_traced_durations as fn() -> TracedHistogram);
    metrics::register("http_request_duration_seconds", "Time from the head of a request to its answer", family)
});

static NOT_ROUTED: LazyLock<[TracedHistogram; 5]> =
    LazyLock::new(|| std::array::from_fn(|class| histogram(NO_ROUTE, class)));

/// Registers the metrics, so that they are there before the first request.
pub(crate) fn register() {
    LazyLock::force(&NOT_ROUTED);
}

fn histogram(route: &str, class: usize) -> TracedHistogram {
    REQUESTS.get_or_create_owned(&vec![("route", route.to_owned()), ("status_class", CLASSES[class].to_owned())])
}

fn class_of(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1
}
