//! Visits: recorded by `GET /`, listed by `GET /recent-visits`.
//!
//! No request uses the database by itself. Visits are recorded by group commit ([`recorder`]), and those who want the list
//! share one query ([`reader`]).

mod error;
pub mod handlers;
mod metrics;
mod reader;
mod recorder;
mod store;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use causeway_common::config::{Group, Var, Vars};
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::{ServedTogether, trace};

use self::error::InsertError;
pub use self::error::{KINDS, VisitError};
pub use self::handlers::RecentVisit as ListedVisit;
use self::handlers::RecentVisits;
use self::store::{Store, Visit};
pub use self::table::TableName;
use crate::batch::{self, Batcher, Rejected};
use crate::database::{Database, DatabaseError};

const TABLE_NAME: Var<TableName> = Var::parsed(
    "TABLE_NAME",
    (TableName::default, "`access`"),
    "a-z, 0-9 and _, at most 40, not starting with a digit",
    TableName::parse,
    "The table that stores the visits.",
);
const QUEUE_CAPACITY: Var<usize> = Var::int(
    "QUEUE_CAPACITY",
    4096,
    1..=1_000_000,
    "Requests that may wait for the database, for writes and for reads each; more are answered with 503.",
);
const REQUEST_TIMEOUT_MS: Var<Duration> = Var::milliseconds(
    "REQUEST_TIMEOUT_MS",
    5000,
    1..=600_000,
    "How long a request waits for the database before it is answered with 503.",
);

/// Where visits are stored, and how many requests may wait.
#[derive(Debug)]
pub struct VisitsConfig {
    /// Where visits are stored.
    pub table: TableName,
    /// Requests that may wait in each queue.
    pub queue_capacity: usize,
    /// How long each of them waits.
    pub request_timeout: Duration,
}

impl VisitsConfig {
    /// Its variables.
    pub const VARIABLES: Group =
        Group { title: "Visits", variables: &[&TABLE_NAME, &QUEUE_CAPACITY, &REQUEST_TIMEOUT_MS] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self {
            table: vars.read(&TABLE_NAME),
            queue_capacity: vars.read(&QUEUE_CAPACITY),
            request_timeout: vars.read(&REQUEST_TIMEOUT_MS),
        }
    }
}

/// Records and lists visits.
pub struct Visits {
    database: Database,
    recorder: Batcher<Visit, ServedTogether, InsertError>,
    reader: Batcher<(), Bytes, Arc<DatabaseError>>,
}

impl Visits {
    /// Adds the recorder and the reader to `tasks`.
    pub fn new(config: &VisitsConfig, database: &Database, tasks: &mut Tasks) -> Self {
        let (recorder, visits) = batch::paced(config.queue_capacity, config.request_timeout);
        let (reader, reads) = batch::shared(config.queue_capacity, config.request_timeout);
        let store = Store::new(database.clone(), &config.table);
        tasks.serve("recorder of visits", recorder::run(store.clone(), visits));
        tasks.serve("reader of visits", reader::run(store, reads));
        Self { database: database.clone(), recorder, reader }
    }

    /// Returns once the visit is committed.
    async fn record(&self, visit: Visit, trace: trace::Context) -> Result<ServedTogether, VisitError> {
        let unavailable = |error| VisitError::recording(Rejected::Failed(InsertError::Database(Arc::new(error))));
        self.database.availability().check().map_err(unavailable)?;
        self.recorder.submit(visit, trace).await.map_err(VisitError::recording)
    }

    /// Returns the newest visits as JSON, as they were after this call began.
    async fn recent(&self, trace: trace::Context) -> Result<Bytes, VisitError> {
        let unavailable = |error| VisitError::reading(Rejected::Failed(Arc::new(error)));
        self.database.availability().check().map_err(unavailable)?;
        self.reader.submit((), trace).await.map_err(VisitError::reading)
    }

    /// Returns the newest visits, newest first.
    ///
    /// # Errors
    /// When the database can't be asked or has no answer.
    pub async fn listed(&self) -> Result<Vec<ListedVisit>, VisitError> {
        let json = self.recent(trace::current()).await?;
        let visits: RecentVisits = serde_json::from_slice(&json).expect("the reader makes this JSON of the same type");
        Ok(visits.response)
    }
}
