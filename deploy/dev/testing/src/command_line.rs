//! What every service promises of its command line. [`command_line_tests!`](crate::command_line_tests) makes a test of each.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::app::App;
use crate::service::run;

const TOKEN: &str = "hunter2-is-the-token-of-an-administrator";

/// A service's binary, and what its environment may look like.
#[derive(Debug)]
pub struct CommandLine {
    /// `env!("CARGO_BIN_EXE_…")`
    pub binary: &'static str,
    /// The service's name.
    pub name: &'static str,
    /// `env!("CARGO_PKG_VERSION")`
    pub version: &'static str,
    /// Variables with values that are refused, each for itself.
    pub mistakes: &'static [(&'static str, &'static str)],
    /// Further variables that it reads.
    pub others: &'static [&'static str],
    /// An environment that is accepted.
    pub accepted: &'static [(&'static str, &'static str)],
}

/// Makes a test of each promise of a [`CommandLine`].
#[macro_export]
macro_rules! command_line_tests {
    ($service:expr) => {
        $crate::command_line_tests! { $service;
            all_mistakes_are_reported_at_once_before_a_port_opens
            config_check_accepts_what_is_right_and_lists_every_variable
            config_check_reports_what_is_wrong
            config_print_shows_each_variable_its_value_and_its_source
            an_unknown_command_shows_the_usage
            help_and_version_are_printed_without_any_configuration
            the_documents_tables_are_those_of_help_variables
            help_variables_names_each_variable_and_shows_no_value
            the_health_command_asks_the_server_on_this_machine
            a_port_that_is_taken_is_named
        }
    };
    ($service:expr; $($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            $service.$promise().await;
        }
    )*};
}

#[expect(missing_docs, reason = "each name is the promise")]
impl CommandLine {
    /// Runs it to its end, and returns exit code, standard output and standard error.
    pub async fn run(&self, arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = run(self.binary, arguments, env.iter().copied()).await;
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        (status.code(), text(stdout), text(stderr))
    }

    /// Returns the report of `config --check`, and its exit code.
    pub async fn check(&self, env: &[(&str, &str)]) -> (Option<i32>, Value) {
        let (code, stdout, _) = self.run(&["config", "--check"], env).await;
        (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}")))
    }

    pub async fn all_mistakes_are_reported_at_once_before_a_port_opens(&self) {
        let (code, stdout, stderr) = self.run(&[], self.mistakes).await;
        assert_eq!(code, Some(64), "{stderr}");
        for (variable, _) in self.mistakes {
            assert!(stderr.contains(&format!("\n  {variable}: ")), "{variable} is not named in: {stderr}");
        }
        assert_eq!(stdout, "", "nothing is logged, least of all `listening`");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }

    pub async fn config_check_accepts_what_is_right_and_lists_every_variable(&self) {
        let (code, report) = self.check(self.accepted).await;
        assert_eq!(code, Some(0));
        assert_eq!(report["valid"], true);
        assert_eq!(report["errors"], serde_json::json!([]));
        let listed = report["variables"].as_array().expect("a list");
        for variable in self.mistakes.iter().map(|(variable, _)| variable).chain(self.others) {
            assert!(listed.iter().any(|name| name == variable), "{variable} is not in {listed:?}");
        }
    }

    pub async fn config_check_reports_what_is_wrong(&self) {
        let (code, report) = self.check(self.mistakes).await;
        assert_eq!(code, Some(64));
        assert_eq!(report["valid"], false);
        let errors = report["errors"].as_array().expect("a list");
        for (variable, _) in self.mistakes {
            let error = errors.iter().find(|error| error["variable"] == *variable);
            let problem = error.and_then(|error| error["problem"].as_str());
            assert!(problem.is_some_and(|text| text.len() > 10), "{variable}: {report}");
        }
    }

