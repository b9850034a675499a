//! `/app/system`: the doctor's report, as a path for each dependency.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use causeway_common::http::access::Access;
use causeway_common::http::limits::Form;
use causeway_common::http::page::{Page, State};
use causeway_common::http::problem::Problem;
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use super::SITE;
use crate::doctor::{CheckReport, Diagnosis, Doctor, Outcome, Report, Stage, handlers};

/// What the form sends.
#[derive(Deserialize)]
pub struct Token {
    token: SecretString,
}

/// Shows the report, without causes unless the caller may see them.
pub async fn show(
    request: HttpRequest,
    doctor: web::Data<Doctor>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Problem> {
    let sees_all = handlers::may_see_all(&request, &access)?;
    respond(&doctor, &access, sees_all).await
}

/// Shows the whole report to the bearer of the admin token.
pub async fn show_all(
    Form(form): Form<Token>,
    doctor: web::Data<Doctor>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Problem> {
    handlers::require_token(&access, &form.token)?;
    respond(&doctor, &access, true).await
}

async fn respond(doctor: &Doctor, access: &Access, sees_all: bool) -> Result<HttpResponse, Problem> {
    let report = handlers::report_for(doctor, access, sees_all).await?;
    let page = Page { title: &report.response, current: "/app/system", content: content(&report, access) };
    Ok(SITE.respond(StatusCode::OK, &page))
}

fn content(report: &Report, access: &Access) -> Markup {
    let state = state_of(report.verdict.outcome);
    html! {
        div.stack {
            div.row.between {
                h1 { "System" }
                div.row {
                    span.soft { "Checked " (report.time.time().to_string().split('.').next().unwrap_or_default()) " UTC" }
                    a.btn href="/app/system" { "Check now" }
                }
            }
            div.card.verdict.tight data-is=(state.name()) {
                p.says { (state.icon()) (word(report.verdict.outcome)) }
                h2 { (report.response) }
                p.lead { (summary(report)) }
            }
            @if report.redacted { (ask_for_token(access)) }
            ol.road role="list" aria-label="The way to each dependency" {
                li data-is=(State::Ok.name()) { (State::Ok.icon()) b { "This service" } " " small { "answers" } }
                @for check in worst_first(&report.checks) { (dependency(check)) }
            }
            p.soft { "In a terminal: " code { "frontend-api doctor" } }
        }
    }
}

fn summary(report: &Report) -> String {
    let count = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    let (failed, warned) = (count(Outcome::Failed), count(Outcome::Warning));
    match (failed, report.checks.len()) {
        (0, all) if warned > 0 => format!("All {all} dependencies that are configured work; {warned} deserve a look."),
        (0, 1) => "The one dependency that is configured works.".to_owned(),
        (0, all) => format!("All {all} dependencies that are configured work, or are not used."),
        (failed, all) => format!("{failed} of {all} dependencies failed."),
    }
}

fn ask_for_token(access: &Access) -> Markup {
    html! {
        div.card.stack {
            p {
                b { "Do you run this service? " }
                "Addresses, causes and remedies are for the people who run it. "
                (handlers::advice(access))
            }
            @if access.has_admin_token() {
                form.stack method="post" action="/app/system" {
                    div.field {
                        label for="token" { "Admin token" }
                        input id="token" name="token" type="password" autocomplete="off" required aria-describedby="token-h";
                        p.hint id="token-h" { "For this answer alone; it is not kept." }
                    }
                    button.go { "Show causes" }
                }
            }
        }
    }
}

/// Failed checks first, then those with a warning, otherwise in the order of the report.
fn worst_first(checks: &[CheckReport]) -> Vec<&CheckReport> {
    let mut sorted: Vec<&CheckReport> = checks.iter().collect();
    sorted.sort_by_key(|check| match check.outcome {
        Outcome::Failed => 0,
        Outcome::Warning => 1,
        Outcome::Ok => 2,
        Outcome::Skipped => 3,
    });
    sorted
}

fn dependency(check: &CheckReport) -> Markup {
    let state = state_of(check.outcome);
    let blamed = check.first_failed().or_else(|| check.first(Outcome::Warning));
    html! {
        li.dep data-is=(state.name()) {
            article.card {
                div.row.between { h3 { (check.subject.to_string()) } p.says { (state.icon()) (words(check, blamed)) } }
                @if let Some(target) = &check.target { p.mono.soft { (target) } }
                @if check.outcome == Outcome::Ok {
                    details { summary { (check.stages.len()) " hops, all ok" } (hops(check)) }
                } @else { (hops(check)) }
                @if let Some(stage) = blamed { (fix(stage, check.prove.as_deref())) }
            }
        }
    }
}

fn words(check: &CheckReport, blamed: Option<&Stage>) -> String {
    match (check.outcome, blamed) {
        (Outcome::Failed, Some(stage)) => format!("Failed at {} after {:.0} ms", stage.name, check.milliseconds),
        (Outcome::Warning, Some(stage)) => format!("Works, with a warning at {}", stage.name),
        (outcome @ (Outcome::Failed | Outcome::Warning), None) => word(outcome).to_owned(),
        (Outcome::Ok, _) => format!("Works, {:.0} ms", check.milliseconds),
        (Outcome::Skipped, _) => "Skipped".to_owned(),
    }
}

/// The state in one word.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "Works",
        Outcome::Warning => "Works, with a warning",
        Outcome::Failed => "Failed",
        Outcome::Skipped => "Skipped",
    }
}

fn hops(check: &CheckReport) -> Markup {
    html! {
        ol.path role="list" aria-label=(format!("Hops to {}", check.subject)) {
            @for stage in &check.stages {
                @let state = state_of(stage.outcome);
                li data-is=(state.name()) {
                    (state.icon()) b { (stage.name) } " "
                    small {
                        @match stage.outcome {
                            Outcome::Ok => { span.sr { "ok, " } (format!("{:.1} ms", stage.milliseconds)) },
                            Outcome::Warning => { (format!("warning, {:.1} ms", stage.milliseconds)) },
                            Outcome::Failed => { (format!("failed, {:.0} ms", stage.milliseconds)) },
                            Outcome::Skipped => { "skipped" },
                        }
                    }
                }
            }
        }
    }
}

/// What to do about a failed stage. Empty for a caller who may not see it.
fn fix(stage: &Stage, prove: Option<&str>) -> Markup {
    let Diagnosis { code, cause, remedy, link } = &stage.diagnosis;
    let facts =
        [("Cause", *cause), ("Remedy", *remedy), ("What was seen", stage.evidence.as_deref()), ("Prove it", prove)];
    html! {
        @if cause.is_some() {
            dl.fix {
                @for (name, fact) in facts { @if let Some(fact) = fact { div { dt { (name) } dd { (fact) } } } }
                @if let Some((code, link)) = code.zip(link.as_ref()) { div { dt { "Code" } dd { a href=(link) { (code) } } } }
            }
        }
    }
}

fn state_of(outcome: Outcome) -> State {
    match outcome {
        Outcome::Ok => State::Ok,
        Outcome::Warning => State::Warning,
        Outcome::Failed => State::Failed,
        Outcome::Skipped => State::Skipped,
    }
}
