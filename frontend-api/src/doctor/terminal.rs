//! `frontend-api doctor [--json] [--watch]` and `frontend-api doctor --causes`: the report at a terminal, in a one-off ECS
//! task or in CI.

use std::fmt::Write;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use super::report::{CheckReport, Outcome, Report, Stage};
use super::{Doctor, FRESH_FOR, NoReport, causes};

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// One JSON object a run instead of text.
    pub json: bool,
    /// Again and again until interrupted.
    pub watch: bool,
}

/// Runs the doctor and prints its report. 0: all well; 1: a failure.
///
/// # Errors
/// When a run ends without a report.
#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
pub async fn run(doctor: &Doctor, options: Options) -> Result<i32, NoReport> {
    let colour = std::io::stdout().is_terminal() && !options.json;
    loop {
        let report = doctor.report().await?;
        if options.json {
            println!("{}", serde_json::to_string(&*report).expect("a report of strings and numbers is always JSON"));
        } else {
            println!("{}", render(&report, colour));
        }
        if !options.watch {
            return Ok(i32::from(!report.is_ok()));
        }
        tokio::time::sleep(FRESH_FOR + Duration::from_millis(100)).await;
    }
}

/// Prints everything that the doctor tells apart.
#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
pub fn print_causes() -> ExitCode {
    print!("{}", causes::table());
    ExitCode::SUCCESS
}

/// The report as text: a block a check, a line a stage, the remedy below the stage that failed.
fn render(report: &Report, colour: bool) -> String {
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
