//! `frontend-api doctor`: the report at a terminal, in a one-off ECS task or in CI.

use std::ffi::OsStr;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_common::config::{ConfigErrors, Environment, Lookup, NotUnicode, Vars};
use clap::builder::TypedValueParser;

use super::config::{Target, parse_target};
use super::output::{has_reader, style, write_line};
use super::report::{Outcome, Report};
use super::times::seconds;
use super::{
    Check, DatabaseDependency, Dependencies, Doctor, DoctorConfig, FRESH_FOR, NoReport, RUN_LIMIT, Tables, causes,
    changes, checks, terminal,
};
use crate::aws::Aws;
use crate::aws::s3::S3;
use crate::database::{CredentialsProvider, DatabaseConfig};

/// One operation of S3; a stage's limit is shorter.
const S3_LIMIT: Duration = Duration::from_secs(4);
const LONGEST_RUN: u64 = 60;
const LONGEST_WAIT: u64 = 3600;

/// The command's options.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// Print one JSON object for each run, also for a mistake in the configuration
    #[arg(long)]
    pub json: bool,
    /// Repeat until interrupted; after the first report, print what has changed, and when
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// Check what can be checked before the first deployment: without tables, and whether the user may make them
    #[arg(long)]
    pub pre: bool,
    /// List every cause that the doctor distinguishes, and exit
    #[arg(long, exclusive = true)]
    pub causes: bool,
    /// Repeat until no check fails or this many seconds have passed; print the last report
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=LONGEST_WAIT))]
    wait: Option<u64>,
    /// End each run after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = RUN_LIMIT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=LONGEST_RUN))]
    timeout: u64,
    /// Run only these checks: database, private-service, s3, secrets-manager, target, or a target as it is configured
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Skip these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// Check only this target, without any configuration; can be repeated
    #[arg(long, value_name = "HOST:PORT or URL", value_parser = TargetParser, conflicts_with_all = ["only", "skip"])]
    pub target: Vec<Target>,
    /// Check the database whose credentials are in this secret, and whatever else is named here; no table is expected
    #[arg(long, value_name = "ARN", conflicts_with_all = ["only", "skip", "postgres"])]
    postgres_secret: Option<String>,
    /// Check the database of `DATABASE_URL` or `DB_*`; no table is expected
    #[arg(long, conflicts_with_all = ["only", "skip"])]
    postgres: bool,
    /// Check that objects of this bucket can be read
    #[arg(long, value_name = "BUCKET", conflicts_with_all = ["only", "skip"])]
    s3: Option<String>,
    /// Exit with 1 for warnings as well
    #[arg(long, value_name = "OUTCOME")]
    fail_on: Option<FailOn>,
}

