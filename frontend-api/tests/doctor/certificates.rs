//! Certificates that are wrong in one way each, and whose remedy depends on whose they are.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use causeway_testing::postgres::Authority;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::helpers::{DATABASE, PRIVATE_SERVICE, Run, doctor, healthy_database};
use crate::server::Server;
use crate::wire::serve;

const HERE: &str = "127.0.0.1";
const TLS: &str = "tls";

/// The doctor of a PostgreSQL server that shows this certificate, which `authority` vouches for.
async fn database_with(authority: &Authority, certificate: (String, String)) -> (Server, Run) {
    let server = Server::start().await;
    server.postgres.speak_tls(certificate).await;
    let run = trusting(&server, &authority.pem()).await;
    (server, run)
}

async fn trusting(server: &Server, pem: &str) -> Run {
    let roots = server.postgres.write("roots.pem", pem).await.display().to_string();
    server.doctor(&[("DB_SSLMODE", "verify-full"), ("DB_SSLROOTCERT", &roots)]).await
}

async fn issued(code: &str, change: impl FnOnce(&mut CertificateParams)) -> Option<Run> {
    let authority = Authority::default();
    let (_server, run) = database_with(&authority, authority.issue_with(HERE, change)).await;
    run.assert_only(DATABASE, TLS, code);
    Some(run)
}

pub async fn it_is_that_of_an_authority() -> Option<Run> {
    issued("tls-authority-as-server", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)).await
}

pub async fn it_is_for_clients_only() -> Option<Run> {
    issued("tls-wrong-usage", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]).await
}

pub async fn it_expires_soon() -> Option<Run> {
    let authority = Authority::default();
    let end = time::OffsetDateTime::now_utc() + time::Duration::days(20);
    let (_server, run) = database_with(&authority, authority.issue_with(HERE, |params| params.not_after = end)).await;
    run.assert_warned(DATABASE, TLS, "tls-expires-soon");
    Some(run)
}

/// Issued by one whose own certificate is not sent; the address of that one is in it, as in all of public authorities.
pub async fn the_intermediate_is_missing() -> Option<Run> {
    const ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    let (authority, intermediate) = (Authority::default(), Authority::named("an intermediate"));
    // AccessDescription: caIssuers, "http://ca".
    let access = [&[0x30, 0x17, 0x30, 0x15, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 9][..], b"http://ca"].concat();
    let certificate = intermediate.issue_with(HERE, |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "a server");
        params.custom_extensions.push(CustomExtension::from_oid_content(ACCESS, access));
    });
    let (_server, run) = database_with(&authority, certificate).await;
    run.assert_only(DATABASE, TLS, "tls-missing-intermediate");
    Some(run)
}

/// openssl makes what no library of ours makes any more: the certificate and its key, PEM.
fn openssl(folder: &Path, arguments: &str) -> Option<(String, String)> {
    let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
    let usual = "req -x509 -nodes -days 300 -subj /CN=here -addext subjectAltName=IP:127.0.0.1 \
                 -addext basicConstraints=critical,CA:FALSE";
    let mut command = Command::new("openssl");
    command
        .args(usual.split_whitespace())
        .args(arguments.split(' '))
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    status.success().then(|| [&certificate, &key].map(|file| std::fs::read_to_string(file).unwrap()).into())
}

#[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
async fn made_by_openssl(code: &str, arguments: &str) -> Option<Run> {
    let folder = tempfile::tempdir().unwrap();
    let Some(certificate) = openssl(folder.path(), arguments) else {
        assert!(std::env::var_os("CI").is_none(), "openssl is needed");
        eprintln!("skipped: openssl can't make {arguments}");
        return None;
    };
    let address = https_with(certificate, false).await;
    let run = doctor_of_service(address).await;
    run.assert_only(PRIVATE_SERVICE, TLS, code);
    Some(run)
}

pub async fn it_is_signed_with_sha1() -> Option<Run> {
    made_by_openssl("tls-sha1", "-newkey rsa:2048 -sha1").await
}

