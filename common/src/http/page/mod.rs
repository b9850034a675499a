//! The shell of all pages: one navigation, one set of styles and scripts, and a policy that names each by its hash.
//!
//! A page is a title, the path that the navigation marks as current, and its content. Colours, sizes and spaces are tokens
//! at the top of `style/base.css`.

mod assets;
mod problems;
mod shell;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, CROSS_ORIGIN_OPENER_POLICY, ETAG, EntityTag, HeaderMap,
    HeaderValue, REFERRER_POLICY, VARY,
};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{Markup, html};
use ring::digest::{SHA256, digest};

pub use self::assets::Asset;
pub(super) use self::problems::mount as mount_problems;
use super::etag;
use super::problem::Problem;
use super::request_id::RequestId;

/// The content type of every page.
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// The page depends on who asks only by the navigation.
const VARY_COOKIE: HeaderValue = HeaderValue::from_static("cookie");
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What the pages of a service have in common.
#[derive(Debug)]
pub struct Site {
    /// Where the mark leads to.
    pub home: &'static str,
    /// The navigation: paths with their names.
    pub links: &'static [(&'static str, &'static str)],
    /// What signing in changes of it; `None` if one cannot sign in.
    pub members: Option<Members>,
}

/// The navigation of those who are signed in.
#[derive(Debug)]
pub struct Members {
    /// Paths with their names.
    pub links: &'static [(&'static str, &'static str)],
    /// Where the form that signs out is sent.
    pub sign_out: &'static str,
    /// Returns whether a request comes from a browser that keeps a session. It need not know whether that has ended.
    pub keeps_session: fn(&HttpRequest) -> bool,
}

/// A page within the shell.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// The title, without the name of the product.
    pub title: &'a str,
    /// The path that the navigation marks as current.
    pub current: &'a str,
    /// The content of `main`, with one `h1`.
    pub content: Markup,
    /// The styles and scripts that it needs.
    pub assets: &'a [Asset],
    /// The origin of pictures that it shows, besides this one.
    pub images: Option<&'a str>,
}

/// What a problem is answered with.
struct Instead {
    html: String,
    policy: HeaderValue,
}

/// The state of something, shown by shape, word and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works.
    Ok,
    /// It works, but not as it should.
    Warning,
    /// It failed.
    Failed,
    /// It was not tried, or the icon only informs.
    Skipped,
}

impl State {
    /// Returns the value of the attribute `data-is`, which sets the tone.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warn",
            Self::Failed => "bad",
            Self::Skipped => "skip",
        }
    }

    /// Returns the icon. It takes its tone from the element around it.
    pub fn icon(self) -> Markup {
        html! { svg.i aria-hidden="true" { use href=(format!("#i-{}", self.name())) {} } }
    }
}

impl Site {
    /// Returns the page as a response with this status. No cache keeps it.
    pub fn respond(&self, request: &HttpRequest, status: StatusCode, page: &Page<'_>) -> HttpResponse {
        self.respond_as(self.is_member(request), status, page)
    }

    /// Returns the page as a response to somebody who has just become a member, or no longer is one.
    pub fn respond_as(&self, member: bool, status: StatusCode, page: &Page<'_>) -> HttpResponse {
        let mut response = HttpResponse::build(status).body(self.render(member, page));
        add_headers(response.headers_mut(), assets::policy(page.images));
        response
    }

    /// Returns a page that says the same to everybody. A browser that has it is not sent it again.
    pub fn respond_cacheable(&self, request: &HttpRequest, page: &Page<'_>) -> HttpResponse {
        let html = self.render(self.is_member(request), page);
        let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, html.as_bytes()).as_ref()[..16]);
        let tag = EntityTag::new_strong(hash);
        let is_known = etag::is_known(request, &tag);
        let mut response = if is_known { HttpResponse::NotModified().finish() } else { HttpResponse::Ok().body(html) };
        add_headers(response.headers_mut(), assets::policy(page.images));
        let tag = HeaderValue::from_str(&tag.to_string()).expect("base64 is a valid header value");
        for (name, value) in [(ETAG, tag), (VARY, VARY_COOKIE), (CACHE_CONTROL, REVALIDATE)] {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Makes a scope of pages answer `problem` with `page`, in place of the page that explains problems. The response has the
    /// problem's status and headers, and the access log its cause.
    #[must_use]
    pub fn answer_with(&self, request: &HttpRequest, member: bool, page: &Page<'_>, problem: Problem) -> Problem {
        self.answer_instead(request, member, page);
        problem
    }

    /// Makes a scope of pages answer the problem of this request with `page`.
    pub fn answer_instead(&self, request: &HttpRequest, member: bool, page: &Page<'_>) {
        let instead = Instead { html: self.render(member, page), policy: assets::policy(page.images) };
        request.extensions_mut().insert(instead);
    }

    pub(super) fn is_member(&self, request: &HttpRequest) -> bool {
        self.members.as_ref().is_some_and(|members| (members.keeps_session)(request))
    }

    /// Returns the page that shows a problem to a person.
    pub fn explain(&self, request: &HttpRequest, problem: &Problem) -> String {
        let kind = problem.kind();
        let id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned()).unwrap_or_default();
        let content = html! {
            div.narrow.stack {
                h1 { (kind.title) }
                div.note data-is=(State::Failed.name()) role="alert" {
                    (State::Failed.icon())
                    div {
                        p { (problem.detail()) }
                        @for field in problem.fields() { p { b { (field.field) } " " (field.detail) } }
                    }
                }
                p.soft { "Status " (kind.status) ". " a href=(kind.uri()) { "What this means" } }
                p { a.btn href=(self.home) { "Go to the start" } }
                p.soft { "If you ask for help, give this number: " code { (id) } }
            }
        };
        let title = format!("Error: {}", kind.title);
        self.render(self.is_member(request), &Page { title: &title, content, ..Page::default() })
    }
}

/// Middleware for a scope of pages: turns every problem, also of extractors and of paths that do not exist, into a page.
/// The response keeps its status, its headers and the error, which the access log reports.
pub async fn problems_as_pages<B: MessageBody + 'static>(
    site: &'static Site,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    let Some(problem) = problem else { return Ok(response) };
    let instead = response.request().extensions_mut().remove::<Instead>();
    let page = instead.unwrap_or_else(|| {
        let html = site.explain(response.request(), problem);
        Instead { html, policy: assets::policy(None) }
    });
    add_headers(response.headers_mut(), page.policy);
    Ok(response.map_body(|_, _| BoxBody::new(page.html)))
}

fn add_headers(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    // Without it, browsers send `Origin: null` with forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}
