//! The command line and the environment.

use causeway_testing::command_line::CommandLine;
use causeway_testing::command_line_tests;

use crate::helpers::BINARY;

const MISTAKES: &[(&str, &str)] = &[
    ("PORT", "http"),
    ("BIND_ADDRESS", "everywhere"),
    ("WORKERS", "0"),
    ("LOG_FORMAT", "xml"),
    ("METRICS", "statsd"),
    ("ADMIN_TOKEN", "too short"),
    ("ECS_CONTAINER_METADATA_URI_V4", "169.254.170.2/v4/1"),
    ("METADATA_TIMEOUT_MS", "0"),
    ("METADATA_REFRESH_MS", "-1"),
    ("CATALOGUE", "films"),
    ("CATALOGUE_FILE", "/nowhere.json"),
];

const PRIVATE_SERVICE: CommandLine = CommandLine {
    binary: BINARY,
    name: "private-service",
    version: env!("CARGO_PKG_VERSION"),
    mistakes: MISTAKES,
    others: &["RUST_LOG", "SHUTDOWN_DELAY_MS"],
    accepted: &[],
};

command_line_tests!(PRIVATE_SERVICE);
