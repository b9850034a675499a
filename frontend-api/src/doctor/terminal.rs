//! The report as text for a terminal.

use std::fmt::Write;

use super::report::{CheckReport, Outcome, Report, Stage};

/// Returns the report as text: a block a check, a line a stage, the remedy below the stage that failed.
pub(super) fn render(report: &Report, colour: bool) -> String {
    let paint = Paint(colour);
    let mut text = String::new();
    for check in &report.checks {
        render_check(&mut text, check, paint);
    }
    let verdict = match report.verdict.outcome {
        Outcome::Failed => paint.red(&report.response),
        Outcome::Warning => paint.yellow(&report.response),
        Outcome::Ok | Outcome::Skipped => paint.green(&report.response),
    };
    text + &verdict
}

fn render_check(text: &mut String, check: &CheckReport, paint: Paint) {
    let target = check.target.as_deref().unwrap_or_default();
    let name = paint.bold(&check.subject.to_string());
    let mut line = |content: String| writeln!(text, "{}", content.trim_end()).expect("memory takes any text");
    line(format!("{} {name}  {target}", mark(check.outcome, paint)));
    for stage in &check.stages {
        let Stage { name, outcome, milliseconds, evidence, diagnosis } = stage;
        let evidence = evidence.as_deref().unwrap_or_default();
        let time = if *outcome == Outcome::Skipped { String::new() } else { format!("{milliseconds:.1} ms") };
        line(format!("  {} {name:<14} {time:>10}  {evidence}", mark(*outcome, paint)));
        if let Some((cause, remedy)) = diagnosis.cause.zip(diagnosis.remedy) {
            line(format!(
                "{:19}{:>12}{}",
                "",
                "cause: ",
                if *outcome == Outcome::Warning { paint.yellow(cause) } else { paint.red(cause) }
            ));
            line(format!("{:19}{:>12}{}", "", "remedy: ", paint.bold(remedy)));
            if let (Some(prove), Outcome::Failed) = (&check.prove, outcome) {
                line(format!("{:19}{:>12}{prove}", "", "prove it: "));
            }
            let code = diagnosis.code.unwrap_or_default();
            line(format!("{:19}{:>12}docs/connectivity.md#{code}", "", "see: "));
        }
    }
    line(String::new());
}

fn mark(outcome: Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Ok => paint.green("✓"),
        Outcome::Warning => paint.yellow("!"),
        Outcome::Failed => paint.red("✕"),
        Outcome::Skipped => "–".to_owned(),
    }
}

/// Colours, if wanted.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
