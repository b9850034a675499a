//! The shell of all pages: one style sheet, one navigation, and a policy that names the style by its hash.
//!
//! The look is described in the comments of `style.css`. A page is a title, the path that the navigation marks as
//! current, and its content. Colours, sizes and spaces are tokens at the top of the style sheet.

mod problems;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY};
use actix_web::middleware::Next;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

pub(super) use self::problems::mount as mount_problems;
use super::problem::Problem;

const STYLE: &str = include_str!("style.css");
const ICON: &str = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2024%2024'%3E%3Cpath%20fill='%230a7a96'%20d='M0%204.5h24V16h-2a4.5%204.5%200%200%200-9%200h-2a4.5%204.5%200%200%200-9%200H0zM0%2018.5h24V20H0z'/%3E%3C/svg%3E";

/// The content type of every page.
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is a valid header value")
});

/// What the pages of a service have in common.
#[derive(Debug)]
pub struct Site {
    /// Where the mark leads to.
    pub home: &'static str,
    /// The navigation: paths with their names.
    pub links: &'static [(&'static str, &'static str)],
}

/// A page within the shell.
#[derive(Debug)]
pub struct Page<'a> {
    /// The title, without the name of the product.
    pub title: &'a str,
    /// The path that the navigation marks as current.
    pub current: &'a str,
    /// The content of `main`, with one `h1`.
    pub content: Markup,
}

/// How something is: told by shape, word and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works.
    Ok,
    /// It works, but not as it should.
    Warning,
    /// It failed.
    Failed,
    /// It was not tried, or the sign only informs.
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
    /// Returns the page as a response with this status.
    pub fn respond(&self, status: StatusCode, page: &Page<'_>) -> HttpResponse {
        let mut response = HttpResponse::build(status).body(self.render(page));
        add_headers(response.headers_mut());
        response
    }

    /// Returns the page as HTML.
    pub fn render(&self, page: &Page<'_>) -> String {
        self.render_with(page, &html! {})
    }

    pub(super) fn render_with(&self, page: &Page<'_>, head: &Markup) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (page.title) " · Causeway" }
                    link rel="icon" href=(ICON);
                    style { (PreEscaped(STYLE)) }
                    (head)
                }
                body {
                    (icons())
                    a.skip href="#main" { "Skip to the content" }
                    (self.header(page.current))
                    main.wide id="main" tabindex="-1" { (page.content) }
                    footer.foot {
                        div.wide.soft {
                            span { "Causeway " (env!("CARGO_PKG_VERSION")) }
                            span { "Times are UTC" }
                            a href="/problems" { "Problems" }
                        }
                    }
                }
            }
        }
        .into_string()
    }

    fn header(&self, current: &str) -> Markup {
        html! {
            header.top {
                div.wide {
                    a.brand href=(self.home) {
                        svg viewBox="0 0 24 24" aria-hidden="true" {
                            path d="M0 4.5h24V16h-2a4.5 4.5 0 0 0-9 0h-2a4.5 4.5 0 0 0-9 0H0z" {}
                            path d="M0 18.5h24V20H0z" {}
                        }
                        "Causeway"
                    }
                    nav aria-label="Main" {
                        ul.nav {
                            @for (path, name) in self.links {
                                li { a href=(path) aria-current=[(*path == current).then_some("page")] { (name) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Returns the page that tells a person of a problem.
    pub fn explain(&self, problem: &Problem) -> String {
        let kind = problem.kind();
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
            }
        };
        self.render(&Page { title: &format!("Error: {}", kind.title), current: "", content })
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
    if let Some(page) = problem.map(|problem| site.explain(problem)) {
        add_headers(response.headers_mut());
        return Ok(response.map_body(|_, _| BoxBody::new(page)));
    }
    Ok(response)
}

fn add_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    // Without it, browsers send `Origin: null` with forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn icons() -> Markup {
    html! {
        svg.sr width="0" height="0" aria-hidden="true" {
            symbol id="i-ok" viewBox="0 0 20 20" {
                circle cx="10" cy="10" r="9" fill="currentColor" {}
                path.g d="M6 10.4l2.8 2.8 5.3-6" {}
            }
            symbol id="i-warn" viewBox="0 0 20 20" {
                path fill="currentColor" d="M10 .6l9.4 9.4-9.4 9.4L.6 10z" {}
                path.g d="M10 5.8v4.8M10 14v.1" {}
            }
            symbol id="i-bad" viewBox="0 0 20 20" {
                rect x="1" y="1" width="18" height="18" rx="4" fill="currentColor" {}
                path.g d="M6.5 6.5l7 7m0-7l-7 7" {}
            }
            symbol id="i-skip" viewBox="0 0 20 20" {
                circle cx="10" cy="10" r="8.5" stroke-dasharray="3.3 2.64" {}
                path d="M6.5 10h7" {}
            }
        }
    }
}
