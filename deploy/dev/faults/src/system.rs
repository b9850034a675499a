//! The system under test: every part in a container with its own address, as compose.yaml has it.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_load::client::{Answer, Connection};
use tokio::time::sleep;

use crate::Result;
use crate::docker::{docker, inspect, pid};

const LABEL: &str = "causeway.purpose=faults";
const NETWORK: &str = "causeway-faults";
const SUBNET: &str = "10.213.7.0/24";
/// Where the database is at first, and where it goes when it moves.
pub const HOME: &str = "10.213.7.10";
pub const ELSEWHERE: &str = "10.213.7.20";
const START_LIMIT: Duration = Duration::from_secs(40);

/// What a scenario wants to be different.
#[derive(Default)]
pub struct Wishes {
    /// Arguments of `docker run` for frontend-api.
    pub frontend: Vec<&'static str>,
    /// Arguments of `docker run` for the database.
    pub database: Vec<&'static str>,
    /// Settings of PostgreSQL, as `-cname=value`.
    pub settings: Vec<&'static str>,
}

/// All containers. Dropping it removes them.
pub struct System {
    tag: String,
    wishes: Wishes,
}

impl System {
    /// Starts everything and waits until a request would be answered.
    pub async fn start(wishes: Wishes) -> Result<Self> {
        clean_up();
        Self::start_keeping_volumes(wishes).await
    }

    /// The same, with the volumes that the scenario has made.
    pub async fn start_keeping_volumes(wishes: Wishes) -> Result<Self> {
        let system = Self { tag: tag(), wishes };
        docker(&["network", "create", "--label", LABEL, "--subnet", SUBNET, NETWORK]).await?;
        system.start_database("db", HOME, "first").await?;
        let secret = format!("SECRET={}", secret("first"));
        system.run("stand-ins", "stand-ins", &["--env", &secret]).await?;
        for replica in ["private-1", "private-2"] {
            system.start_private_service(replica).await?;
        }
        system.start_frontend("frontend").await?;
        system.until_ready("frontend").await?;
        Ok(system)
    }

    /// One more of those that frontend-api calls.
    pub async fn start_private_service(&self, name: &str) -> Result {
        self.start_private_service_as(name, "privateservice").await
    }

    pub async fn start_private_service_as(&self, name: &str, alias: &str) -> Result {
        let metadata = "ECS_CONTAINER_METADATA_URI_V4=http://stand-ins:8080/v4/it";
        self.run(name, "private-service", &["--network-alias", alias, "--env", metadata]).await
    }

    pub async fn start_frontend(&self, name: &str) -> Result {
        let authority = std::fs::canonicalize("deploy/rds-ca/stand-in.pem")?;
        let mount = format!("{}:/stand-in.pem:ro", authority.display());
        let mut arguments = vec!["--memory=256m", "--memory-swap=256m", "--volume", &mount];
        for variable in [
            "DB_SSLROOTCERT=/stand-in.pem",
            "APPRUNNERSERVICE=faults",
            "DBSECRETSNAME=demo/database",
            "ECSPRIVATESERVICE=http://privateservice:8080",
            "AWS_REGION=eu-west-1",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER=http://stand-ins:8080",
            "AWS_ACCESS_KEY_ID=stand-in",
            "AWS_SECRET_ACCESS_KEY=stand-in",
        ] {
            arguments.extend(["--env", variable]);
        }
        arguments.extend(&self.wishes.frontend);
        self.run(name, "frontend-api", &arguments).await
    }

    async fn run(&self, name: &str, image: &str, arguments: &[&str]) -> Result {
        let image = format!("causeway/{image}:{}", self.tag);
        let full = full(name);
        let mut command = vec!["run", "--detach", "--name", &full, "--label", LABEL, "--network", NETWORK];
        command.extend(["--network-alias", name, "--read-only", "--cap-drop=ALL", "--no-healthcheck"]);
        command.extend(["--security-opt", "no-new-privileges"]);
        command.extend(arguments);
        command.push(&image);
        docker(&command).await.map(drop)
    }

    /// A PostgreSQL called `db`, with its data in a volume that outlives the container.
    pub async fn start_database(&self, name: &str, address: &str, password: &str) -> Result {
        let password = format!("POSTGRES_PASSWORD={password}");
        let volume = format!("{}:/var/lib/postgres", full(name));
        let arguments = ["--network-alias", "db", "--env", &password, "--volume", &volume];
        self.run_database(name, address, &arguments, &["postgres"]).await?;
        self.until_database_answers(name).await.map(drop)
    }

