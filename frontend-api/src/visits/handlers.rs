//! | method | path             | answer |
//! |--------|------------------|--------|
//! | GET    | `/`              | records the visit, then `{"Response":"Registered request"}` |
//! | GET    | `/recent-visits` | `{"Response":[{"timestamp","user_agent"}, …]}`, newest first, ten at most |

use actix_web::http::header::{ContentType, USER_AGENT};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use causeway_common::http::problem::{Problem, ProblemBody};
use causeway_common::telemetry::trace;
use serde::{Deserialize, Serialize};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use utoipa::ToSchema;

use super::Visits;
use super::store::Visit;

/// The width of the column.
const LONGEST_USER_AGENT: usize = 250;
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");

/// The visit is committed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Registered {
    #[schema(example = "Registered request")]
    response: &'static str,
}

/// The newest visits, newest first.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RecentVisits {
    pub(super) response: Vec<RecentVisit>,
}

/// One visit.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RecentVisit {
    /// UTC.
    #[schema(example = "2026-11-21 09:12:20.100660")]
    pub timestamp: String,
    /// Null when the client sent none.
    #[schema(example = "curl/7.88.1")]
    pub user_agent: Option<String>,
}

/// Records this visit. The answer means that it is committed.
#[utoipa::path(get, path = "/", tag = "visits", responses(
    (status = 200, description = "The visit is committed", body = Registered),
    (status = 422, description = "The database can't store this User-Agent", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "The visit was not recorded, or it is unknown whether it was", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn register(request: HttpRequest, visits: web::Data<Visits>) -> Result<web::Json<Registered>, Problem> {
    let now = OffsetDateTime::now_utc();
    let visit = Visit { at: PrimitiveDateTime::new(now.date(), now.time()), user_agent: user_agent(&request) };
    let together = visits.record(visit, trace::current()).await?;
    request.extensions_mut().insert(together);
    Ok(web::Json(Registered { response: "Registered request" }))
}

/// Lists the newest visits, ten at most.
#[utoipa::path(get, path = "/recent-visits", tag = "visits", responses(
    (status = 200, description = "The newest visits", body = RecentVisits),
    (status = 503, description = "The database is unavailable, slow or has too many waiting requests", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn recent(visits: web::Data<Visits>) -> Result<HttpResponse, Problem> {
    let json = visits.recent(trace::current()).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Returns the User-Agent, cut between characters, with replacements for bytes that are not UTF-8.
fn user_agent(request: &HttpRequest) -> Option<String> {
    let sent = String::from_utf8_lossy(request.headers().get(USER_AGENT)?.as_bytes());
    // No character has less than a byte.
    Some(if sent.len() <= LONGEST_USER_AGENT {
        sent.into_owned()
    } else {
        sent.chars().take(LONGEST_USER_AGENT).collect()
    })
}

impl From<Vec<Visit>> for RecentVisits {
    fn from(visits: Vec<Visit>) -> Self {
        let shown = |visit: Visit| RecentVisit {
            timestamp: visit.at.format(TIMESTAMP).expect("the format has only parts that every time has"),
            user_agent: visit.user_agent,
        };
        Self { response: visits.into_iter().map(shown).collect() }
    }
}
