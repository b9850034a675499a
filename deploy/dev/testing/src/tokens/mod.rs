//! A PostgreSQL that lets users in by tokens of IAM, as Aurora and Aurora DSQL do: it takes the token as a clear password
//! within TLS, and verifies the signature by its own calculation. Behind it is a real server, which trusts it.
//!
//! Dressed as DSQL, it also refuses the SQL that DSQL's documentation says it refuses, and isolates transactions as DSQL does.

mod dsql;
mod signature;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use causeway_stand_ins::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use self::dsql::dress;
use self::signature::verify;
use crate::postgres::{Authority, OwnPostgres};

/// The region that tokens must be for.
pub const REGION: &str = "eu-west-1";
/// The user that logs in.
pub const USER: &str = "app";
/// The session token of the role's credentials. No output may hold it.
pub const SESSION_TOKEN: &str = "session-token-of-the-role/+=";

const SSL_REQUEST: u32 = 80_877_103;
const CANCEL_REQUEST: u32 = 80_877_102;
const LONGEST_MESSAGE: u32 = 16 * 1024;

/// The service that the server stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Aurora,
    Dsql,
}

/// What the server was shown, and what it says.
#[derive(Debug, Default)]
struct State {
    tokens: Vec<String>,
    refusal: Option<(&'static str, String)>,
}

/// The server. Its role `app` may do everything.
#[derive(Debug)]
pub struct TokenServer {
    /// The server behind it.
    pub postgres: OwnPostgres,
    kind: Kind,
    address: SocketAddr,
    roots: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl TokenServer {
    /// Starts both servers.
    pub async fn start() -> Self {
        Self::start_as(Kind::Aurora).await
    }

    /// Starts both servers, dressed as Aurora DSQL.
    pub async fn start_as_dsql() -> Self {
        let server = Self::start_as(Kind::Dsql).await;
        let isolation = format!("ALTER ROLE {USER} SET default_transaction_isolation = 'repeatable read'");
        server.postgres.execute(&isolation).await;
        server
    }

    async fn start_as(kind: Kind) -> Self {
        let postgres = OwnPostgres::start().await;
        postgres.execute(&format!("CREATE ROLE {USER} LOGIN SUPERUSER")).await;
        postgres.admit(&format!("host all {USER} all trust\nhost all postgres all scram-sha-256\n")).await;
        let authority = Authority::default();
        let roots = postgres.write("roots.pem", &authority.pem()).await.display().to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (state, acceptor) = (Arc::<Mutex<State>>::default(), acceptor(&authority, kind.host()));
        let place = Place { kind, address, upstream: postgres.port() };
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (state, acceptor) = (shared.clone(), acceptor.clone());
                // A connection that breaks is the client's to report.
                tokio::spawn(async move { serve(connection, acceptor, place, state).await.ok() });
            }
        });
        Self { postgres, kind, address, roots, state, task }
    }

    /// Returns the environment of a service that logs in with tokens.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let (variable, value) = match self.kind {
            Kind::Aurora => ("DB_AUTH", "iam"),
            Kind::Dsql => ("DB_ENGINE", "dsql"),
        };
        [
            (variable, value),
            ("DB_HOST", self.kind.host()),
            ("DB_PORT", &self.address.port().to_string()),
            ("DB_USER", USER),
            ("DB_NAME", "postgres"),
            ("DB_SSLROOTCERT", &self.roots),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_SESSION_TOKEN", SESSION_TOKEN),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1"),
            ("HOME", "/nonexistent"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// Returns the tokens that it has taken so far.
    pub fn tokens(&self) -> Vec<String> {
        lock(&self.state).tokens.clone()
    }

    /// Refuses every token from now on, with this SQLSTATE and message.
    pub fn refuse(&self, code: &'static str, message: &str) {
        lock(&self.state).refusal = Some((code, message.to_owned()));
    }

    /// Takes valid tokens again.
    pub fn admit(&self) {
        lock(&self.state).refusal = None;
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kind {
    /// DSQL finds the cluster by the name in the handshake, so it needs one.
    fn host(self) -> &'static str {
        match self {
            Self::Aurora => "127.0.0.1",
            Self::Dsql => "localhost",
        }
    }

    /// What tokens are for: the service, and the host as it is signed.
    fn signed_for(self, port: u16) -> (&'static str, String) {
        match self {
            Self::Aurora => ("rds-db", format!("{}:{port}", self.host())),
            Self::Dsql => ("dsql", self.host().to_owned()),
        }
    }
}

/// Where a connection leads.
#[derive(Debug, Clone, Copy)]
struct Place {
    kind: Kind,
    address: SocketAddr,
    upstream: u16,
}

fn acceptor(authority: &Authority, host: &str) -> TlsAcceptor {
    causeway_common::tls::install_provider();
    let (certificate, key) = authority.issue(host);
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.expect("the key is the certificate's")))
}

async fn serve(
    mut connection: TcpStream,
    acceptor: TlsAcceptor,
    Place { kind, address, upstream }: Place,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    // Messages pass one by one: without this, each that follows another waits for an acknowledgement, 40 ms.
    connection.set_nodelay(true)?;
    let first = message(&mut connection).await?;
    if code(&first) != SSL_REQUEST {
        return refuse(&mut connection, "28000", "no pg_hba.conf entry, no encryption").await;
    }
    connection.write_all(b"S").await?;
    let mut client = acceptor.accept(connection).await?;
    let is_named = client.get_ref().1.server_name() == Some(kind.host());
    let start = message(&mut client).await?;
    if kind == Kind::Dsql && !is_named {
        return refuse(&mut client, "08004", "unable to accept connection, the handshake names no cluster").await;
    }
    if kind == Kind::Dsql && start.windows(9).any(|part| part == b"\0options\0") {
        return refuse(&mut client, "0A000", "startup options are not supported").await;
    }
    if code(&start) != CANCEL_REQUEST {
        // AuthenticationCleartextPassword
        client.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
        client.flush().await?;
        if client.read_u8().await? != b'p' {
            return refuse(&mut client, "08P01", "expected password response").await;
        }
        let password = message(&mut client).await?;
        let token = String::from_utf8_lossy(&password).trim_end_matches('\0').to_owned();
        let refusal = lock(&state).refusal.clone();
        if let Some((code, said)) = refusal {
            return refuse(&mut client, code, &said).await;
        }
        if let Err(problem) = verify(&token, kind, address.port(), SystemTime::now()) {
            return refuse(&mut client, "28P01", &format!("PAM authentication failed for user \"{USER}\": {problem}"))
                .await;
        }
        lock(&state).tokens.push(token);
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    server.set_nodelay(true)?;
    let length = u32::try_from(start.len() + 4).expect("a message is short");
    server.write_all(&[&length.to_be_bytes()[..], &start].concat()).await?;
    if kind == Kind::Aurora || code(&start) == CANCEL_REQUEST {
        return copy_bidirectional(&mut client, &mut server).await.map(drop);
    }
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (tokio::io::split(client), server.split());
    tokio::select! {
        forwarded = copy(&mut from_server, &mut to_client) => forwarded.map(drop),
        dressed = dress(&mut from_client, &mut to_server) => dressed,
    }
}

/// Reads a message: its length, then the rest.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    if !(8..=LONGEST_MESSAGE).contains(&length) {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn code(message: &[u8]) -> u32 {
    message.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

async fn refuse(client: &mut (impl AsyncWrite + Unpin), code: &str, said: &str) -> std::io::Result<()> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{said}\0\0");
    let length = u32::try_from(fields.len() + 4).expect("a message is short");
    client.write_all(&[b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()).await?;
    client.shutdown().await
}
