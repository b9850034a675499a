//! The report as text for a terminal.

use std::fmt::Write;

use super::report::{Before, CheckReport, Outcome, Report, Stage};
use super::times::seconds;

/// Where evidence, causes and remedies begin.
const COLUMN: usize = 31;
/// Texts are not broken into shorter lines than this.
const NARROWEST: usize = 24;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    pub(super) colour: bool,
    /// Columns, if lines are to be broken.
    pub(super) width: Option<usize>,
}

/// Returns the report as text: one block per check, one line per stage, the remedy below the stage that failed.
pub(super) fn render(report: &Report, style: Style) -> String {
    let paint = Paint(style.colour);
    let mut text = String::new();
    for check in &report.checks {
        render_check(&mut text, check, style);
    }
    // A first report has nothing to be compared with.
    if let Some(since) = report.since.as_ref().filter(|since| since.last_good.is_some()) {
        text += &render_since(since, style);
    }
    let verdict = broken(&report.response, 0, style.width).join("\n");
    text + &match report.verdict.outcome {
        Outcome::Failed => paint.red(&verdict),
        Outcome::Warning => paint.yellow(&verdict),
        Outcome::Ok | Outcome::Skipped => paint.green(&verdict),
    }
}

fn render_check(text: &mut String, check: &CheckReport, style: Style) {
    let paint = Paint(style.colour);
    let target = check.target.as_deref().unwrap_or_default();
    let name = paint.bold(&check.subject.to_string());
    let mut line = |content: String| writeln!(text, "{}", content.trim_end()).expect("memory takes any text");
    line(format!("{} {name}  {target}", mark(check.outcome, paint)));
    for stage in &check.stages {
        let Stage { name, outcome, milliseconds, evidence, diagnosis } = stage;
        let evidence = hanging(evidence.as_deref().unwrap_or_default(), style, str::to_owned);
        let time = if *outcome == Outcome::Skipped { String::new() } else { format!("{milliseconds:.1} ms") };
        line(format!("  {} {name:<14} {time:>10}  {evidence}", mark(*outcome, paint)));
        if let Some((cause, remedy)) = diagnosis.cause.zip(diagnosis.remedy) {
            let is_warning = *outcome == Outcome::Warning;
            let cause = hanging(cause, style, |line| if is_warning { paint.yellow(line) } else { paint.red(line) });
            let remedy = hanging(remedy, style, |line| paint.bold(line));
            line(format!("{:19}{:>12}{cause}", "", "cause: "));
            line(format!("{:19}{:>12}{remedy}", "", "remedy: "));
            if let (Some(prove), Outcome::Failed) = (&check.prove, outcome) {
                // A command to copy stays on one line.
                line(format!("{:19}{:>12}{prove}", "", "prove it: "));
            }
            let code = diagnosis.code.unwrap_or_default();
            line(format!("{:19}{:>12}docs/connectivity.md#{code}", "", "see: "));
        }
    }
    line(String::new());
}

fn render_since(since: &Before, style: Style) -> String {
    let good = since.last_good.map(|time| format!("; last good report {}", seconds(time))).unwrap_or_default();
    let mut lines = vec![format!("failing since {}{good}", seconds(since.failing_since))];
    lines.extend(since.changes.iter().map(|change| format!("  changed: {change}")));
    let broken = lines.iter().flat_map(|line| broken(line, 2, style.width));
    broken.collect::<Vec<_>>().join("\n") + "\n\n"
}

/// Breaks a text that begins at [`COLUMN`], and paints each line of it.
fn hanging(text: &str, style: Style, paint: impl Fn(&str) -> String) -> String {
    let width = style.width.and_then(|width| width.checked_sub(COLUMN)).filter(|&width| width >= NARROWEST);
    let lines: Vec<_> = broken(text, 0, width).iter().map(|line| paint(line)).collect();
    lines.join(&format!("\n{:COLUMN$}", ""))
}

/// Breaks between words. A word that is longer than a line stays whole.
fn broken(text: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|&width| width >= NARROWEST) else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one line at least");
        let is_begun = !line.trim().is_empty();
        if is_begun && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{:indent$}{word}", ""));
        } else {
            if is_begun || word.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_at_the_terminals_width() {
        let rows: [(&str, Option<usize>, &[&str]); 4] = [
            ("one two three four five six seven", None, &["one two three four five six seven"]),
            ("one two three four five six seven", Some(24), &["one two three four five", "six seven"]),
            (
                "a-word-that-is-longer-than-a-line and more",
                Some(24),
                &["a-word-that-is-longer-than-a-line", "and more"],
            ),
            ("too narrow to be broken well", Some(10), &["too narrow to be broken well"]),
        ];
        for (text, width, lines) in rows {
            assert_eq!(broken(text, 0, width), lines, "{text} at {width:?}");
        }
    }
}
