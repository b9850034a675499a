//! A PostgreSQL that speaks TLS, and an authority for its certificates.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use causeway_test_support::postgres::OwnPostgres;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};

use crate::helpers::{App, eventually};

/// Who logs in. An administrator of another name needs no TLS, whatever this one needs.
const ROLE: &str = "app";

pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

pub struct TlsServer {
    postgres: OwnPostgres,
    data: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }
}

impl TlsServer {
    /// Its certificate is of this authority, for this name or address.
    pub async fn start(authority: &Authority, name: &str) -> Self {
        let postgres = OwnPostgres::start().await;
        postgres.execute(&format!("CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD 'pw'")).await;
        let data: String = postgres.client().await.query_one("SHOW data_directory", &[]).await.unwrap().get(0);
        let server = Self { postgres, data: data.into() };
        server.use_certificate(authority, name).await;
        server.postgres.execute("ALTER SYSTEM SET ssl = on").await;
        server.reload().await;
        eventually("the server speaks TLS", async || {
            let client = server.postgres.client().await;
            let ssl: String = client.query_one("SHOW ssl", &[]).await.unwrap().get(0);
            (ssl == "on").then_some(())
        })
        .await;
        server
    }

    /// From the next reload on.
    pub async fn use_certificate(&self, authority: &Authority, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        self.write("server.crt", &certificate.pem());
        self.write("server.key", &key.serialize_pem());
    }

    pub async fn reload(&self) {
        self.postgres.execute("SELECT pg_reload_conf()").await;
    }

    /// Refuses `app` without TLS, from now on.
    pub async fn insist_on_tls(&self) {
        let rules = format!("hostssl all {ROLE} all scram-sha-256\nhost all postgres all scram-sha-256\n");
        self.write("pg_hba.conf", &rules);
        self.reload().await;
        let plain = format!("postgres://{ROLE}:pw@127.0.0.1:{}/postgres?sslmode=disable", self.postgres.port());
        let refused = async || tokio_postgres::connect(&plain, tokio_postgres::NoTls).await.is_err().then_some(());
        eventually("the server refuses what is not TLS", refused).await;
    }

    /// The authority's certificate as a file.
    pub fn roots(&self, authority: &Authority) -> String {
        self.write("roots.pem", &authority.certificate.pem()).display().to_string()
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

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.data.join(name);
        std::fs::write(&path, text).unwrap();
        give(&path, &self.data);
        path
    }
}

/// To the owner of `like`, closed to others: PostgreSQL wants its key so.
fn give(path: &Path, like: &Path) {
    let owner = std::fs::metadata(like).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
