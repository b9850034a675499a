//! The metrics of frontend-api that CloudWatch gets: at most 25, because each one is billed.

use causeway_common::telemetry::emf::EmfMetric;
use causeway_common::telemetry::emf::EmfValue::{self, Distribution, Growth, Milliseconds, Now};

const fn metric(name: &'static str, value: EmfValue) -> EmfMetric {
    EmfMetric { name, unit: "Count", value }
}

/// The metrics that only frontend-api has.
pub const CLOUDWATCH: &[EmfMetric] = &[
    metric("VisitsQueueLength", Now("causeway_visits_queue_length")),
    metric("ReadsQueueLength", Now("causeway_reads_queue_length")),
    metric("VisitsBatchSize", Distribution("causeway_visits_batch_size")),
    EmfMetric {
        name: "VisitsCommitTime",
        unit: "Milliseconds",
        value: Milliseconds("causeway_visits_commit_duration_seconds"),
    },
    metric("DatabaseAvailable", Now("causeway_database_available")),
    metric("DatabaseConnections", Now("causeway_database_connections")),
    metric("DatabaseConnectionsInUse", Now("causeway_database_connections_in_use")),
    metric("DatabaseWaiting", Now("causeway_database_waiting")),
    metric("DatabaseConnectionErrors", Growth("causeway_database_connection_errors_total")),
    metric("DatabaseSecretReads", Growth("causeway_database_secret_reads_total")),
    metric("PrivateServiceInFlight", Now("causeway_private_service_in_flight")),
    metric("PrivateServiceRefused", Growth("causeway_private_service_refused_total")),
    metric("PrivateServiceFailures", Growth("causeway_private_service_failures_total")),
];
