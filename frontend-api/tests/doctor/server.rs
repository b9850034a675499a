//! A PostgreSQL server of one test's own with the role and the table of the service, to break.

use causeway_testing::aws::{SecretsManager, on_app_runner, rds_secret};
use causeway_testing::postgres::OwnPostgres;

use crate::app::App;
use crate::helpers::{PASSWORD, Run, TABLE, doctor};

pub const ROLE: &str = "app";

pub struct Server {
    pub postgres: OwnPostgres,
    port: String,
}

impl Server {
    pub async fn start() -> Self {
        let postgres = OwnPostgres::start().await;
        let role = format!(
            "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'; {TABLE}; GRANT SELECT, INSERT ON access TO {ROLE}"
        );
        postgres.execute(&role).await;
        let port = postgres.port().to_string();
        Self { postgres, port }
    }

    /// The same, and the role may make what the migrations make: a running service becomes ready.
    pub async fn start_for_service() -> Self {
        let server = Self::start().await;
        server.postgres.execute("ALTER TABLE access OWNER TO app; GRANT CREATE ON SCHEMA public TO app").await;
        server
    }

    /// How to reach it, and what a test changes of that.
    pub fn env<'a>(&'a self, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let usual = [
            ("DB_HOST", "127.0.0.1"),
            ("DB_PORT", &self.port),
            ("DB_USER", ROLE),
            ("DB_PASS", PASSWORD),
            ("DB_NAME", "postgres"),
            ("DB_SSLMODE", "disable"),
        ];
        [&usual[..], changes].concat()
    }

    /// The value of a secret that leads to it.
    pub fn secret(&self, password: &str) -> String {
        rds_secret("127.0.0.1", self.postgres.port(), ROLE, password)
    }

    /// The service with a right secret, and where that secret is.
    pub async fn app_with_secret(&self) -> (App, SecretsManager) {
        let aws = SecretsManager::start().await;
        aws.tells(&self.secret(PASSWORD));
        let url = aws.url();
        let app = App::ready(&[&on_app_runner(&url)[..], &[("DB_SSLMODE", "disable")]].concat()).await;
        (app, aws)
    }

    pub async fn doctor(&self, changes: &[(&str, &str)]) -> Run {
        doctor(&self.env(changes)).await
    }

    /// How many sessions the service's role has.
    pub async fn sessions(&self) -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'";
        self.postgres.client().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}
