//! The variables of `make run`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use causeway_common::config::{ConfigErrors, Lookup, Optional, Var, Vars};
use tokio::time::{Instant, sleep};

/// The services of a run that was killed end by themselves, and drain nothing: they need some milliseconds.
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

const PORT: Var<u16> = Var::int("PORT", 8080, 1..=65_535, "Port of frontend-api.");
const PRIVATE_PORT: Var<u16> = Var::int("PRIVATE_PORT", 8081, 1..=65_535, "Port of private-service.");
const BALANCER_PORT: Var<u16> =
    Var::int("BALANCER_PORT", 8090, 1..=65_535, "Port of the balancer in front of books and authors.");
const BIND_ADDRESS: Var<IpAddr> = Var::parsed(
    "BIND_ADDRESS",
    (|| IpAddr::V4(Ipv4Addr::LOCALHOST), "127.0.0.1"),
    "an IP address",
    |text| text.parse().map_err(|_| format!("{text:?} is not an IP address")),
    "Address on which these three listen.",
);
const DATABASE_URL: Optional<String> =
    Optional::text("DATABASE_URL", "a PostgreSQL as a child process", "The database to use.");

/// The settings, all from environment variables. All other variables reach the services as they are.
#[derive(Debug)]
pub struct Settings {
    /// `PORT`: frontend-api's port; default 8080.
    pub port: u16,
    /// `PRIVATE_PORT`: private-service's port; default 8081.
    pub private_port: u16,
    /// `BALANCER_PORT`: the port that leads to books and authors; default 8090.
    pub balancer_port: u16,
    /// `BIND_ADDRESS`: where these three listen; default 127.0.0.1, this machine alone.
    pub bind_address: IpAddr,
    /// `DATABASE_URL`: a database to use instead of a PostgreSQL of our own.
    pub database_url: Option<String>,
    /// `DATABASE_URL`'s host and port, if it has them: frontend-api is the one to judge it.
    pub database_address: Option<(String, u16)>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// All the mistakes in them.
    pub fn load(lookup: &dyn Lookup) -> Result<Self, ConfigErrors> {
        let mut vars = Vars::new(lookup);
        let database_url = vars.read(&DATABASE_URL);
        let database_address = database_url.as_deref().and_then(address_of);
        let settings = Self {
            port: vars.read(&PORT),
            private_port: vars.read(&PRIVATE_PORT),
            balancer_port: vars.read(&BALANCER_PORT),
            bind_address: vars.read(&BIND_ADDRESS),
            database_url,
            database_address,
        };
        let [first, second, third] = settings.wanted();
        for (later, earlier) in [(second, first), (third, first), (third, second)] {
            if later.2 == earlier.2 {
                vars.reject(later.0, format!("is {}, as {} is: each needs its own port", later.2, earlier.0));
            }
        }
        vars.finish(Some(settings))
    }

    /// Returns variable, purpose and number of each port.
    fn wanted(&self) -> [(&'static str, &'static str, u16); 3] {
        [
            ("PORT", "frontend-api", self.port),
            ("PRIVATE_PORT", "private-service", self.private_port),
            ("BALANCER_PORT", "the balancer", self.balancer_port),
        ]
    }

    /// Makes sure that all ports can be had, before anything is started. A run that was killed just now gets the time
    /// to stop its services.
    ///
    /// # Errors
    /// One line for each that can't.
    pub async fn wait_for_ports(&self) -> Result<(), String> {
        let deadline = Instant::now() + PREDECESSOR_LIMIT;
        loop {
            match self.check_ports() {
                Err(_) if Instant::now() < deadline => sleep(POLL).await,
                result => return result,
            }
        }
    }

    fn check_ports(&self) -> Result<(), String> {
        let problems: Vec<_> = self
            .wanted()
            .into_iter()
            .filter_map(|(variable, service, port)| {
                let error = TcpListener::bind(SocketAddr::new(self.bind_address, port)).err()?;
                Some(port_problem(variable, service, port, &error))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}

fn port_problem(variable: &str, service: &str, port: u16, error: &io::Error) -> String {
    let why = if error.kind() == io::ErrorKind::AddrInUse {
        "is taken by another program: stop that one".to_owned()
    } else {
        format!("can't be opened ({error})")
    };
    format!("port {port}, for {service}, {why}, or choose another port with {variable}=…")
}

fn address_of(url: &str) -> Option<(String, u16)> {
    let url = url::Url::parse(url).ok()?;
    Some((url.host_str()?.to_owned(), url.port().unwrap_or(5432)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_variable_that_changes_it() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let text = port.to_string();
        let settings = Settings::load(&BTreeMap::from([("PORT", text.as_str())])).unwrap();
        let problem = settings.check_ports().unwrap_err();
        assert!(problem.contains(&format!("port {port}, for frontend-api, is taken")), "{problem}");
        assert!(problem.contains("PORT=…"), "{problem}");
    }

    #[test]
    fn the_databases_address_is_taken_from_its_url() {
        let url = BTreeMap::from([("DATABASE_URL", "postgres://u:secret@db.example/app?sslmode=verify-full")]);
        assert_eq!(Settings::load(&url).unwrap().database_address, Some(("db.example".to_owned(), 5432)));
    }

    #[test]
    fn two_on_one_port_are_refused() {
        for (variable, port, refused) in [
            ("PORT", "8081", "PRIVATE_PORT"),
            ("PORT", "8090", "BALANCER_PORT"),
            ("PRIVATE_PORT", "8090", "BALANCER_PORT"),
        ] {
            let errors = Settings::load(&BTreeMap::from([(variable, port)])).unwrap_err();
            assert_eq!(errors.0.iter().map(|error| error.variable).collect::<Vec<_>>(), [refused]);
        }
    }
}
