//! The whole configuration of frontend-api, read before a port opens.

use causeway_common::config::{Configuration, Derived, Group, Lookup, Optional, Vars};
use causeway_common::http::access::Access;
use causeway_common::http::server::ServerConfig;
use causeway_common::telemetry::{LogConfig, MetricsConfig, TraceConfig, trace};
use url::Url;

use crate::auth::AuthConfig;
use crate::database::{CredentialsSource, DatabaseConfig};
use crate::diaries::DiariesConfig;
use crate::doctor::DoctorConfig;
use crate::private_service::PrivateServiceConfig;
use crate::users::UsersConfig;
use crate::visits::VisitsConfig;

const ECS_CONTAINER_METADATA_URI_V4: Optional<Url> = Optional::parsed(
    "ECS_CONTAINER_METADATA_URI_V4",
    "an http or https URL",
    trace::metadata_endpoint,
    "spans do not name a task",
    "The ECS task metadata endpoint, from which spans get the task's name. ECS sets it in every container.",
);

/// One field for each concern. The variables stand beside the type of each.
pub struct Config {
    pub server: ServerConfig,
    pub access: Access,
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    pub trace: TraceConfig,
    pub task_metadata: Option<Url>,
    pub database: DatabaseConfig,
    pub credentials: CredentialsSource,
    pub visits: VisitsConfig,
    pub auth: AuthConfig,
    pub users: UsersConfig,
    pub diaries: DiariesConfig,
    pub private_service: PrivateServiceConfig,
    pub doctor: DoctorConfig,
}

impl Configuration for Config {
    const SERVICE: &'static str = "frontend-api";
    const VARIABLES: &'static [Group] = &[
        ServerConfig::VARIABLES,
        Access::VARIABLES,
        LogConfig::VARIABLES,
        MetricsConfig::VARIABLES,
        TraceConfig::VARIABLES,
        Group { title: "Task", variables: &[&ECS_CONTAINER_METADATA_URI_V4] },
        DatabaseConfig::VARIABLES,
        VisitsConfig::VARIABLES,
        AuthConfig::SESSIONS,
        AuthConfig::ATTEMPTS,
        UsersConfig::VARIABLES,
        DiariesConfig::VARIABLES,
        PrivateServiceConfig::VARIABLES,
        DoctorConfig::VARIABLES,
    ];

    fn read(vars: &mut Vars<'_>) -> Option<Self> {
        let server = ServerConfig::load(vars);
        let access = Access::load(vars);
        let log = LogConfig::load(vars);
        let metrics = MetricsConfig::load(vars);
        let trace = TraceConfig::load(vars);
        let task_metadata = vars.read(&ECS_CONTAINER_METADATA_URI_V4);
        let database = DatabaseConfig::load(vars);
        let visits = VisitsConfig::load(vars);
        let auth = AuthConfig::load(vars);
        let users = UsersConfig::load(vars);
        let diaries = DiariesConfig::load(vars);
        let private_service = PrivateServiceConfig::load(vars);
        let doctor = DoctorConfig::load(vars);
        let (database, credentials) = database?;
        Some(Self {
            server,
            access,
            log,
            metrics,
            trace,
            task_metadata,
            database,
            credentials,
            visits,
            auth,
            users,
            diaries,
            private_service,
            doctor,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }

    fn derived(&self, lookup: &dyn Lookup) -> Vec<Derived> {
        self.database.derived(&self.credentials, lookup)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use causeway_common::config::list;

    use super::*;

    #[test]
    fn the_list_has_every_variable_that_is_read_and_no_other() {
        for set in [&[][..], &[("DATABASE_URL", "postgres://user@host/name")], &[("DBSECRETSNAME", "name")]] {
            let lookup: BTreeMap<_, _> = set.iter().copied().collect();
            let mut vars = Vars::new(&lookup);
            Config::read(&mut vars);
            let listed: BTreeSet<_> = list::names(Config::VARIABLES).collect();
            assert_eq!(vars.known().collect::<BTreeSet<_>>(), listed);
            assert_eq!(list::names(Config::VARIABLES).count(), listed.len(), "a variable is listed twice");
        }
    }
}