    pub async fn config_print_shows_each_variable_its_value_and_its_source(&self) {
        let env = [self.accepted, &[("SHUTDOWN_DELAY_MS", "7"), ("ADMIN_TOKEN", TOKEN)]].concat();
        let (code, list, stderr) = self.run(&["config", "--print"], &env).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
        for row in [["SHUTDOWN_DELAY_MS", "7", "environment"], ["FORWARDED_HOPS", "0", "default"]] {
            assert!(rows.iter().any(|found| found[..] == row), "{row:?}: {list}");
        }
        assert!(rows.iter().any(|row| row[..] == ["ADMIN_TOKEN", "(hidden)", "environment"]), "{list}");
        assert!(!list.contains(TOKEN), "{list}");
        for variable in self.mistakes.iter().map(|(variable, _)| variable).chain(self.others) {
            assert_eq!(rows.iter().filter(|row| row.first() == Some(variable)).count(), 1, "{variable}: {list}");
        }
        // The computed default is shown as it is here.
        let workers = rows.iter().find(|row| row.first() == Some(&"WORKERS")).expect("each service has it");
        assert!(workers[1].parse::<u16>().is_ok(), "{list}");
        let (code, list, stderr) = self.run(&["config", "--print"], self.mistakes).await;
        assert_eq!((code, list.as_str()), (Some(64), ""));
        assert!(stderr.contains(self.mistakes[0].0), "{stderr}");
    }

    pub async fn an_unknown_command_shows_the_usage(&self) {
        for arguments in
            [&["serve"][..], &["config"], &["config", "--check", "--print"], &["config", "--fix"], &["health", "now"]]
        {
            let (code, _, stderr) = self.run(arguments, self.accepted).await;
            assert_eq!(code, Some(64));
            assert!(stderr.contains(&format!("Usage: {}", self.name)), "{stderr}");
        }
    }

    pub async fn help_and_version_are_printed_without_any_configuration(&self) {
        let (code, help, stderr) = self.run(&["--help"], &[]).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        for command in ["health", "config", "help"] {
            assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        }
        let version = format!("{} {}\n", self.name, self.version);
        assert_eq!(self.run(&["--version"], &[]).await, (Some(0), version, String::new()));
    }

    pub async fn the_documents_tables_are_those_of_help_variables(&self) {
        let (code, tables, _) = self.run(&["help", "variables", "--markdown"], &[]).await;
        assert_eq!(code, Some(0));
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/configuration.md");
        let document = std::fs::read_to_string(document).expect("the document is there");
        assert!(document.contains(&tables), "run `make documents`");
    }

    pub async fn help_variables_names_each_variable_and_shows_no_value(&self) {
        let env: Vec<_> = self.mistakes.iter().map(|&(variable, _)| (variable, "hunter2")).collect();
        let (code, list, stderr) = self.run(&["help", "variables"], &env).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        for (variable, _) in self.mistakes {
            assert!(list.contains(&format!("\n  {variable}\n")), "{variable}: {list}");
        }
        assert!(!list.contains("hunter2"), "{list}");
    }

    pub async fn the_health_command_asks_the_server_on_this_machine(&self) {
        let mut app = App::spawn(self.binary, self.accepted.iter().copied()).await;
        let port = app.service.address().port().to_string();
        let env = [self.accepted, &[("PORT", port.as_str())]].concat();
        assert_eq!(self.run(&["health"], &env).await.0, Some(0));
        app.service.kill().await;
        let (code, _, stderr) = self.run(&["health"], &env).await;
        assert_eq!(code, Some(1));
        assert!(stderr.contains("/health: "), "{stderr}");
    }

    pub async fn a_port_that_is_taken_is_named(&self) {
        let app = App::spawn(self.binary, self.accepted.iter().copied()).await;
        let address = app.service.address();
        let port = address.port().to_string();
        let env = [self.accepted, &[("PORT", port.as_str())]].concat();
        let (code, stdout, stderr) = self.run(&[], &env).await;
        assert_eq!(code, Some(1));
        assert!(stderr.contains(&format!("can't listen on {address}")) && stderr.contains("in use"), "{stderr}");
        assert!(!stdout.contains("listening"), "{stdout}");
    }
}
