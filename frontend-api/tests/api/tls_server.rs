//! A PostgreSQL that speaks TLS.

use causeway_testing::postgres::OwnPostgres;

pub use causeway_testing::postgres::Authority;

use crate::helpers::{App, eventually};

/// Who logs in. An administrator of another name needs no TLS, whatever this one needs.
const ROLE: &str = "app";

pub struct TlsServer {
    postgres: OwnPostgres,
}

impl TlsServer {
    /// Its certificate is of this authority, for this name or address.
    pub async fn start(authority: &Authority, name: &str) -> Self {
        let postgres = OwnPostgres::start().await;
        postgres.execute(&format!("CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD 'pw'")).await;
        postgres.speak_tls(authority.issue(name)).await;
        Self { postgres }
    }

    /// From the next reload on.
    pub async fn use_certificate(&self, authority: &Authority, name: &str) {
        self.use_pair(authority.issue(name)).await;
    }

    /// From the next reload on.
    pub async fn use_pair(&self, (certificate, key): (String, String)) {
        self.postgres.write("server.crt", &certificate).await;
        self.postgres.write("server.key", &key).await;
    }

    /// Ends the service's connections.
    pub async fn terminate_backends(&self) {
        self.postgres.terminate_backends().await;
    }

    pub async fn reload(&self) {
        self.postgres.execute("SELECT pg_reload_conf()").await;
    }

    /// Refuses `app` without TLS, from now on.
    pub async fn insist_on_tls(&self) {
        let rules = format!("hostssl all {ROLE} all scram-sha-256\nhost all postgres all scram-sha-256\n");
        self.postgres.write("pg_hba.conf", &rules).await;
        self.reload().await;
        let plain = format!("postgres://{ROLE}:pw@127.0.0.1:{}/postgres?sslmode=disable", self.postgres.port());
        let refused = async || tokio_postgres::connect(&plain, tokio_postgres::NoTls).await.is_err().then_some(());
        eventually("the server refuses what is not TLS", refused).await;
    }

    /// The authority's certificate as a file.
    pub async fn roots(&self, authority: &Authority) -> String {
        self.postgres.write("roots.pem", &authority.pem()).await.display().to_string()
    }

    pub fn url(&self) -> String {
        format!("postgres://{ROLE}:pw@127.0.0.1:{}/postgres", self.postgres.port())
    }

    /// A service with this mode and, unless empty, these roots.
    pub async fn spawn(&self, mode: &str, roots: &str) -> App {
        App::spawn(&[("DATABASE_URL", &self.url()), ("DB_SSLMODE", mode), ("DB_SSLROOTCERT", roots)]).await
    }

    /// Whether the service's connections speak TLS; it must work.
    pub async fn speaks_tls(&self, app: &App) -> bool {
        app.until_ready().await;
        app.registered("leaves a connection in the pool").await;
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'causeway-frontend-api'";
        self.postgres.client().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}
