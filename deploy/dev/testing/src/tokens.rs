//! A PostgreSQL that lets users in by tokens of IAM, as Aurora and Aurora DSQL do: it takes the token as a clear password
//! within TLS, and verifies the signature by its own calculation. Behind it is a real server, which trusts it.
//!
//! Dressed as DSQL, it also refuses the SQL that DSQL's documentation says it refuses, and isolates transactions as DSQL does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use causeway_stand_ins::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use ring::{digest, hmac};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use url::Url;

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
const LONGEST_QUERY: u32 = 16 << 20;

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

/// Forwards what the client sends. Statements that DSQL does not take become one that fails.
async fn dress(client: &mut (impl AsyncRead + Unpin), server: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    loop {
        let kind = client.read_u8().await?;
        let length = client.read_u32().await?;
        if !(4..=LONGEST_QUERY).contains(&length) {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        // Query has the text alone, Parse a name before and types after it.
        let begin = match kind {
            b'Q' => Some(0),
            b'P' => body.iter().position(|byte| *byte == 0).map(|end| end + 1),
            _ => None,
        };
        if let Some(begin) = begin {
            let end = begin + body[begin..].iter().position(|byte| *byte == 0).unwrap_or_default();
            let sql = String::from_utf8_lossy(&body[begin..end]).into_owned();
            body.splice(begin..end, on_dsql(&sql).into_bytes());
        }
        let length = u32::try_from(body.len() + 4).expect("a message is not that long");
        server.write_all(&[&[kind][..], &length.to_be_bytes(), &body].concat()).await?;
    }
}

/// Returns what PostgreSQL is to run instead.
fn on_dsql(sql: &str) -> String {
    match refused(sql) {
        Some(what) => format!("SELECT \"DSQL refuses {what}\""),
        None => sql.replace(" INDEX ASYNC ", " INDEX "),
    }
}

/// Returns what DSQL's documentation says that it does not take.
fn refused(sql: &str) -> Option<&'static str> {
    const NEVER: [&str; 13] = [
        "pg_advisory",
        "pg_try_advisory",
        "CONCURRENTLY",
        "SKIP LOCKED",
        "FOR NO KEY",
        "FOR SHARE",
        "ctid",
        "bytea[]",
        "SAVEPOINT",
        "TRUNCATE",
        "CREATE TRIGGER",
        "LISTEN ",
        "COLLATE",
    ];
    const NEVER_IN_TABLES: [&str; 3] = ["bytea PRIMARY", "serial", "jsonb"];
    let statements: Vec<&str> = sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()).collect();
    let changes_schema =
        |sql: &&&str| ["CREATE ", "ALTER ", "DROP "].iter().any(|begin| sql.to_uppercase().starts_with(begin));
    if let Some(what) = NEVER.iter().find(|what| sql.contains(**what)) {
        return Some(what);
    }
    if statements.iter().any(|statement| statement.starts_with("SET ")) {
        return Some("SET");
    }
    let change = statements.iter().find(changes_schema)?;
    match () {
        () if statements.len() > 1 => Some("a change of the schema beside another statement"),
        () if change.contains(" INDEX ") && change.starts_with("CREATE") && !change.contains(" INDEX ASYNC ") => {
            Some("CREATE INDEX without ASYNC")
        }
        () if change.contains(" INDEX ") && change.contains(" DESC") => Some("DESC in an index"),
        () if change.contains("IDENTITY") && !change.contains("IDENTITY (CACHE ") => Some("IDENTITY without CACHE"),
        () if change.contains("ADD COLUMN") && (change.contains("NOT NULL") || change.contains("DEFAULT")) => {
            Some("a new column with a default")
        }
        () => NEVER_IN_TABLES.iter().find(|what| change.contains(**what)).copied(),
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

/// Calculates the signature as AWS's documentation of Signature Version 4 says.
fn verify(token: &str, kind: Kind, port: u16, now: SystemTime) -> Result<(), String> {
    let (service, host) = kind.signed_for(port);
    let url = Url::parse(&format!("https://{token}")).map_err(|error| error.to_string())?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let get = |name: &str| {
        let value = pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        value.ok_or_else(|| format!("{name} is missing"))
    };
    let time = get("X-Amz-Date")?;
    let day = time.get(..8).ok_or("the date is short")?;
    let scope = format!("{day}/{REGION}/{service}/aws4_request");
    let right = match kind {
        Kind::Aurora => [("Action", "connect"), ("DBUser", USER)],
        Kind::Dsql => [("Action", "DbConnect"); 2],
    };
    let expected = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &format!("{ACCESS_KEY_ID}/{scope}")),
        ("X-Amz-Expires", "900"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Security-Token", SESSION_TOKEN),
    ];
    for (name, value) in right.into_iter().chain(expected) {
        let given = get(name)?;
        if given != value {
            return Err(format!("{name} is {given:?} instead of {value:?}"));
        }
    }
    if !token.starts_with(&format!("{host}/?")) {
        return Err(format!("it is not for {host}"));
    }
    let age = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
    if !(0..900).contains(&age.checked_sub(seconds(time)?).ok_or("it is of the future")?) {
        return Err("it has expired".to_owned());
    }

    let mut query: Vec<_> = pairs.iter().filter(|(name, _)| name != "X-Amz-Signature").collect();
    query.sort();
    let query: Vec<_> =
        query.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let request = format!("GET\n/\n{}\nhost:{host}\n\nhost\n{empty}", query.join("&"));
    let request = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request}");
    let key = [day, REGION, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_ACCESS_KEY}").into_bytes(), |key, part| sign(&key, part));
    if get("X-Amz-Signature")? != hex(&sign(&key, &text)) {
        return Err("the signature is wrong".to_owned());
    }
    Ok(())
}

/// Returns the seconds since 1970 of such as `20261126T112233Z`.
fn seconds(time: &str) -> Result<u64, String> {
    let number = |range: std::ops::Range<usize>| {
        time.get(range).and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(|| format!("{time:?} is no time"))
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    // Days from civil: years that begin in March, in eras of 400.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Ok(days * 86_400 + number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?)
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