    /// With everything that all databases of the tests have in common.
    pub async fn run_database(&self, name: &str, address: &str, arguments: &[&str], command: &[&str]) -> Result {
        let image = format!("causeway/postgres-with-tls:{}", self.tag);
        let full = full(name);
        let mut line = vec!["run", "--detach", "--name", &full, "--label", LABEL, "--network", NETWORK];
        line.extend(["--ip", address, "--shm-size=128m"]);
        line.extend(&self.wishes.database);
        line.extend(arguments);
        line.push(&image);
        line.extend(command);
        line.extend(["-cssl=on", "-cssl_cert_file=/tls/server.crt", "-cssl_key_file=/tls/server.key"]);
        line.push("-chba_file=/tls/pg_hba.conf");
        line.extend(&self.wishes.settings);
        docker(&line).await.map(drop)
    }

    /// When it did.
    pub async fn until_database_answers(&self, name: &str) -> Result<Instant> {
        let start = Instant::now();
        while let Err(error) = docker(&["exec", &full(name), "pg_isready", "--quiet", "--host=127.0.0.1"]).await {
            if start.elapsed() > START_LIMIT {
                return Err(format!("{error}\n{}", self.log(name).await).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Instant::now())
    }

    /// Until the service answers `GET /ready` with 200.
    pub async fn until_ready(&self, name: &str) -> Result<Instant> {
        let start = Instant::now();
        loop {
            let answer = self.send(name, "GET", "/ready", "").await;
            if matches!(&answer, Ok(answer) if answer.status == 200) {
                return Ok(Instant::now());
            }
            if start.elapsed() > START_LIMIT {
                return Err(format!("{name} did not become ready\n{}", self.log(name).await).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// One request to a container.
    pub async fn send(&self, name: &str, method: &str, path: &str, body: &str) -> Result<Answer> {
        let mut connection = Connection::open(self.address(name).await?).await?;
        Ok(connection.send(method, path, "faults", body).await?)
    }

    pub async fn address(&self, name: &str) -> Result<SocketAddr> {
        let field = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address: Ipv4Addr =
            inspect(&full(name), field).await?.parse().map_err(|_| format!("{name} has no address"))?;
        Ok((address, 8080).into())
    }

    /// Runs SQL as the superuser, from within the container.
    pub async fn sql(&self, name: &str, sql: &str) -> Result<String> {
        docker(&["exec", &full(name), "psql", "--username=postgres", "--no-psqlrc", "-Atqc", sql]).await
    }

    /// The `User-Agent` of every recorded visit.
    pub async fn rows(&self, name: &str) -> Result<HashSet<String>> {
        let rows = self.sql(name, "SELECT user_agent FROM access").await?;
        Ok(rows.lines().map(str::to_owned).collect())
    }

    /// Gives the container's name `db`, or takes it, without giving up its address and so its connections.
    pub async fn rename(&self, name: &str, address: &str, alias: &str) -> Result {
        docker(&["network", "disconnect", NETWORK, &full(name)]).await?;
        docker(&["network", "connect", "--ip", address, "--alias", alias, NETWORK, &full(name)]).await.map(drop)
    }

    /// The end of the container's log.
    pub async fn log(&self, name: &str) -> String {
        let full = full(name);
        let output = tokio::process::Command::new("docker").args(["logs", "--tail=12", &full]).output().await;
        output.map_or_else(
            |error| error.to_string(),
            |output| format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    }

    pub async fn restarted_or_killed(&self, name: &str) -> Result<bool> {
        Ok(pid(&full(name)).await? == "0" || inspect(&full(name), "{{.State.OOMKilled}}").await? == "true")
    }
}

/// Keeps a volume mounted: a file system in memory is gone once no container has it.
pub async fn hold(volume: &str) -> Result {
    let (name, mount) = (full("holder"), format!("{volume}:/held"));
    let image = format!("causeway/stand-ins:{}", tag());
    docker(&["run", "--detach", "--label", LABEL, "--name", &name, "--network=none", "--volume", &mount, &image])
        .await
        .map(drop)
}

/// Of the images.
pub fn tag() -> String {
    std::env::var("TAG").unwrap_or_else(|_| "local".to_owned())
}

/// Containers of other things may be called `db`.
pub fn full(name: &str) -> String {
    format!("{NETWORK}-{name}")
}

/// The secret's value with this password.
pub fn secret(password: &str) -> String {
    format!(
        r#"{{"engine":"postgres","host":"db","port":5432,"dbname":"postgres","username":"postgres","password":"{password}"}}"#
    )
}

impl Drop for System {
    fn drop(&mut self) {
        if std::env::var_os("KEEP").is_none() {
            clean_up();
        }
    }
}

/// Removes everything with our label, also what a killed run has left.
pub fn clean_up() {
    let script = format!(
        "docker ps --all --quiet --filter label={LABEL} | xargs -r docker rm --force --volumes; \
         docker volume ls --quiet --filter name={NETWORK}- | xargs -r docker volume rm --force; \
         docker network ls --quiet --filter label={LABEL} | xargs -r docker network rm"
    );
    let _ = Command::new("sh").args(["-c", &script]).output();
}
