//! What the stand-in for Secrets Manager tells of a PostgreSQL server.

use causeway_testing::aws::{self, rds_secret};
use causeway_testing::postgres::OwnPostgres;
use tokio_postgres::Config;

pub use causeway_testing::aws::{SECRET, SecretsManager};

/// The environment of App Runner, with this Secrets Manager and a database without TLS.
pub fn on_app_runner(secrets_manager: &str) -> Vec<(&'static str, &str)> {
    aws::on_app_runner(secrets_manager).into_iter().chain([("DB_SSLMODE", "disable")]).collect()
}

/// A secret as RDS writes it, for a role of this server.
pub fn secret_of(server: &OwnPostgres, role: &str, password: &str) -> String {
    rds_secret("127.0.0.1", server.port(), role, password)
}

/// The superuser's password.
pub fn password_of(server: &OwnPostgres) -> String {
    let config: Config = server.url().parse().unwrap();
    String::from_utf8(config.get_password().unwrap().to_vec()).unwrap()
}
