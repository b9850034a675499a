//! Visits: recorded by `GET /`, listed by `GET /recent-visits`.
//!
//! Neither asks the database by itself. Recording goes through group commit ([`recorder`]), reading through a shared
//! query ([`reader`]); both are a [`batcher`] with one task at its end.

mod batcher;
mod error;
pub mod handlers;
mod reader;
mod recorder;
mod store;
mod table;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use causeway_common::config::{Group, Var, Vars};
use causeway_common::http::problem::Problem;

use self::batcher::{Batcher, Inbox};
pub use self::error::KINDS;
use self::error::VisitError;
use self::store::{Store, Visit};
pub use self::table::TableName;
use crate::database::Database;

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
    queue_capacity: usize,
    request_timeout: Duration,
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

/// What handlers use: the near ends of both queues.
#[derive(Clone)]
pub struct Visits {
    database: Database,
    recorder: Batcher<Visit, ()>,
    reader: Batcher<(), Bytes>,
}

/// The far ends: the tasks that talk to the database, until they are started.
#[derive(Clone)]
pub struct Tasks(Arc<Mutex<Option<Inboxes>>>);

struct Inboxes {
    store: Store,
    visits: Inbox<Visit, ()>,
    reads: Inbox<(), Bytes>,
}

/// Both ends. Nothing runs yet.
pub fn new(config: &VisitsConfig, database: Database) -> (Visits, Tasks) {
    let (recorder, visits) = batcher::paced(config.queue_capacity, config.request_timeout);
    let (reader, reads) = batcher::unpaced(config.queue_capacity, config.request_timeout);
    let inboxes = Inboxes { store: Store::new(database.clone(), &config.table), visits, reads };
    (Visits { database, recorder, reader }, Tasks(Arc::new(Mutex::new(Some(inboxes)))))
}

impl Tasks {
    /// Starts the recorder and the reader on the current thread's runtime, unless they run already. With one worker its
    /// own thread is the place: a visit then gets into a batch and its answer out without waking another thread.
    pub fn start_once(&self) {
        let taken = self.0.lock().expect("no holder of this lock can panic").take();
        if let Some(Inboxes { store, visits, reads }) = taken {
            tokio::spawn(recorder::run(store.clone(), visits));
            tokio::spawn(reader::run(store, reads));
        }
    }
}

impl Visits {
    /// Returns once the visit is committed.
    async fn record(&self, visit: Visit) -> Result<(), Problem> {
        self.database.availability().check().map_err(VisitError::from)?;
        Ok(self.recorder.submit(visit).await?)
    }

    /// The newest visits as JSON, as they were after this call began.
    async fn recent(&self) -> Result<Bytes, Problem> {
        self.database.availability().check().map_err(VisitError::from)?;
        Ok(self.reader.submit(()).await?)
    }
}
