//! Starting, running and draining an HTTP server.

use std::future::ready;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Server, fn_service};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::config::{Group, Var, Vars};
use crate::http::connection::{Bounded, HEAD_LIMIT};
use crate::http::metrics;
use crate::http::observe::observe;
use crate::http::problem::not_found;
use crate::shutdown::Draining;
use crate::tasks::{END_LIMIT, Tasks};
use crate::telemetry::trace::SHUTDOWN_LIMIT;
use crate::telemetry::{FLUSH_LIMIT, chain, trace};

/// In-flight requests get this long to finish once the server stops, unless that and `SHUTDOWN_DELAY_MS` are more than
/// [`STOP_LIMIT`].
const DRAIN_LIMIT: Duration = Duration::from_secs(15);
/// A process ends within 25 s after SIGTERM: after this come the tasks, the last spans and the last lines of the log. ECS
/// kills it after 30 s (`stopTimeout`).
const STOP_LIMIT: Duration = Duration::from_millis(19_500);
const AFTERWARDS: Duration = END_LIMIT.saturating_add(SHUTDOWN_LIMIT).saturating_add(FLUSH_LIMIT);
const _: () = assert!(STOP_LIMIT.saturating_add(AFTERWARDS).as_secs() < 25);
/// Longer than the 60 s after which an Application Load Balancer closes an idle connection: it must be the one to close.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the rest of a refused body is read, so that the client reads the answer and not a reset.
const LINGER: Duration = Duration::from_secs(2);
/// Connections that the kernel holds for us while all workers are busy.
const BACKLOG: u32 = 4096;

const BIND_ADDRESS: Var<IpAddr> = Var::parsed(
    "BIND_ADDRESS",
    (|| IpAddr::V4(Ipv4Addr::UNSPECIFIED), "0.0.0.0"),
    "an IP address",
    |text| text.parse().map_err(|_| format!("{text:?} is not an IP address, such as 0.0.0.0 or ::")),
    "Address to listen on.",
);
const PORT: Var<u16> = Var::int("PORT", 8080, 0..=65_535, "Port to listen on; 0 picks a free one.");
const WORKERS: Var<usize> =
    Var::computed_int("WORKERS", (cores, "the number of cores"), 1..=64, "Threads that serve requests.");
const SHUTDOWN_DELAY_MS: Var<Duration> = Var::milliseconds(
    "SHUTDOWN_DELAY_MS",
    2000,
    0..=8000,
    "How long to keep serving after SIGTERM, so that load balancers notice that `/ready` fails.",
);
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(64)
}

/// Where to listen, and with how many threads.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    bind_address: IpAddr,
    port: u16,
    /// Threads that serve requests.
    pub workers: usize,
    shutdown_delay: Duration,
}

impl ServerConfig {
    /// Its variables.
    pub const VARIABLES: Group =
        Group { title: "Server", variables: &[&PORT, &BIND_ADDRESS, &WORKERS, &SHUTDOWN_DELAY_MS] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self {
            bind_address: vars.read(&BIND_ADDRESS),
            port: vars.read(&PORT),
            workers: vars.read(&WORKERS),
            shutdown_delay: vars.read(&SHUTDOWN_DELAY_MS),
        }
    }

    /// How long in-flight requests have once nothing new is accepted.
    fn drain_limit(&self) -> Duration {
        DRAIN_LIMIT.min(STOP_LIMIT.saturating_sub(self.shutdown_delay))
    }

    /// Returns the address at which `health` can ask this server from its own machine.
    pub fn local_address(&self) -> SocketAddr {
        let address = match self.bind_address {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        SocketAddr::new(address, self.port)
    }

    /// Opens the port.
    ///
    /// # Errors
    /// When the address is not ours or the port is taken or not allowed; the error names the address.
    pub fn bind(&self) -> std::io::Result<std::net::TcpListener> {
        let address = SocketAddr::new(self.bind_address, self.port);
        let listen = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)?.into_std()
        };
        listen().map_err(|error| std::io::Error::new(error.kind(), format!("can't listen on {address}: {error}")))
    }
}

/// Serves until `shutdown` resolves, then drains: for `SHUTDOWN_DELAY_MS`, `/ready` fails and each answer closes its
/// connection; then no connection is accepted, and requests in flight and `tasks` finish.
///
/// `routes` runs once on each worker's own thread, inside its runtime.
///
/// # Errors
/// When the server can't start, its threads fail, or one of `tasks` ends early. In the last case it drains without delay.
pub async fn run(
    listener: std::net::TcpListener,
    config: &ServerConfig,
    shutdown: impl Future<Output = &'static str>,
    tasks: Tasks,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<()> {
    let result = serve(listener, config, shutdown, tasks, routes).await;
    trace::shut_down().await;
    result
}

async fn serve(
    listener: std::net::TcpListener,
    config: &ServerConfig,
    shutdown: impl Future<Output = &'static str>,
    mut tasks: Tasks,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<()> {
    raise_limit_of_open_files();
    let address = listener.local_addr()?;
    metrics::register();
    let draining = web::Data::new(Draining::default());
    let (started, mut worker) = mpsc::channel(1);
    let server = accept(listener, config, draining.clone(), started, routes)?;
    tracing::info!(%address, workers = config.workers, "listening");

    let handle = server.handle();
    let mut server = Box::pin(server);
    if config.workers == 1 {
        tokio::select! {
            result = &mut server => return result,
            Some(worker) = worker.recv() => tasks.start_serving(&worker),
        }
    } else {
        tasks.start_serving(&Handle::current());
    }
    let reason = tokio::select! {
        result = &mut server => return result,
        reason = shutdown => Ok(reason),
        ended = tasks.ended() => Err(ended),
    };
    draining.set();
    match &reason {
        Ok(reason) => {
            tracing::info!(reason, "draining");
            tokio::time::sleep(config.shutdown_delay).await;
        }
        Err(ended) => tracing::error!(cause = chain(ended), "draining"),
    }
    // Not awaited: `server` itself ends when the stop is complete.
    drop(handle.stop(true));
    server.as_mut().await?;
    // This drops the handlers, so that the tasks that serve them see their queues close.
    drop(server);
    let ended = tasks.end().await;
    tracing::info!("drained");
    reason.and(ended).map_err(std::io::Error::other)
}

/// Accepts connections and serves `routes` on them. `started` gets the runtime of the first worker.
fn accept(
    listener: std::net::TcpListener,
    config: &ServerConfig,
    draining: web::Data<Draining>,
    started: mpsc::Sender<Handle>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let server =
        Server::build().workers(config.workers).shutdown_timeout(config.drain_limit().as_secs()).disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("http", listener, move || {
        // A full channel means that another worker came first, which is all that matters.
        let _ = started.try_send(Handle::current());
        let app = App::new()
            .app_data(draining.clone())
            .configure(routes.clone())
            .default_service(web::to(not_found))
            .wrap(from_fn(observe));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let app = map_config(app, |()| AppConfig::default());
        let stopping = stopping.clone();
        let http = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_LIMIT)
            .client_disconnect_timeout(LINGER)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|stream: &Bounded<TcpStream>, data| {
                data.insert(stream.connection().clone());
            })
            .h1(app);
        fn_service(|stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok((Bounded::new(stream), peer)))
        })
        .and_then(http)
    })?;
    Ok(server.run())
}

/// Each connection is an open file. The soft limit, 1,024 in many places, is for programs that use `select`; this one does
/// not.
fn raise_limit_of_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files can't be raised");
    }
}
