//! The subject of a check.

use std::fmt;

use serde::Serialize;

/// A dependency of the service, or another configured target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Subject {
    /// The service's variables.
    Configuration,
    Database,
    PrivateService,
    SecretsManager,
    S3,
    /// `TARGET`, or one of `DOCTOR_TARGETS` by its address or URL.
    Target(String),
}

impl Subject {
    /// The name of what `TARGET` and `TARGETPORT` configure.
    pub(super) const TARGET: &str = "target";

    /// Returns true if the name reveals something of the configuration.
    pub(super) fn reveals(&self) -> bool {
        matches!(self, Self::Target(name) if name != Self::TARGET)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuration",
            Self::Database => "database",
            Self::PrivateService => "private service",
            Self::SecretsManager => "secrets manager",
            Self::S3 => "s3",
            Self::Target(name) => name,
        })
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}
