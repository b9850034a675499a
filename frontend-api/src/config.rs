//! The whole configuration of frontend-api, read before a port opens.

use causeway_common::config::{ConfigErrors, Lookup, Vars};
use causeway_common::http::access::Access;
use causeway_common::http::server::ServerConfig;
use causeway_common::telemetry::LogConfig;

use crate::database::{CredentialsSource, DatabaseConfig};
use crate::doctor::DoctorConfig;
use crate::private_service::PrivateServiceConfig;
use crate::visits::VisitsConfig;

/// One field a concern; the variables and their defaults stand on the fields of each.
pub struct Config {
    pub server: ServerConfig,
    pub access: Access,
    pub log: LogConfig,
    pub database: DatabaseConfig,
    pub credentials: CredentialsSource,
    pub visits: VisitsConfig,
    pub private_service: PrivateServiceConfig,
    pub doctor: DoctorConfig,
}

impl Config {
    /// Reads everything through `lookup`.
    ///
    /// # Errors
    /// All mistakes at once, each naming its variable.
    pub fn load(lookup: &dyn Lookup) -> Result<Self, ConfigErrors> {
        let mut vars = Vars::new(lookup);
        let config = Self::read(&mut vars);
        vars.finish(config)
    }

    /// Reads everything, and leaves the mistakes in `vars`.
    pub fn read(vars: &mut Vars<'_>) -> Option<Self> {
        let server = ServerConfig::load(vars);
        let access = Access::load(vars);
        let log = LogConfig::load(vars);
        let database = DatabaseConfig::load(vars);
        let visits = VisitsConfig::load(vars);
        let private_service = PrivateServiceConfig::load(vars);
        let doctor = DoctorConfig::load(vars);
        let (database, credentials) = database?;
        Some(Self { server, access, log, database, credentials, visits, private_service, doctor })
    }
}
