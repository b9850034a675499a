//! What the system page shows. A caller who may not see all gets each fault once, and what to send to see more.

use causeway_common::http::access::Access;
use causeway_common::http::page::State;
use maud::{Markup, html};

use super::words::{headline, state_of, summary, title, word, words};
use crate::doctor::{CheckReport, Diagnosis, Outcome, Report, Stage, handlers};
use crate::pages::visits::live_controls;
use crate::pages::{SYSTEM, times};

pub(super) fn content(report: &Report, access: &Access, live: bool) -> Markup {
    html! {
        div.stack {
            div.row.between {
                h1 { "System" }
                div.row {
                    @if live { (live_controls()) }
                    a.btn href=(SYSTEM) { "Check now" }
                    button type="button" data-copy hidden { "Copy report" }
                }
            }
            p.sr role="status" data-say {}
            div.stack id="report" data-live[live] { (of_report(report)) }
            @if report.redacted { (ask_for_token(access)) }
            p.soft {
                "In a terminal: " code { "frontend-api doctor" } ". Programs ask " code { "/test-connection" } ". "
                @if live { "While you look, this page checks every 5 seconds, which keeps a pausing database awake." }
            }
        }
    }
}

/// The faults that are explained already: their codes, and where. Each is explained once.
type Explained<'a> = Vec<(&'static str, &'a str)>;

fn of_report(report: &Report) -> Markup {
    let verdict = &report.verdict;
    let state = state_of(verdict.outcome);
    let names: Vec<String> = report.checks.iter().map(|check| title(&check.subject.to_string())).collect();
    let mut explained = Explained::new();
    html! {
        p.soft { "Checked " (times::second(report.time)) }
        div.card.verdict.tight data-is=(state.name()) {
            p.says { (state.icon()) (word(verdict.outcome)) }
            h2 { (headline(report)) }
            p.lead { (summary(report)) }
            // What several checks show together is the fault of none of them.
            @if verdict.check.is_none() { (fix(&verdict.diagnosis, None, None, None)) }
        }
        ol.road role="list" aria-label="The way to each dependency" {
            li data-is=(State::Ok.name()) { (State::Ok.icon()) b { "This service" } " " small { "answers" } }
            (connector(report))
            @for (n, check) in worst_first(&report.checks) { (dependency(n, check, &names[n], &mut explained)) }
        }
    }
}

/// Traffic passes if any dependency was reached by TCP.
fn connector(report: &Report) -> Markup {
    let reached =
        |stage: &Stage| stage.name.to_string() == "tcp" && matches!(stage.outcome, Outcome::Ok | Outcome::Warning);
    let passes = report.checks.iter().any(|check| check.stages.iter().any(reached));
    let (state, words) = if passes { (State::Ok, "traffic passes") } else { (State::Skipped, "not proven") };
    html! { li data-is=(state.name()) { (state.icon()) b { "VPC connector" } " " small { "or task network: " (words) } } }
}

fn ask_for_token(access: &Access) -> Markup {
    html! {
        div.card.stack {
            p { b { "Do you run this service? " } (handlers::advice(access)) }
            @if access.has_admin_token() {
                form.stack method="post" action=(SYSTEM) {
                    div.field {
                        label for="token" { "Admin token" }
                        input id="token" name="token" type="password" autocomplete="off" required aria-describedby="token-h";
                        p.hint id="token-h" { "For this answer alone; it is not kept." }
                    }
                    button.go { "Show causes" }
                }
                p.soft { code { "curl -H \"Authorization: Bearer $ADMIN_TOKEN\" https://YOUR-SERVICE/test-connection" } }
            }
        }
    }
}

/// Failed checks first, then those with a warning, otherwise in the order of the report.
fn worst_first(checks: &[CheckReport]) -> Vec<(usize, &CheckReport)> {
    let mut sorted: Vec<_> = checks.iter().enumerate().collect();
    sorted.sort_by_key(|(_, check)| match check.outcome {
        Outcome::Failed => 0,
        Outcome::Warning => 1,
        Outcome::Ok => 2,
        Outcome::Skipped => 3,
    });
    sorted
}