/// Why the command fails, besides a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Warning,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No HTTP client can be made.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    /// `--only` or `--skip` names something that is not checked.
    #[error("{0:?} is not one of the checks: {1}")]
    Unknown(String, String),
    /// The variables of the database can't be used.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// A run ended early.
    #[error(transparent)]
    NoReport(#[from] NoReport),
    /// Standard output can't be written to.
    #[error("the report can't be written")]
    Output(#[source] io::Error),
}

/// Its error quotes no part of the target, as clap's own would: a URL can hold a password.
#[derive(Clone)]
struct TargetParser;

impl TypedValueParser for TargetParser {
    type Value = Target;

    fn parse_ref(&self, command: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<Target, clap::Error> {
        let target = value.to_str().and_then(|text| parse_target(text).ok());
        target.ok_or_else(|| {
            let wrong = "--target has a value that is neither host:port nor an http(s) URL without user info; to check a \
                         database, set DATABASE_URL and use --postgres\n";
            clap::Error::raw(clap::error::ErrorKind::ValueValidation, wrong).with_cmd(command)
        })
    }
}

impl Options {
    /// Runs the doctor on the service's configuration, and prints its report. Returns the exit code.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, config: DoctorConfig, dependencies: Dependencies) -> Result<u8, CommandError> {
        let mut list = checks::all(config.targets, dependencies)?;
        self.choose(&mut list)?;
        self.report(&Doctor::new(config.deployment, list, self.limit())).await
    }

    /// Returns true if the command line names what is to be checked.
    pub fn names_places(&self) -> bool {
        !self.target.is_empty() || self.postgres_secret.is_some() || self.postgres || self.s3.is_some()
    }

    /// Runs the doctor on what the command line names, without any configuration of Causeway.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run_on_places(self) -> Result<u8, CommandError> {
        let aws = Arc::new(Aws::default());
        let s3 = self.s3.clone().map(|bucket| Arc::new(S3::new(aws.clone(), bucket, S3_LIMIT)));
        let database = (self.postgres || self.postgres_secret.is_some()).then(|| self.database(&aws)).transpose()?;
        let dependencies = Dependencies { database, s3, reads_bucket_only: true, ..Dependencies::default() };
        let list = checks::all(self.target.clone(), dependencies)?;
        let deployment = DoctorConfig::load(&mut Vars::new(&Environment)).deployment;
        self.report(&Doctor::new(deployment, list, self.limit())).await
    }

    fn database(&self, aws: &Arc<Aws>) -> Result<DatabaseDependency, ConfigErrors> {
        let lookup = Given { secret: self.postgres_secret.as_deref() };
        let mut vars = Vars::new(&lookup);
        let database = DatabaseConfig::load(&mut vars);
        let (config, credentials) = vars.finish(database)?;
        Ok(DatabaseDependency {
            config: Arc::new(config),
            credentials: Arc::new(CredentialsProvider::new(credentials, aws.clone())),
            tables: Tables::Foreign,
            service: None,
        })
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Removes the checks that `--only` and `--skip` exclude.
    fn choose(&self, list: &mut Vec<Box<dyn Check>>) -> Result<(), CommandError> {
        let names: Vec<String> = list.iter().map(|check| name(check.as_ref())).collect();
        if let Some(unknown) = self.only.iter().chain(&self.skip).find(|&asked| !names.contains(asked)) {
            return Err(CommandError::Unknown(unknown.clone(), names.join(", ")));
        }
        list.retain(|check| {
            let name = name(check.as_ref());
            (self.only.is_empty() || self.only.contains(&name)) && !self.skip.contains(&name)
        });
        Ok(())
    }

    async fn report(&self, doctor: &Doctor) -> Result<u8, CommandError> {
        let end = self.wait.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut before: Option<Arc<Report>> = None;
        loop {
            let report = doctor.report().await?;
            let pause = FRESH_FOR + Duration::from_millis(100);
            let waits = end.is_some_and(|end| self.fails(&report) && Instant::now() + pause < end);
            if !waits {
                let is_read = self.print(before.as_deref(), &report)?;
                if !is_read || !self.watch {
                    return Ok(u8::from(self.fails(&report)));
                }
                before = Some(report);
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn fails(&self, report: &Report) -> bool {
        match report.verdict.outcome {
            Outcome::Failed => true,
            Outcome::Warning => self.fail_on == Some(FailOn::Warning),
            Outcome::Ok | Outcome::Skipped => false,
        }
    }

    /// Returns false if the reader has closed the output.
    fn print(&self, before: Option<&Report>, report: &Report) -> Result<bool, CommandError> {
        let text = match before {
            _ if self.json => serde_json::to_string(report).expect("a report of strings and numbers is always JSON"),
            None => terminal::render(report, style()),
            Some(before) => {
                let time = seconds(report.time);
                let changes = changes::between(before, report);
                if changes.is_empty() {
                    return Ok(has_reader());
                }
                let lines = changes.iter().map(|change| format!("{time}  {change}"));
                lines.chain([format!("{time}  {}", report.response)]).collect::<Vec<_>>().join("\n")
            }
        };
        write_line(&text).map_err(CommandError::Output)
    }
}

/// The environment, in which the command line's secret takes the place of every other source of credentials.
struct Given<'a> {
    secret: Option<&'a str>,
}

impl Lookup for Given<'_> {
    fn get(&self, name: &str) -> Result<Option<String>, NotUnicode> {
        match (self.secret, name) {
            (Some(secret), "DBSECRETSNAME") => Ok(Some(secret.to_owned())),
            (Some(_), "DATABASE_URL" | "DB_AUTH" | "DB_USER" | "DB_PASS" | "APPRUNNERSERVICE") => Ok(None),
            _ => Environment.get(name),
        }
    }
}

/// Returns the check's name as the command line has it.
fn name(check: &dyn Check) -> String {
    check.subject().to_string().replace(' ', "-")
}

/// Prints why there is no report as one JSON object: a program that reads reports finds nothing else.
pub fn print_error(error: &CommandError) {
    // If that can't be written either, standard error has the reason.
    let _ = write_line(&serde_json::json!({ "Error": error.to_string() }).to_string());
}

/// Prints everything that the doctor distinguishes.
pub fn print_causes() -> ExitCode {
    match write_line(causes::table().trim_end()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
