//! Visits: recorded by `GET /`, listed by `GET /recent-visits`.
//!
//! Requests share the database's work: visits are recorded by group commit ([`recorder`]), and requests for the list share
//! one query ([`reader`]).

mod error;
pub mod handlers;
mod metrics;
mod overlap;
mod reader;
mod recorder;
mod requests;
mod retention;
mod store;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use causeway_common::config::{Group, Optional, Var, Vars};
use causeway_common::tasks::Tasks;
use causeway_common::telemetry::{ServedTogether, trace};

use self::error::InsertError;
pub use self::error::{KINDS, VisitError};
pub use self::handlers::RecentVisit as ListedVisit;
use self::handlers::RecentVisits;
pub use self::requests::Requests;
use self::retention::Retention;
use self::store::{Store, Visit};
pub use self::table::TableName;
use crate::batch::{self, Batcher, Rejected};
use crate::database::{Database, DatabaseError};

const TABLE_NAME: Var<TableName> = Var::parsed(
    "TABLE_NAME",
    (TableName::default, "`access`"),
    "at most 40 of a-z, 0-9 and _, not starting with a digit",
    TableName::parse,
    "The table that stores the visits.",
);
const VISITS_RETENTION_DAYS: Optional<u32> =
    Optional::int("VISITS_RETENTION_DAYS", 1..=36_500, "all visits are kept", "Days after which a visit is removed.");
const QUEUE_CAPACITY: Var<usize> = Var::int(
    "QUEUE_CAPACITY",
    4096,
    1..=1_000_000,
    "Requests that may wait for the database, counted separately for writes and for reads; more are answered with 503.",
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
    /// Days after which a visit is removed, if ever.
    retention_days: Option<u32>,
}

impl VisitsConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group {
        title: "Visits",
        variables: &[&TABLE_NAME, &QUEUE_CAPACITY, &REQUEST_TIMEOUT_MS, &VISITS_RETENTION_DAYS],
    };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self {
            table: vars.read(&TABLE_NAME),
            queue_capacity: vars.read(&QUEUE_CAPACITY),
            request_timeout: vars.read(&REQUEST_TIMEOUT_MS),
            retention_days: vars.read(&VISITS_RETENTION_DAYS),
        }
    }
}

/// Records and lists visits.
pub struct Visits {
    database: Database,
    recorder: Batcher<Visit, ServedTogether, InsertError>,
    reader: Batcher<(), Bytes, Arc<DatabaseError>>,
    requests: Arc<Requests>,
}

impl Visits {
    /// Adds the recorder and the reader to `tasks`.
    pub fn new(config: &VisitsConfig, database: &Database, tasks: &mut Tasks) -> Self {
        let (recorder, visits) = batch::paced(config.queue_capacity, config.request_timeout);
        let (reader, reads) = batch::shared(config.queue_capacity, config.request_timeout);
        let store = Store::new(database.clone(), &config.table);
        if let Some(days) = config.retention_days {
            tasks.spawn("retention of visits", Retention::new(database.clone(), &config.table, days).run());
        }
        tasks.serve("recorder of visits", recorder::run(store.clone(), visits));
        tasks.serve("reader of visits", reader::run(store, reads));
        Self { database: database.clone(), recorder, reader, requests: Arc::default() }
    }

    /// Returns how the newest requests ended.
    pub fn requests(&self) -> Arc<Requests> {
        self.requests.clone()
    }

    /// Returns once the visit is committed.
    async fn record(&self, visit: Visit, trace: trace::Context) -> Result<ServedTogether, VisitError> {
        let result = self.try_record(visit, trace).await;
        self.requests.note(&result);
        result
    }

    async fn try_record(&self, visit: Visit, trace: trace::Context) -> Result<ServedTogether, VisitError> {
        let unavailable = |error| VisitError::recording(Rejected::Failed(InsertError::Database(Arc::new(error))));
        self.database.availability().check().map_err(unavailable)?;
        self.recorder.submit(visit, trace).await.map_err(VisitError::recording)
    }

    /// Returns the newest visits as JSON, as they were after this call began.
    async fn recent(&self, trace: trace::Context) -> Result<Bytes, VisitError> {
        let result = self.try_recent(trace).await;
        self.requests.note(&result);
        result
    }

    async fn try_recent(&self, trace: trace::Context) -> Result<Bytes, VisitError> {
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