fn dependency<'a>(n: usize, check: &CheckReport, name: &'a str, explained: &mut Explained<'a>) -> Markup {
    let (state, id) = (state_of(check.outcome), format!("to-{n}"));
    let wrong = |stage: &&Stage| matches!(stage.outcome, Outcome::Failed | Outcome::Warning);
    let seen: Vec<&Stage> = check.stages.iter().filter(|stage| !wrong(stage) && stage.evidence.is_some()).collect();
    html! {
        li.dep data-is=(state.name()) {
            article.card aria-labelledby=(id) {
                div.row.between { h3 id=(id) { (name) } p.says { (state.icon()) (words(check)) } }
                @if let Some(target) = check.target.as_ref().filter(|target| **target != name) { p.mono.soft { (target) } }
                @if check.outcome == Outcome::Ok {
                    details id={ (id) "-hops" } { summary { (check.stages.len()) " hops, all ok" } (hops(&id, check)) (facts(&seen)) }
                } @else {
                    (hops(&id, check))
                    @for stage in check.stages.iter().filter(wrong) {
                        (fix_of(stage, check, name, explained))
                    }
                    @if !seen.is_empty() {
                        details id={ (id) "-seen" } { summary { "Evidence of the other hops" } (facts(&seen)) }
                    }
                }
            }
        }
    }
}

/// The stages of the check, whose heading is `id`.
fn hops(id: &str, check: &CheckReport) -> Markup {
    html! {
        ol.path role="list" aria-labelledby=(id) {
            @for stage in &check.stages {
                @let state = state_of(stage.outcome);
                li data-is=(state.name()) {
                    (state.icon()) b { (title(&stage.name.to_string())) } " "
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

/// What was seen at hops that work.
fn facts(stages: &[&Stage]) -> Markup {
    html! {
        dl.facts {
            @for stage in stages {
                @if let Some(evidence) = &stage.evidence { div { dt { (title(&stage.name.to_string())) } dd.mono { (evidence) } } }
            }
        }
    }
}

fn fix_of<'a>(stage: &Stage, check: &CheckReport, name: &'a str, explained: &mut Explained<'a>) -> Markup {
    let before = stage.diagnosis.code.and_then(|code| {
        let before = explained.iter().find(|(known, _)| *known == code).map(|(_, at)| *at);
        if before.is_none() {
            explained.push((code, name));
        }
        before
    });
    let prove = check.prove.as_deref().filter(|_| stage.outcome == Outcome::Failed);
    fix(&stage.diagnosis, before, stage.evidence.as_deref(), prove)
}

/// What to do about a fault, unless that was said `before`. Empty for a caller who may not see it.
fn fix(diagnosis: &Diagnosis, before: Option<&str>, evidence: Option<&str>, prove: Option<&str>) -> Markup {
    let Diagnosis { code, cause, remedy, link } = diagnosis;
    let same = before.map(|at| format!("The same as for {at}."));
    let facts = [
        ("Cause and remedy", same.as_deref(), ""),
        ("Cause", cause.filter(|_| same.is_none()), ""),
        ("Remedy", remedy.filter(|_| same.is_none()), ""),
        ("What was seen", evidence, "mono"),
        ("Prove it", prove, "mono"),
    ];
    html! {
        @if cause.is_some() {
            dl.fix {
                @for (name, fact, class) in facts {
                    @if let Some(fact) = fact { div { dt { (name) } dd class=[(!class.is_empty()).then_some(class)] { (fact) } } }
                }
                @if let Some((code, link)) = code.zip(link.as_ref()) { div { dt { "Code" } dd.mono { a href=(link) { (code) } } } }
            }
        }
    }
}