/// No library of ours signs with such a key, so the server is openssl's as well.
pub async fn its_key_is_short() -> Option<Run> {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), "-newkey rsa:1024 -sha256")?;
    let port = causeway_testing::ports::free().unwrap();
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let mut server = tokio::process::Command::new("openssl");
    server.args(["s_server", "-quiet", "-www", "-cipher", "DEFAULT:@SECLEVEL=0", "-accept", &address.to_string()]);
    server.arg("-cert").arg(folder.path().join("c.pem")).arg("-key").arg(folder.path().join("k.pem"));
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let _server = server.spawn().unwrap();
    crate::helpers::eventually("openssl listens", async || tokio::net::TcpStream::connect(address).await.ok()).await;
    let run = doctor_of_service(address).await;
    run.assert_only(PRIVATE_SERVICE, TLS, "tls-short-key");
    Some(run)
}

/// A server of HTTP over TLS. It answers each request with 200.
async fn https_with((certificate, key): (String, String), wants_client: bool) -> SocketAddr {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = if wants_client {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(
            CertificateDer::pem_slice_iter(Authority::default().pem().as_bytes()).map(Result::unwrap),
        );
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    serve(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(connection).await else { return };
            if stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok();
                stream.shutdown().await.ok();
            }
        }
    })
    .await
}

/// A server of HTTP over TLS with a certificate that nobody trusts.
pub async fn https_server(name: &str) -> SocketAddr {
    https_with(Authority::default().issue(name), false).await
}

async fn doctor_of_service(address: SocketAddr) -> Run {
    let database = healthy_database().await;
    doctor(&[("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", &format!("https://{address}/"))]).await
}

pub async fn a_private_services_is_of_an_unknown_authority() -> Option<Run> {
    let run = doctor_of_service(https_server(HERE).await).await;
    run.assert_only(PRIVATE_SERVICE, TLS, "server-tls-unknown-authority");
    assert!(!run.stage(PRIVATE_SERVICE, TLS)["remedy"].as_str().unwrap().contains("RDS"));
    Some(run)
}

pub async fn awss_is_of_an_unknown_authority() -> Option<Run> {
    let address = https_server(HERE).await;
    let env = causeway_testing::aws::on_app_runner("");
    let endpoint = format!("https://{address}");
    let mut env = env.to_vec();
    env.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_SECRETS_MANAGER");
    env.push(("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint));
    let run = doctor(&env).await;
    run.assert_failed("secrets manager", TLS, "tls-intercepted");
    Some(run)
}

pub async fn a_client_certificate_is_wanted() -> Option<Run> {
    let authority = Authority::default();
    let server = Server::start().await;
    server.postgres.speak_tls(authority.issue(HERE)).await;
    server.postgres.write("clients.pem", &authority.pem()).await;
    server.postgres.execute("ALTER SYSTEM SET ssl_ca_file = 'clients.pem'").await;
    server
        .postgres
        .admit("hostssl all app all scram-sha-256 clientcert=verify-ca\nhost all postgres all scram-sha-256\n")
        .await;
    let run = trusting(&server, &authority.pem()).await;
    run.assert_only(DATABASE, "authentication", "tls-client-certificate-wanted");
    Some(run)
}

/// Public authorities issue nothing for a test, so these are of an unknown one, too: what is worse is blamed.
pub async fn a_private_services_has_expired() -> Option<Run> {
    let address = https_with(Authority::default().issue_expired(HERE), false).await;
    let run = doctor_of_service(address).await;
    run.assert_only(PRIVATE_SERVICE, TLS, "server-tls-expired");
    Some(run)
}

pub async fn a_private_services_is_for_another_name() -> Option<Run> {
    let named = |params: &mut CertificateParams| params.distinguished_name.push(rcgen::DnType::CommonName, "a server");
    let address = https_with(Authority::default().issue_with("elsewhere.example", named), false).await;
    let run = doctor_of_service(address).await;
    run.assert_only(PRIVATE_SERVICE, TLS, "server-tls-wrong-name");
    Some(run)
}
