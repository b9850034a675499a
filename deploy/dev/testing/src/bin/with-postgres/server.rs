//! Which PostgreSQL the run gets. Every way there says so in one line.

use causeway_local::postgres::{Options, Postgres};

use crate::container::{self, Container, Failure, OWN_IMAGE};
use crate::say;

const DEFAULT_IMAGE: &str = "postgres:17-alpine";

pub(crate) enum Server {
    /// It runs already and is not ours to end.
    Given(String),
    Container(Box<Container>),
    Child {
        postgres: Box<Postgres>,
        url: String,
    },
}

impl Server {
    pub(crate) async fn provide() -> Result<Self, String> {
        if let Some(url) = variable("TEST_DATABASE_URL") {
            say("tests use the PostgreSQL of TEST_DATABASE_URL");
            return Ok(Self::Given(url));
        }
        if let Err(reason) = container::engine().await {
            return child(&format!("no container engine ({reason})"));
        }
        let image = variable("TEST_POSTGRES_IMAGE").unwrap_or_else(|| DEFAULT_IMAGE.to_owned());
        match Container::start(&image).await {
            Ok(container) => Ok(Self::in_container(container, &image, "")),
            Err(Failure::NoImage(_)) => Self::own_image(&format!("{image} is neither here nor to be pulled")).await,
            Err(Failure::Other(reason)) => Err(reason),
        }
    }

    async fn own_image(why: &str) -> Result<Self, String> {
        match Container::start(OWN_IMAGE).await {
            Ok(container) => return Ok(Self::in_container(container, OWN_IMAGE, why)),
            Err(Failure::NoImage(_)) => {}
            Err(Failure::Other(reason)) => return Err(reason),
        }
        say(&format!("{why}: building {OWN_IMAGE}"));
        if let Err(reason) = container::build().await {
            return child(&format!("{why}, and {OWN_IMAGE} can't be built ({reason})"));
        }
        match Container::start(OWN_IMAGE).await {
            Ok(container) => Ok(Self::in_container(container, OWN_IMAGE, why)),
            Err(Failure::NoImage(reason) | Failure::Other(reason)) => Err(reason),
        }
    }

    fn in_container(container: Container, image: &str, why: &str) -> Self {
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        say(&format!("tests use PostgreSQL in a container of {image}{why}"));
        Self::Container(Box::new(container))
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Given(url) | Self::Child { url, .. } => url,
            Self::Container(container) => &container.url,
        }
    }

    pub(crate) async fn remove(self) -> Result<(), String> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Container(container) => container.remove().await,
            Self::Child { mut postgres, .. } => postgres.stop().map_err(|error| error.to_string()),
        }
    }
}

/// Blocks the runtime, which has nothing else to do.
fn child(why: &str) -> Result<Server, String> {
    let options = Options { keep: false, max_connections: 300, tell: &say };
    let postgres = Postgres::start(&options).map_err(|error| format!("{why}, and {error}"))?;
    say(&format!("{why}: tests use a PostgreSQL {} child process", postgres.version()));
    let url = postgres.url();
    Ok(Server::Child { postgres: Box::new(postgres), url })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
