//! Certificates for a PostgreSQL server, and its files.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

use super::OwnPostgres;

/// Signs certificates.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::named("an authority of a test")
    }
}

impl Authority {
    /// An authority of this name.
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is malformed");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a certificate can be made");
        Self { certificate, issuer: Issuer::new(params, key) }
    }
}

impl Authority {
    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for a name or address, and its key, both PEM.
    pub fn issue(&self, name: &str) -> (String, String) {
        self.issue_with(name, |_| ())
    }

    /// The same, valid until this year begins.
    pub fn issue_until(&self, name: &str, year: i32) -> (String, String) {
        self.issue_with(name, |params| params.not_after = date_time_ymd(year, 1, 1))
    }

    /// The same, but its time is over.
    pub fn issue_expired(&self, name: &str) -> (String, String) {
        self.issue_with(name, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 2, 1);
        })
    }

    /// The same, changed.
    pub fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("the name is well-formed");
        change(&mut params);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        (certificate.pem(), key.serialize_pem())
    }
}

impl OwnPostgres {
    /// Speaks TLS with this certificate and key from now on.
    pub async fn speak_tls(&self, (certificate, key): (String, String)) {
        self.write("server.crt", &certificate).await;
        self.write("server.key", &key).await;
        self.execute("ALTER SYSTEM SET ssl = on").await;
        self.restart().await;
    }

    /// Takes these rules of `pg_hba.conf` from the next connection on.
    pub async fn admit(&self, rules: &str) {
        self.write("pg_hba.conf", rules).await;
        self.restart().await;
    }

    /// Writes a file into the data directory, as the server wants its files, and says where it is.
    pub async fn write(&self, name: &str, content: &str) -> PathBuf {
        let directory = self.data().await;
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let owner = std::fs::metadata(&directory).expect("the data directory is there");
        chown(&path, Some(owner.uid()), Some(owner.gid())).expect("the file can be given away");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode can be set");
        path
    }

    /// The data directory. The server must run and let the superuser in.
    pub async fn data(&self) -> PathBuf {
        let row = self.client().await.query_one("SHOW data_directory", &[]).await;
        row.expect("the server tells its data directory").get::<_, String>(0).into()
    }
}
